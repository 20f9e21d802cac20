"""Where format 1 is stricter than its design: history was judged so, and format 2 is kinder."""

from __future__ import annotations

from medperf_cli.core.check.findings import Verdict
from tests.support.acting import decide, in_force, merge, refused, root, withdraw, write
from tests.support.rule_case import after
from tests.support.story_fields import FOREST, TISSUE

BENCHMARK = f"benchmarks/{TISSUE}"
ASSOCIATION = f"associations/{TISSUE}/models/{FOREST}"


def test_a_request_withdrawn_after_an_end_stands_in_the_way_of_the_next() -> None:
    """Version 3 must name 2, which never counted; an approval wants it to name 1, the last that did."""
    world = after("the model is associated")
    merge(world, withdraw("acme", f"{ASSOCIATION}/1.yml"))
    merge(world, write(f"{ASSOCIATION}/2.yml"), expect=Verdict.REVIEW)
    merge(world, withdraw("acme", f"{ASSOCIATION}/2.yml"))
    merge(world, write(f"{ASSOCIATION}/3.yml"), expect=Verdict.REVIEW)
    approval = decide("clara", f"{ASSOCIATION}/3.yml", under=f"{BENCHMARK}/2.yml")
    assert refused(world, approval) == {"DEC002"}
    assert in_force(world, f"{ASSOCIATION}/3.yml") is None
    merge(world, root(2, "ada", format=2), expect=Verdict.REVIEW)
    merge(world, approval)
    assert in_force(world, f"{ASSOCIATION}/3.yml") == 3


def test_in_format_2_too_what_was_overtaken_cannot_be_approved_any_more() -> None:
    world = after("the model is associated")
    merge(world, root(2, "ada", format=2), expect=Verdict.REVIEW)
    merge(world, withdraw("acme", f"{ASSOCIATION}/1.yml"))
    merge(world, write(f"{ASSOCIATION}/2.yml"), expect=Verdict.REVIEW)
    merge(world, write(f"{ASSOCIATION}/3.yml"), expect=Verdict.REVIEW)
    merge(world, decide("clara", f"{ASSOCIATION}/3.yml", under=f"{BENCHMARK}/2.yml"))
    late = decide("clara", f"{ASSOCIATION}/2.yml", under=f"{BENCHMARK}/2.yml")
    assert refused(world, late) == {"DEC002"}
    assert in_force(world, f"{ASSOCIATION}/3.yml") == 3


def test_a_request_for_operation_that_was_withdrawn_freezes_its_name_all_the_same() -> None:
    """It never counted, so nothing rests on it; only while it waits is it left out."""
    world = after("the metrics cube")
    merge(world, write(f"{BENCHMARK}/1.yml", state="operation"), expect=Verdict.REVIEW)
    other = write(f"{BENCHMARK}/2.yml", **{"ranking.weighting": "sites"})
    merge(world, withdraw("tumor-board", f"{BENCHMARK}/1.yml"))
    assert refused(world, other) == {"FRZ001"}
    merge(world, root(2, "ada", format=2), expect=Verdict.REVIEW)
    merge(world, other, expect=Verdict.REVIEW)
