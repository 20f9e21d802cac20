"""Roles as they change: new thresholds and committees, what ends each kind, how old a `seen` may be."""

from __future__ import annotations

import pytest

from medperf_cli.core.check.findings import Verdict
from medperf_cli.core.lifecycle.standing import Standing
from tests.support.acting import (
    Action,
    act,
    decide,
    in_force,
    judge,
    keys,
    merge,
    refused,
    registry_of,
    root,
    standing,
    withdraw,
    write,
)
from tests.support.rule_case import after
from tests.support.story_fields import DATASET, FOREST, REFERENCE, TISSUE

BENCHMARK = f"benchmarks/{TISSUE}"
ASSOCIATION = f"associations/{TISSUE}/models/{FOREST}/1.yml"
RESULT = f"results/{TISSUE}/{REFERENCE}/{DATASET}/1.yml"
CHARTER = f"{BENCHMARK}/2.yml"
ENDS = {  # the version in force, who owns it, who revokes it, under what
    "cube": (f"cubes/{FOREST}/1.yml", "acme", "ada", "root/1.yml"),
    "dataset": (f"datasets/{DATASET}/2.yml", "st-mary", "ada", "root/1.yml"),
    "benchmark": (CHARTER, "tumor-board", "ada", "root/1.yml"),
    "association": (ASSOCIATION, "acme", "clara", CHARTER),
    "result": (RESULT, "st-mary", "clara", CHARTER),
    "member": ("members/acme/1.yml", "acme", "ada", "root/1.yml"),
}
LAST = "the reference model's result"


@pytest.mark.parametrize("kind", sorted(ENDS.keys() - {"member"}))
def test_an_owner_withdraws_what_is_its_own_and_nobody_else_does(kind: str) -> None:
    path, owner, other, _ = ENDS[kind]
    world = after(LAST)
    assert refused(world, withdraw(other, path, version=_next(kind))) == {"DEC002"}
    merge(world, withdraw(owner, path))
    assert (standing(world, path), in_force(world, path)) == (Standing.WITHDRAWN, None)
    assert refused(world, withdraw(owner, path, version=2)) == {"DEC002"}


def test_nobody_withdraws_a_member() -> None:
    assert refused(after(LAST), withdraw("acme", "members/acme/1.yml")) == {"DEC002"}


@pytest.mark.parametrize("kind", sorted(ENDS))
def test_who_decides_about_a_kind_revokes_it_and_its_owner_does_not(kind: str) -> None:
    path, owner, who, under = ENDS[kind]
    world = after(LAST)
    assert "DEC003" in refused(world, decide(owner, path, verdict="revoke", under=under))
    merge(world, decide(who, path, verdict="revoke", under=under, version=_next(kind)))
    assert (standing(world, path), in_force(world, path)) == (Standing.REVOKED, None)


@pytest.mark.parametrize("kind", ["cube", "dataset", "association", "result", "benchmark"])
def test_the_other_role_does_not_revoke(kind: str) -> None:
    path, _, who, _ = ENDS[kind]
    other, under = ("clara", CHARTER) if who == "ada" else ("ada", "root/1.yml")
    assert refused(after(LAST), decide(other, path, verdict="revoke", under=under)) == {"DEC003"}


def _next(kind: str) -> int:
    """The version of a decision by whoever decided before: the story has approvals of these."""
    return 2 if kind in ("association", "member", "benchmark") else 1


def test_a_higher_threshold_of_admins_undoes_nothing_and_counts_for_what_waits() -> None:
    world = registry_of("ada", "bob")
    zoe, yan = "members/zoe/1.yml", "members/yan/1.yml"
    merge(world, write(zoe), decide("ada", zoe))
    merge(world, write(yan), expect=Verdict.REVIEW)
    merge(world, root(2, "ada", "bob", **{"admins.threshold": 2}), expect=Verdict.REVIEW)
    assert standing(world, zoe) is Standing.EFFECTIVE
    assert refused(world, decide("ada", yan)) == {"DEC003"}
    merge(world, decide("ada", yan, under="root/2.yml"), expect=Verdict.REVIEW)
    assert standing(world, yan) is Standing.PENDING
    merge(world, decide("bob", yan, under="root/2.yml"))
    assert standing(world, yan) is Standing.EFFECTIVE


def test_a_lower_threshold_makes_no_old_vote_suffice() -> None:
    world = registry_of("ada", "bob", threshold=2)
    zoe = "members/zoe/1.yml"
    merge(world, write(zoe), decide("ada", zoe), expect=Verdict.REVIEW)
    merge(world, root(2, "ada", "bob", **{"admins.threshold": 1}), expect=Verdict.REVIEW)
    assert standing(world, zoe) is Standing.PENDING
    merge(world, decide("ada", zoe, under="root/2.yml", version=2))
    assert standing(world, zoe) is Standing.EFFECTIVE


def test_a_new_root_with_a_threshold_of_its_own_needs_both() -> None:
    world = registry_of("ada", "bob", "cyd", threshold=2)
    lower = {"admins.threshold": 1}
    assert refused(world, root(2, "ada", **lower)) == {"SIG002"}
    higher = {"admins.threshold": 3}
    assert refused(world, root(2, "ada", "bob", **higher)) == {"SIG002"}
    merge(world, root(2, "ada", "bob", "cyd", **higher), expect=Verdict.REVIEW)


def new_committee(*members: str, threshold: int = 1) -> Action:
    committee = {"committee.members": list(members), "committee.threshold": threshold}
    return write(f"{BENCHMARK}/3.yml", **committee)


def test_a_new_committee_undoes_nothing_and_the_old_one_decides_nothing_any_more() -> None:
    world = after("the model is associated")
    other = f"associations/{TISSUE}/models/st-mary/own/1.yml"
    merge(world, write("cubes/st-mary/own/1.yml"))
    merge(world, write(other), expect=Verdict.REVIEW)
    merge(world, new_committee("ada"), decide("clara", f"{BENCHMARK}/3.yml", under=CHARTER))
    assert standing(world, ASSOCIATION) is Standing.EFFECTIVE
    assert refused(world, decide("clara", other, under=CHARTER)) == {"DEC003"}
    assert refused(world, decide("clara", other, under=f"{BENCHMARK}/3.yml")) == {"DEC003"}
    assert refused(world, decide("clara", ASSOCIATION, verdict="revoke", under=CHARTER, version=2)) == {
        "DEC003"
    }
    merge(world, decide("ada", other, under=f"{BENCHMARK}/3.yml"))
    assert standing(world, other) is Standing.EFFECTIVE


def test_a_higher_threshold_of_a_committee_counts_for_what_waits() -> None:
    world = after("a model is submitted")
    merge(world, write(ASSOCIATION), expect=Verdict.REVIEW)
    two = new_committee("ada", "clara", threshold=2)
    merge(world, two, decide("clara", f"{BENCHMARK}/3.yml", under=CHARTER))
    merge(world, decide("clara", ASSOCIATION, under=f"{BENCHMARK}/3.yml"), expect=Verdict.REVIEW)
    assert standing(world, ASSOCIATION) is Standing.PENDING
    merge(world, decide("ada", ASSOCIATION, under=f"{BENCHMARK}/3.yml"))
    assert standing(world, ASSOCIATION) is Standing.EFFECTIVE


def test_an_admin_who_lost_the_key_is_named_with_another_by_the_others() -> None:
    world = registry_of("ada", "bob")
    path, zoe = "members/ada/2.yml", "members/zoe/1.yml"
    lost = keys("ada", "ada-2", revoked=("ada",))
    lost[0]["label"] = "first key"
    merge(world, write(path, signer="ada-2", keys=lost), decide("bob", path), expect=Verdict.REVIEW)
    assert refused(world, write(zoe), decide("ada", zoe, signer="ada-2")) == {"SIG001"}
    moved = {"version": 2, "signed_by": {"bob": "bob"}, "admins.members.0.key": "key ada-2"}
    merge(world, {"root": moved}, expect=Verdict.REVIEW)
    merge(world, write(zoe), decide("ada", zoe, under="root/2.yml", signer="ada-2"))


@pytest.mark.parametrize(("age", "lawful"), [(0, True), (10, True), (11, False)])
def test_a_seen_may_be_as_old_as_the_root_says_and_no_older(age: int, *, lawful: bool) -> None:
    world = registry_of("ada", limits={"seen_commits": 10})
    for number in range(11):
        merge(world, write(f"cubes/ada/tree-{number}/1.yml"))
    asked = write("cubes/ada/late/1.yml", seen=f"tree {age}")
    report = judge(world, asked)
    assert [f.rule for f in report.findings] == ([] if lawful else ["DOC005"])
    assert act(world, asked).added
