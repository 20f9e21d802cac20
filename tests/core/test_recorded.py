"""Approvals recorded from a forge: when they count as a member's vote, and what ends that."""

from __future__ import annotations

import pytest

from medperf_cli.core.check.findings import Verdict
from medperf_cli.core.entities.decision import DecisionVerdict
from medperf_cli.core.lifecycle.requirement import Role
from medperf_cli.core.lifecycle.standing import Standing
from medperf_cli.core.names import parse_path
from tests.support.acting import decide, in_force, merge, refused, root, standing, write
from tests.support.recording import ASSOCIATION, CHARTER, RECORDED, allow_recording, asked, recorded, signed
from tests.support.rule_case import after
from tests.support.story_fields import TISSUE
from tests.support.world import World


@pytest.fixture
def world() -> World:
    world = after("a model is submitted")
    allow_recording(world, lambda files: world.merge(files, expect=None))
    return world


def test_two_approvals_in_the_forge_admit_an_association(world: World) -> None:
    merge(world, asked(), recorded("boris"), expect=Verdict.REVIEW)
    assert standing(world, ASSOCIATION) is Standing.PENDING
    missing = world.state.missing(parse_path(ASSOCIATION), Role.COMMITTEE, DecisionVerdict.APPROVE)
    assert missing == (1, ["clara"])
    merge(world, recorded("clara"))
    assert in_force(world, ASSOCIATION) == 1


def test_a_signed_and_a_recorded_approval_of_one_member_are_one_vote(world: World) -> None:
    merge(world, asked(), recorded("clara"), expect=Verdict.REVIEW)
    merge(world, signed("clara"), expect=Verdict.REVIEW)
    assert standing(world, ASSOCIATION) is Standing.PENDING
    merge(world, signed("boris"))
    assert standing(world, ASSOCIATION) is Standing.EFFECTIVE


def test_a_recorded_approval_is_taken_back_by_signing_and_given_again_only_so(world: World) -> None:
    merge(world, asked(), recorded("clara"), expect=Verdict.REVIEW)
    merge(world, signed("clara", verdict="retract"))
    assert refused(world, recorded("clara", version=2)) == {"REC004"}
    merge(world, recorded("boris"), expect=Verdict.REVIEW)
    assert standing(world, ASSOCIATION) is Standing.PENDING
    merge(world, signed("clara", version=2))
    assert standing(world, ASSOCIATION) is Standing.EFFECTIVE


def test_recorded_approvals_under_two_authorities_are_not_added_up(world: World) -> None:
    merge(world, asked(), recorded("clara"), expect=Verdict.REVIEW)
    newer = f"benchmarks/{TISSUE}/4.yml"
    votes = [decide(name, newer, under=CHARTER) for name in ("boris", "clara")]
    merge(world, write(newer, **{"association_policy.datasets": {"mode": "always"}}), *votes)
    assert refused(world, recorded("boris")) == {"DEC003"}
    merge(world, recorded("boris", under=newer), expect=Verdict.REVIEW)
    assert standing(world, ASSOCIATION) is Standing.PENDING
    merge(world, recorded("clara", under=newer, version=2))
    assert standing(world, ASSOCIATION) is Standing.EFFECTIVE


def test_what_was_recorded_stands_when_the_root_stops_allowing_it(world: World) -> None:
    merge(world, asked(), recorded("clara"), signed("boris"))
    until = {"expires": "2033-01-01T00:00:00Z"}
    merge(world, root(3, "ada", recorded_kinds=[], **until), expect=Verdict.REVIEW)
    assert standing(world, ASSOCIATION) is Standing.EFFECTIVE


def test_the_recorders_key_does_nothing_but_record(world: World) -> None:
    assert refused(world, write("cubes/acme/bush/1.yml", signer="recorder")) == {"SIG001"}
    assert refused(world, asked(), signed("clara", signer="recorder")) == {"SIG001"}


def test_a_recorded_approval_of_another_registry_is_none_here(world: World) -> None:
    other = {"sign": {"path": f"{RECORDED}/clara/1.yml", "by": "recorder", "registry": "f" * 32}}
    assert refused(world, asked(), recorded("clara"), other) == {"REC002"}


def test_recorded_files_of_other_kinds_that_slipped_into_a_tree_count_for_nothing(world: World) -> None:
    zoe = "members/zoe/1.yml"
    merge(world, write(zoe), expect=Verdict.REVIEW)
    world.force(world.record("ada", zoe, authority="root/2.yml"))
    assert standing(world, zoe) is Standing.PENDING


def test_neither_a_recorded_nor_a_signed_vote_is_about_a_recorded_file(world: World) -> None:
    merge(world, asked(), recorded("clara"), expect=Verdict.REVIEW)
    stem = f"{RECORDED}/clara/1"
    odd = [
        {"entry": {"path": f"registry/{folder}/{stem}/boris/1.yml"}} for folder in ("decisions", "recorded")
    ]
    assert refused(world, *odd) == {"TREE001"}
