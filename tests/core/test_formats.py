"""Formats of a registry: what each root's rules know, and where an older tool stops."""

from __future__ import annotations

import pytest

from medperf_cli.core.check.engine import rules
from medperf_cli.core.check.findings import Verdict
from medperf_cli.core.check.rules import documents
from medperf_cli.core.entities.parsing import MODELS, SINCE, validate
from medperf_cli.core.entities.root import FORMAT
from medperf_cli.core.names import Kind
from medperf_cli.errors import DocumentError
from tests.support.acting import act, decide, judge, merge, record, refused, registry_of, root, write
from tests.support.rule_case import after
from tests.support.story_fields import FOREST, TISSUE
from tests.support.world import World

ASSOCIATION = f"associations/{TISSUE}/models/{FOREST}/1.yml"
BENCHMARK = f"benchmarks/{TISSUE}/2.yml"
CUBE = "cubes/ada/tree/1.yml"
RECORDER = {"recorder": {"key": "key recorder"}, "recorded_kinds": ["association"]}


def test_what_a_later_format_brings_is_unknown_before_and_to_its_own_rules_too() -> None:
    world = after("a model is submitted")
    merge(world, root(2, "ada", **RECORDER), expect=Verdict.REVIEW)
    assert world.state.reader.root.format == 1
    assert refused(world, write(ASSOCIATION), record("clara", ASSOCIATION, BENCHMARK)) == {"DOC002"}


def test_a_root_moves_to_the_next_format_and_what_comes_after_is_judged_by_it() -> None:
    world = after("a model is submitted")
    merge(world, root(2, "ada", format=2, **RECORDER), expect=Verdict.REVIEW)
    asked = write(ASSOCIATION), record("clara", ASSOCIATION, BENCHMARK)
    assert refused(world, *asked) == {"REC003"}  # known now, and clara has no login
    merge(world, write(CUBE))


def test_the_root_that_moves_to_a_format_is_itself_judged_by_the_one_before() -> None:
    world = registry_of("ada")
    moved = root(2, "ada", format=2, **RECORDER)
    assert refused(world, moved, write(CUBE)) == {"ROOT002"}


def test_no_way_leads_back_to_a_lower_format() -> None:
    world = registry_of("ada", format=2)
    assert refused(world, root(2, "ada", format=1)) == {"ROOT001"}


def test_a_tool_that_knows_only_the_format_before_stops_and_names_the_version_it_needs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = registry_of("ada")
    merge(world, root(2, "ada", format=2, minimum_tool="0.5.0"), expect=Verdict.REVIEW)
    monkeypatch.setattr(documents, "FORMAT", 1)
    unknown = {"bytes": {"path": "redactions/1.yml", "text": "schema: redaction/1\n"}}
    report = judge(world, write(CUBE), unknown)
    assert [f.rule for f in report.findings] == ["DOC006"]
    assert "medperf-registry 0.5.0 or later" in report.findings[0].repair


def test_a_registry_that_begins_with_an_unknown_format_is_not_judged_either() -> None:
    assert refused(World(), {"genesis": {"format": FORMAT + 1}}) == {"DOC006"}


def test_genesis_holds_nothing_of_a_later_format() -> None:
    world = World()
    begin = {"genesis": {"format": 2, "recorder": {"key": "key recorder"}}}
    path = "recorded/members/ada/1/ada/1.yml"
    odd = {"bytes": {"path": path, "text": "schema: recorded/1\n"}}
    assert refused(world, begin, odd) == {"DOC002", "GEN001", "TREE003"}
    assert judge(world, begin).verdict is Verdict.AUTO


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind not in MODELS or kind in SINCE])
def test_a_kind_is_refused_by_name_in_a_format_without_it(kind: Kind) -> None:
    with pytest.raises(DocumentError, match=f"a {kind} is not part of registry format 1"):
        validate(kind, {}, 1)


def test_every_rule_says_since_which_format_it_judges() -> None:
    assert {rule.since for rule in rules()} <= set(range(1, FORMAT + 1))
    assert {rule.id[:3] for rule in rules() if rule.since > 1} == {"REC", "RED", "APP"}


def test_a_signed_decision_is_the_same_in_both_formats() -> None:
    for number in (1, 2):
        world = registry_of("ada", format=number)
        assert act(world, write("members/zoe/1.yml"), decide("ada", "members/zoe/1.yml")).change().added
        assert judge(world, write("members/zoe/1.yml"), decide("ada", "members/zoe/1.yml")).findings == ()
