"""What counts, what is in force and who must still decide, as a registry goes through its days."""

from __future__ import annotations

import inspect
import sys
from typing import Any

import pytest

from medperf_cli.core.check.findings import Verdict
from medperf_cli.core.entities.decision import DecisionVerdict
from medperf_cli.core.entities.parsing import emit_entity
from medperf_cli.core.lifecycle.reader import sha256
from medperf_cli.core.lifecycle.requirement import Body, Role
from medperf_cli.core.lifecycle.standing import Standing
from medperf_cli.core.names import Kind, parse_path
from medperf_cli.errors import IntegrityError
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
from tests.support.story_fields import FOREST, TISSUE

ZOE = "members/zoe/1.yml"
BENCHMARK = f"benchmarks/{TISSUE}"
ASSOCIATION = f"associations/{TISSUE}/models/{FOREST}"
RESULT = f"results/{TISSUE}/tumor-board/logistic/st-mary/biopsies"


def policy(version: int, mode: str = "always", **changes: Any) -> Action:
    return write(f"{BENCHMARK}/{version}.yml", **{"association_policy.models": {"mode": mode}, **changes})


def by_clara(about: str, version: int = 2, **given: Any) -> Action:
    return decide("clara", about, under=f"{BENCHMARK}/{version}.yml", **given)


def test_two_of_three_admins_admit_a_member() -> None:
    world = registry_of("ada", "bob", "cyd", threshold=2)
    merge(world, write(ZOE), expect=Verdict.REVIEW)
    assert standing(world, ZOE) is Standing.PENDING
    merge(world, decide("cyd", ZOE), expect=Verdict.REVIEW)
    missing = world.state.missing(parse_path(ZOE), Role.ADMINS, DecisionVerdict.APPROVE)
    assert missing == (1, ["ada", "bob"])
    merge(world, decide("ada", ZOE))
    assert in_force(world, ZOE) == 1


def test_one_admin_who_approves_twice_is_one_vote() -> None:
    world = registry_of("ada", "bob", threshold=2)
    merge(world, write(ZOE), expect=Verdict.REVIEW)
    merge(world, decide("ada", ZOE), expect=Verdict.REVIEW)
    merge(world, decide("ada", ZOE, version=2), expect=Verdict.REVIEW)
    assert standing(world, ZOE) is Standing.PENDING


def test_votes_under_two_roots_are_not_added_up() -> None:
    world = registry_of("ada", "bob", threshold=2)
    merge(world, write(ZOE), decide("ada", ZOE), expect=Verdict.REVIEW)
    merge(world, root(2, "ada", "bob"), expect=Verdict.REVIEW)
    merge(world, decide("bob", ZOE, under="root/2.yml"), expect=Verdict.REVIEW)
    assert standing(world, ZOE) is Standing.PENDING
    merge(world, decide("ada", ZOE, under="root/2.yml", version=2))
    assert standing(world, ZOE) is Standing.EFFECTIVE


def test_what_was_approved_stays_when_those_who_approved_it_go() -> None:
    world = registry_of("ada", "bob")
    merge(world, write(ZOE), decide("bob", ZOE))
    merge(world, root(2, "ada", **{"admins.members": [admin("ada")]}), expect=Verdict.REVIEW)
    assert standing(world, ZOE) is Standing.EFFECTIVE
    yan = "members/yan/1.yml"
    assert refused(world, write(yan), decide("bob", yan)) == {"DEC003"}


def admin(name: str) -> dict[str, str]:
    return {"member": name, "key": f"key {name}"}


def test_the_requester_does_not_count_while_enough_others_are_there() -> None:
    three = Body(frozenset({"ada", "bob", "cyd"}), 2)
    assert three.counted({"ada", "bob"}, "ada", admins=True) == {"bob"}
    two = Body(frozenset({"ada", "bob"}), 2)
    assert two.counted({"ada", "bob"}, "ada", admins=True) == {"ada", "bob"}
    assert two.counted({"ada", "bob"}, "ada", admins=False) == {"bob"}
    assert two.counted({"ada", "zoe"}, None, admins=True) == {"ada"}


def test_the_only_admin_decides_about_its_own_request() -> None:
    world = registry_of("ada")
    path = "members/ada/2.yml"
    merge(world, write(path, keys=keys("ada", "ada-2")), expect=Verdict.REVIEW)
    merge(world, decide("ada", path))
    assert in_force(world, path) == 2


def test_admins_decide_about_a_benchmark_until_it_is_in_operation() -> None:
    world = after("the benchmark")
    text = write(f"{BENCHMARK}/2.yml", title="Breast masses")
    assert judge(world, text).verdict is Verdict.REVIEW
    assert refused(world, text, decide("clara", f"{BENCHMARK}/2.yml", under=f"{BENCHMARK}/1.yml")) == {
        "DEC003"
    }
    merge(world, text, decide("ada", f"{BENCHMARK}/2.yml"))


def test_in_operation_texts_are_the_owners_and_the_policy_is_the_committees() -> None:
    world = after("the benchmark goes into operation")
    merge(world, write(f"{BENCHMARK}/3.yml", title="Breast masses"))
    assert in_force(world, f"{BENCHMARK}/3.yml") == 3
    merge(world, policy(4, title="Masses"), expect=Verdict.REVIEW)
    assert in_force(world, f"{BENCHMARK}/4.yml") == 3
    assert refused(world, decide("ada", f"{BENCHMARK}/4.yml")) == {"DEC003"}
    merge(world, by_clara(f"{BENCHMARK}/4.yml", 3))
    assert in_force(world, f"{BENCHMARK}/4.yml") == 4


def test_the_present_committee_decides_who_comes_next() -> None:
    world = after("the benchmark goes into operation")
    path = f"{BENCHMARK}/3.yml"
    change = write(path, committee={"threshold": 2, "members": ["acme", "st-mary"]})
    assert refused(world, change, decide("acme", path, under=f"{BENCHMARK}/2.yml")) == {"DEC003"}
    merge(world, change, by_clara(path))
    assert refused(
        world, write(f"{BENCHMARK}/4.yml", **{"committee.threshold": 1}), by_clara(f"{BENCHMARK}/4.yml", 3)
    ) == {"DEC003"}


def test_a_text_over_a_pending_version_is_no_way_around_the_admins() -> None:
    world = after("the metrics cube")
    merge(world, write(f"{BENCHMARK}/1.yml", state="operation"), expect=Verdict.REVIEW)
    merge(world, write(f"{BENCHMARK}/2.yml", title="Breast masses"), expect=Verdict.REVIEW)
    assert in_force(world, f"{BENCHMARK}/2.yml") is None


def test_a_policy_admits_whom_it_names() -> None:
    world = after("a model is submitted")
    listed = {"mode": "allow-list", "allow": ["acme"]}
    three = write(f"{BENCHMARK}/3.yml", **{"association_policy.models": listed})
    merge(world, three, by_clara(f"{BENCHMARK}/3.yml"))
    merge(world, write("cubes/st-mary/own/1.yml"))
    merge(world, write(f"{ASSOCIATION}/1.yml"))
    assert in_force(world, f"{ASSOCIATION}/1.yml") == 1
    other = f"associations/{TISSUE}/models/st-mary/own/1.yml"
    merge(world, write(other), expect=Verdict.REVIEW)
    assert in_force(world, other) is None


def test_an_association_of_an_earlier_version_is_decided_by_the_present_committee() -> None:
    world = after("a model is submitted")
    merge(world, write(f"{ASSOCIATION}/1.yml"), expect=Verdict.REVIEW)
    merge(
        world,
        write(f"{BENCHMARK}/3.yml", committee={"threshold": 1, "members": ["ada"]}),
        by_clara(f"{BENCHMARK}/3.yml"),
    )
    assert refused(world, by_clara(f"{ASSOCIATION}/1.yml", 2)) == {"DEC003"}
    merge(world, decide("ada", f"{ASSOCIATION}/1.yml", under=f"{BENCHMARK}/3.yml"))
    assert in_force(world, f"{ASSOCIATION}/1.yml") == 1


def test_an_approval_is_taken_back_while_it_waits_and_not_afterwards() -> None:
    world = registry_of("ada", "bob", threshold=2)
    merge(world, write(ZOE), decide("ada", ZOE), expect=Verdict.REVIEW)
    merge(world, decide("ada", ZOE, verdict="retract", version=2))
    merge(world, decide("bob", ZOE), expect=Verdict.REVIEW)
    assert standing(world, ZOE) is Standing.PENDING
    merge(world, decide("ada", ZOE, version=3))
    assert refused(world, decide("ada", ZOE, verdict="retract", version=4)) == {"DEC002"}


def test_a_revocation_takes_as_many_as_an_approval() -> None:
    world = registry_of("ada", "bob", threshold=2)
    merge(world, write(ZOE), decide("ada", ZOE), decide("bob", ZOE))
    merge(world, decide("ada", ZOE, verdict="revoke", version=2), expect=Verdict.REVIEW)
    assert in_force(world, ZOE) == 1
    merge(world, decide("bob", ZOE, verdict="revoke", version=2))
    assert (standing(world, ZOE), in_force(world, ZOE)) == (Standing.REVOKED, None)
    assert refused(world, decide("ada", ZOE, version=3)) == {"DEC002"}


def test_what_is_withdrawn_never_comes_back_and_the_next_version_starts_anew() -> None:
    world = after("the model is associated")
    path = f"{ASSOCIATION}/1.yml"
    merge(world, withdraw("acme", path))
    assert (standing(world, path), in_force(world, path)) == (Standing.WITHDRAWN, None)
    assert refused(world, decide("clara", path, version=2, under=f"{BENCHMARK}/2.yml")) == {"DEC002"}
    merge(world, write(f"{ASSOCIATION}/2.yml"), expect=Verdict.REVIEW)
    merge(world, by_clara(f"{ASSOCIATION}/2.yml"))
    assert in_force(world, path) == 2


def test_a_withdrawn_request_leaves_what_is_in_force_as_it_is() -> None:
    world = after("the benchmark goes into operation")
    merge(world, policy(3), expect=Verdict.REVIEW)
    merge(world, withdraw("tumor-board", f"{BENCHMARK}/3.yml"))
    assert in_force(world, f"{BENCHMARK}/3.yml") == 2
    assert refused(world, by_clara(f"{BENCHMARK}/3.yml")) == {"DEC002"}


def test_a_withdrawn_version_does_not_bring_the_one_before_back() -> None:
    world = after("the benchmark goes into operation")
    merge(world, write(f"{BENCHMARK}/3.yml", title="Breast masses"))
    merge(world, withdraw("tumor-board", f"{BENCHMARK}/3.yml"))
    assert in_force(world, f"{BENCHMARK}/3.yml") is None
    merge(world, write(f"{BENCHMARK}/4.yml", title="Masses"), expect=Verdict.REVIEW)
    merge(world, decide("ada", f"{BENCHMARK}/4.yml"))
    assert in_force(world, f"{BENCHMARK}/3.yml") == 4


def test_decisions_that_slipped_into_a_tree_do_not_count_without_their_role() -> None:
    """Replay would stop at them; the state does not follow them either."""
    world = after("the model is associated")
    world.force(act(world, withdraw("st-mary", f"{ASSOCIATION}/1.yml")).added)
    assert standing(world, f"{ASSOCIATION}/1.yml") is Standing.EFFECTIVE
    other = "benchmarks/acme/easy/1.yml"
    merge(world, write(other, **{"committee.members": ["acme"]}), decide("ada", other))
    path = f"associations/{TISSUE}/models/st-mary/own/1.yml"
    merge(world, write("cubes/st-mary/own/1.yml"))
    merge(world, write(path), expect=Verdict.REVIEW)
    world.force(act(world, decide("acme", path, under=other), decide("ada", path)).added)
    assert standing(world, path) is Standing.PENDING


def test_of_results_the_newest_not_withdrawn_counts() -> None:
    world = after("the reference model's result")
    merge(world, write(f"{RESULT}/2.yml", **{"metrics.0.mean": 0.94}))
    assert in_force(world, f"{RESULT}/1.yml") == 2
    merge(world, withdraw("st-mary", f"{RESULT}/2.yml"))
    assert in_force(world, f"{RESULT}/1.yml") == 1
    merge(world, withdraw("st-mary", f"{RESULT}/1.yml"))
    assert in_force(world, f"{RESULT}/1.yml") is None
    merge(world, write(f"{RESULT}/3.yml", **{"metrics.0.mean": 0.93}))
    assert in_force(world, f"{RESULT}/1.yml") == 3


def test_a_committee_that_only_the_requester_could_complete_says_so() -> None:
    world = after("a model is submitted")
    path = f"{BENCHMARK}/3.yml"
    merge(world, write(path, committee={"threshold": 2, "members": ["clara", "acme"]}), by_clara(path))
    report = judge(world, write(f"{ASSOCIATION}/1.yml"), by_clara(f"{ASSOCIATION}/1.yml", 3))
    assert report.verdict is Verdict.REVIEW
    assert "nobody can at present" in report.findings[0].message


def test_what_is_not_there_has_no_standing() -> None:
    world = registry_of("ada")
    with pytest.raises(IntegrityError, match=r"'cubes/ada/tree/1\.yml' is not in the registry"):
        standing(world, "cubes/ada/tree/1.yml")
    assert world.state.in_force(Kind.CUBE, "ada/tree") is None


def test_a_long_chain_of_versions_is_judged_without_recursion() -> None:
    world = after("the benchmark goes into operation")
    entity, data = world.state.reader.entity(parse_path(f"{BENCHMARK}/2.yml")), b""
    assert entity is not None
    for version in range(3, 103):
        previous = sha256(data or world.files[f"{BENCHMARK}/2.yml"])
        data = emit_entity(
            entity.model_copy(update={"version": version, "previous": previous, "title": "Text"})
        )
        world.files[f"{BENCHMARK}/{version}.yml"] = data
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + 150)
    try:
        assert in_force(world, f"{BENCHMARK}/1.yml") == 102
    finally:
        sys.setrecursionlimit(limit)
