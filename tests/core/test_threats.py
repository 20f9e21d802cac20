"""The threats that the design names, as far as the pure core decides them: each is a test, by its name."""

from __future__ import annotations

from typing import Any

import pytest

from medperf_cli.core.check.engine import check
from medperf_cli.core.check.findings import Verdict
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
    withdraw,
    write,
)
from tests.support.rule_case import after
from tests.support.story_fields import DATASET, FOREST, TISSUE
from tests.support.world import World

CUBE = "cubes/acme/tree/1.yml"
BENCHMARK = f"benchmarks/{TISSUE}"
ASSOCIATION = f"associations/{TISSUE}/models/{FOREST}/1.yml"
RESULT = f"results/{TISSUE}/{FOREST}/{DATASET}/1.yml"
ZERO = "0" * 64


def signed(path: str, by: str, **how: str) -> Action:
    return {"sign": {"path": path, "by": by, **how}}


def by_clara(about: str = ASSOCIATION, **given: Any) -> Action:
    return decide("clara", about, **{"under": f"{BENCHMARK}/2.yml", **given})


@pytest.fixture
def hospital() -> World:
    return after("a hospital joins")


@pytest.fixture
def running() -> World:
    """A benchmark in operation, a model submitted, a dataset associated."""
    return after("the dataset is associated")


def test_a_signature_for_another_kind(hospital: World) -> None:
    like = signed(CUBE, "acme", like="datasets/acme/tree/1.yml")
    assert refused(hospital, write(CUBE), like) == {"SIG001"}


def test_a_signature_for_another_registry(hospital: World) -> None:
    assert refused(hospital, write(CUBE), signed(CUBE, "acme", registry="f" * 32)) == {"SIG001"}


def test_a_whole_file_of_another_registry(hospital: World) -> None:
    elsewhere = World(dict(hospital.files), list(hospital.trees), "f" * 32)
    hospital_sees = {"bytes": {"path": CUBE, "text": act(elsewhere, write(CUBE)).added[CUBE].decode()}}
    sig = signed(CUBE, "acme", registry="f" * 32)
    assert refused(hospital, hospital_sees, sig) == {"DOC004", "SIG001"}


def test_a_signed_file_at_another_path_of_its_kind(hospital: World) -> None:
    """The namespace does not hold the path; the file's id does."""
    moved = {
        "bytes": {"path": "cubes/acme/best/1.yml", "text": act(hospital, write(CUBE)).added[CUBE].decode()}
    }
    sig = signed("cubes/acme/best/1.yml", "acme", like=CUBE)
    assert refused(hospital, moved, sig) == {"DOC003"}


def test_a_revoked_key(hospital: World) -> None:
    merge(hospital, write("members/acme/2.yml", keys=[own_key("acme", revoked=True)]))
    assert refused(hospital, write(CUBE)) == {"SIG001"}


def own_key(name: str, *, revoked: bool = False) -> dict[str, Any]:
    (key,) = keys(name, revoked=(name,) if revoked else ())
    return {**key, "label": "first key"}


def test_a_key_that_is_added_and_used_in_one_change(hospital: World) -> None:
    two = write("members/acme/2.yml", keys=[own_key("acme"), *keys("acme-2")])
    assert refused(hospital, two, decide("ada", "members/acme/2.yml"), write(CUBE, signer="acme-2")) == {
        "SIG001"
    }


def test_a_key_that_is_revoked_and_used_in_one_change(hospital: World) -> None:
    """Up to the merge that revoked it a key signs; base says so, whatever stands beside it."""
    merge(hospital, write("members/acme/2.yml", keys=[own_key("acme", revoked=True)]), write(CUBE))
    assert refused(hospital, write("cubes/acme/bush/1.yml")) == {"SIG001"}


def test_an_admins_revoked_key_decides_nothing() -> None:
    world = registry_of("ada", "bob")
    merge(world, write("members/bob/2.yml", keys=[own_key("bob", revoked=True)]), expect=Verdict.REVIEW)
    assert "SIG001" in refused(world, write("members/zoe/1.yml"), decide("bob", "members/zoe/1.yml"))


def test_an_unsigned_file_merged_by_an_admin_of_the_forge(hospital: World) -> None:
    assert refused(hospital, write(CUBE), {"drop": "cubes/acme/tree/1.sig"}) == {"TREE003"}


def test_a_forged_recorder_file(hospital: World) -> None:
    path = "recorded/members/acme/1/ada/1.yml"
    forged = [{"bytes": {"path": p, "text": "schema: recorded/1\n"}} for p in (path, path[:-3] + "sig")]
    assert refused(hospital, *forged) == {"DOC002"}


def test_a_root_that_names_a_strangers_key_for_an_admin(hospital: World) -> None:
    taken = {"admins.members": [{"member": "ada", "key": "key mallory"}]}
    seizing = root(2, **taken)
    seizing["root"]["signed_by"] = {"ada": "mallory"}
    assert refused(hospital, seizing) == {"SIG002", "ROOT001"}


def test_self_approval() -> None:
    world = after("the benchmark goes into operation")
    merge(world, write("cubes/clara/tree/1.yml"))
    mine = f"associations/{TISSUE}/models/clara/tree/1.yml"
    assert refused(world, write(mine), by_clara(mine)) == {"DEC004"}


def test_one_person_with_two_keys() -> None:
    world = registry_of("ada", "bob", threshold=2)
    two = write("members/ada/2.yml", keys=[own_key("ada"), *keys("ada-2")])
    merge(world, two, decide("bob", "members/ada/2.yml"), decide("ada", "members/ada/2.yml"))
    zoe = "members/zoe/1.yml"
    merge(world, write(zoe), decide("ada", zoe), expect=Verdict.REVIEW)
    assert refused(world, decide("ada", zoe, version=2, signer="ada-2")) == {"SIG001"}
    assert in_force(world, zoe) is None


def test_one_key_for_two_members(hospital: World) -> None:
    assert refused(hospital, write("members/zoe/1.yml", signer="acme", keys=keys("acme"))) == {"MEM001"}


def test_an_approval_of_version_one_used_for_version_two(running: World) -> None:
    merge(running, withdraw("acme", ASSOCIATION))
    two = ASSOCIATION.replace("1.yml", "2.yml")
    old = by_clara(two, subject=f"pin {ASSOCIATION}")
    assert refused(running, write(two), old) == {"DEC001"}


def test_an_approval_of_other_bytes() -> None:
    world = after("a model is submitted")
    assert refused(world, write(ASSOCIATION), by_clara(subject={"path": ASSOCIATION, "sha256": ZERO})) == {
        "DEC001"
    }


def test_an_approval_under_an_outdated_authority_by_a_former_committee_member() -> None:
    world = after("a model is submitted")
    three = f"{BENCHMARK}/3.yml"
    merge(world, write(three, committee={"threshold": 1, "members": ["ada"]}), by_clara(three))
    assert refused(world, write(ASSOCIATION), by_clara()) == {"DEC003"}
    assert refused(world, write(ASSOCIATION), by_clara(under=three)) == {"DEC003"}


def test_an_approval_by_a_non_member() -> None:
    world = after("a model is submitted")
    assert refused(world, write(ASSOCIATION), decide("mallory", ASSOCIATION, under=f"{BENCHMARK}/2.yml")) == {
        "SIG001",
        "DEC003",
    }


def test_a_decision_in_anothers_name() -> None:
    world = after("a model is submitted")
    assert refused(world, write(ASSOCIATION), by_clara(signer="acme")) == {"SIG001"}


def test_a_stolen_key_that_withdraws_its_own_revocation(hospital: World) -> None:
    two, three = "members/acme/2.yml", "members/acme/3.yml"
    merge(hospital, write(two, keys=keys("acme", "stolen")), decide("ada", two))
    merge(hospital, write(three, keys=keys("acme", "stolen", revoked=("stolen",))))
    assert refused(hospital, withdraw("acme", three, signer="stolen")) == {"SIG001", "DEC002"}
    assert refused(hospital, withdraw("acme", three)) == {"DEC002"}
    four = write("members/acme/4.yml", keys=keys("acme", "stolen"), signer="stolen")
    assert refused(hospital, four) == {"MEM002"}


def test_a_benchmark_version_that_brings_its_own_committee() -> None:
    world = after("a model is submitted")
    three = f"{BENCHMARK}/3.yml"
    taken = write(three, committee={"threshold": 1, "members": ["acme"]}, signer="acme")
    assert refused(world, taken, decide("acme", three, under=three)) == {"SIG001", "DEC003"}


def test_a_result_for_something_not_associated() -> None:
    world = after("the dataset is prepared and goes into operation")
    assert refused(world, write(RESULT)) == {"RES001"}


def test_a_result_in_one_change_with_a_pending_association() -> None:
    world = after("the dataset is prepared and goes into operation")
    pending = write(f"associations/{TISSUE}/datasets/{DATASET}/1.yml")
    assert refused(world, pending, write(RESULT)) == {"RES001"}


def test_a_result_for_other_digests(running: World) -> None:
    other = {"path": f"datasets/{DATASET}/2.yml", "sha256": ZERO}
    assert refused(running, write(RESULT, dataset=other)) >= {"REF001", "RES001"}


def test_a_result_signed_by_the_models_owner(running: World) -> None:
    assert refused(running, write(RESULT, signer="acme")) == {"SIG001"}


def test_a_result_against_itself_or_in_a_circle(running: World) -> None:
    """A pin holds the digest of the bytes that would hold the pin: a circle would need a broken SHA-256."""
    itself = {"result": {"path": RESULT, "sha256": ZERO}, "metrics": [against()]}
    assert refused(running, write(RESULT, against=[itself])) == {"REF001"}


def against() -> dict[str, Any]:
    return {"key": "accuracy", "count": 180, "difference": 0.0, "sd": 0.1}


def test_skipping_a_version(running: World) -> None:
    three = write(f"cubes/{FOREST}/3.yml", previous=f"digest cubes/{FOREST}/1.yml")
    assert refused(running, three) == {"VER001"}


def test_two_changes_valid_alone_and_invalid_together() -> None:
    world = after("the benchmark goes into operation")
    three = f"{BENCHMARK}/3.yml"
    merge(world, write(three, **{"association_policy.models": {"mode": "always"}}), expect=Verdict.REVIEW)
    approval = by_clara(three)
    overtaking = write(
        f"{BENCHMARK}/4.yml", title="Masses", **{"association_policy.models": {"mode": "never"}}
    )
    assert judge(world, approval).verdict is judge(world, overtaking).verdict is Verdict.AUTO
    assert refused(world, approval, overtaking) == {"VER003"}
    merge(world, overtaking)
    assert refused(world, approval) == {"DEC002", "DEC003"}


def test_an_approval_and_a_withdrawal_together_end_nothing() -> None:
    world = after("the benchmark goes into operation")
    three = f"{BENCHMARK}/3.yml"
    merge(world, write(three, **{"association_policy.models": {"mode": "always"}}), expect=Verdict.REVIEW)
    assert refused(world, by_clara(three), withdraw("tumor-board", three)) == {"DEC005"}


def test_replay_of_an_old_closed_submission() -> None:
    world = registry_of("ada", limits={"seen_commits": 10, "change_entities": 10, "change_bytes": 65_536})
    closed = act(world, write("cubes/ada/tree/1.yml")).change()
    for number in range(11):
        merge(world, write(f"cubes/ada/bush-{number}/1.yml"))
    late = check(type(closed)(world.base, closed.added))
    assert {f.rule for f in late.findings} == {"DOC005"}


def test_replay_of_a_submission_that_was_merged(running: World) -> None:
    first = act(running, write(RESULT))
    merge(running, write(RESULT))
    assert "TREE002" in {f.rule for f in check(type(first.change())(running.base, first.added)).findings}
