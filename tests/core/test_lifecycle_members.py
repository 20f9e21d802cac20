"""Members as keys come and go: what a member does alone, and what needs an admin."""

from __future__ import annotations

from typing import Any

import pytest

from medperf_cli.core.check.findings import Verdict
from medperf_cli.core.lifecycle.standing import Standing
from tests.support.acting import (
    act,
    decide,
    in_force,
    judge,
    keys,
    merge,
    refused,
    registry_of,
    standing,
    withdraw,
    write,
)
from tests.support.rule_case import after

ZOE = "members/zoe/1.yml"


def test_a_pending_member_can_do_nothing_but_wait() -> None:
    world = registry_of("ada")
    merge(world, write(ZOE), expect=Verdict.REVIEW)
    assert refused(world, write("cubes/zoe/tree/1.yml")) == {"SIG001"}
    assert refused(world, decide("zoe", ZOE)) == {"SIG001", "DEC003", "DEC004"}
    assert refused(world, withdraw("zoe", ZOE)) == {"SIG001", "DEC002"}
    only_revokes = write("members/zoe/2.yml", keys=keys("first key", revoked=("first key",)))
    only_revokes["write"]["keys"][0]["key"] = "key zoe"
    assert refused(world, only_revokes) == {"SIG001"}


def test_revoking_keys_is_a_members_own_act_and_adding_one_is_not() -> None:
    world = after("a hospital joins")
    two = write("members/acme/2.yml", keys=keys("acme", "acme-2"))
    merge(world, two, expect=Verdict.REVIEW)
    merge(world, decide("ada", "members/acme/2.yml"))
    merge(world, write("members/acme/3.yml", keys=keys("acme", "acme-2", revoked=("acme",))))
    assert refused(world, write("cubes/acme/tree/1.yml")) == {"SIG001"}
    merge(world, write("cubes/acme/tree/1.yml", signer="acme-2"))


@pytest.mark.parametrize(
    "more",
    [
        {"contact": "mallory@elsewhere.example"},
        {"name": "Acme Inc"},
        {"recipients": ["age1" + "q" * 58]},
        {"logins": [{"forge": "github.com", "login": "acme", "number": 7}]},
    ],
    ids=lambda more: next(iter(more)),
)
def test_a_revocation_that_brings_something_along_needs_an_admin(more: dict[str, Any]) -> None:
    world = after("a hospital joins")
    version = write("members/acme/2.yml", keys=keys("acme", revoked=("acme",)), **more)
    version["write"]["keys"][0]["label"] = "first key"
    assert judge(world, version).verdict is Verdict.REVIEW


def test_who_lost_all_keys_comes_back_with_a_new_one_and_an_admin() -> None:
    world = after("a hospital joins")
    path = "members/acme/2.yml"
    lost = write(path, signer="acme-2", keys=keys("acme", "acme-2", revoked=("acme",)))
    assert judge(world, lost).verdict is Verdict.REVIEW
    merge(world, lost, decide("ada", path))
    merge(world, write("cubes/acme/tree/1.yml", signer="acme-2"))


def test_a_revoked_version_of_a_member_does_not_bring_the_one_before_back() -> None:
    world = after("a hospital joins")
    path = "members/acme/2.yml"
    merge(world, write(path, keys=keys("acme", "acme-2")), decide("ada", path))
    merge(world, decide("ada", path, verdict="revoke", version=2))
    assert standing(world, path) is Standing.REVOKED
    assert in_force(world, path) is None
    assert refused(world, write("cubes/acme/tree/1.yml")) == {"SIG001"}


def test_a_key_swapped_under_its_label_is_no_mere_revocation() -> None:
    world = after("a hospital joins")
    two = "members/acme/2.yml"
    merge(world, write(two, keys=keys("acme", "acme-2")), decide("ada", two))
    held = keys("acme", "mallory", revoked=("acme",))
    held[1]["label"] = "acme-2"
    swapping = write("members/acme/3.yml", keys=held)
    assert refused(world, swapping) == {"MEM002"}
    world.force(act(world, swapping).added)
    assert (standing(world, "members/acme/3.yml"), in_force(world, two)) == (Standing.PENDING, 2)
