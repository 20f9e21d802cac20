"""What counts, what is in force and who must still decide, as a registry goes through its days."""

from __future__ import annotations

from typing import Any

import pytest

from medperf_cli.core.check.findings import Verdict
from medperf_cli.core.entities.decision import DecisionVerdict
from medperf_cli.core.lifecycle.requirement import Body, Role
from medperf_cli.core.lifecycle.standing import Standing
from medperf_cli.core.names import Kind, parse_path
from medperf_cli.errors import IntegrityError
from tests.support.keys import member_key
from tests.support.rule_case import after
from tests.support.story_fields import FOREST, TISSUE
from tests.support.templates import template
from tests.support.world import World, genesis, member_file

BENCHMARK = f"benchmarks/{TISSUE}"
ASSOCIATION = f"associations/{TISSUE}/models/{FOREST}"
RESULT = f"results/{TISSUE}/tumor-board/logistic/st-mary/biopsies"
SINCE = "2026-11-01T00:00:00Z"


def registry_of(*admins: str, threshold: int = 1) -> World:
    world = World()
    world.merge(genesis(admins, threshold))
    return world


def new(world: World, path: str, *, signer: str | None = None, **changes: Any) -> dict[str, bytes]:
    """The next version of something: as it is in force, with some fields changed."""
    entity = parse_path(path)
    key = None if signer is None else member_key(signer)
    fields = {**template(world, entity), **changes}
    return world.write(entity.kind, entity.id, entity.version, key=key, **fields)


def standing(world: World, path: str) -> Standing:
    return world.state.standing(parse_path(path))


def in_force(world: World, path: str) -> str | None:
    entity = parse_path(path)
    found = world.state.in_force(entity.kind, entity.id)
    return None if found is None else str(found)


def keys(*names: str, revoked: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    ended = {"revoked": {"reason": "lost", "since": SINCE}}
    return [
        {"key": member_key(name).public_text, "label": name, **(ended if name in revoked else {})}
        for name in names
    ]


def open_policy(world: World, version: int = 3, **policy: Any) -> dict[str, bytes]:
    fields = {"datasets": {"mode": "never"}, "models": {"mode": "never"}, **policy}
    return new(world, f"{BENCHMARK}/{version}.yml", association_policy=fields)


def test_two_of_three_admins_admit_a_member_whoever_comes_first() -> None:
    world = registry_of("ada", "bob", "cyd", threshold=2)
    request = member_file(world, "zoe")
    world.merge(request, expect=Verdict.REVIEW)
    assert standing(world, "members/zoe/1.yml") is Standing.PENDING
    assert in_force(world, "members/zoe/1.yml") is None
    world.merge(world.decide("cyd", "members/zoe/1.yml"), expect=Verdict.REVIEW)
    missing = world.state.missing(parse_path("members/zoe/1.yml"), Role.ADMINS, DecisionVerdict.APPROVE)
    assert missing == (1, ["ada", "bob"])
    world.merge(world.decide("ada", "members/zoe/1.yml"))
    assert in_force(world, "members/zoe/1.yml") == "members/zoe/1.yml"


def test_one_member_who_approves_twice_is_one_vote() -> None:
    world = registry_of("ada", "bob", threshold=2)
    world.merge(member_file(world, "zoe"), expect=Verdict.REVIEW)
    world.merge(world.decide("ada", "members/zoe/1.yml"), expect=Verdict.REVIEW)
    world.merge(world.decide("ada", "members/zoe/1.yml", version=2), expect=Verdict.REVIEW)
    assert standing(world, "members/zoe/1.yml") is Standing.PENDING


def test_votes_under_two_roots_are_not_added_up() -> None:
    world = registry_of("ada", "bob", threshold=2)
    world.merge(member_file(world, "zoe"), expect=Verdict.REVIEW)
    world.merge(world.decide("ada", "members/zoe/1.yml"), expect=Verdict.REVIEW)
    root = template(world, parse_path("root/2.yml")) | {"expires": "2033-01-01T00:00:00Z"}
    data = world.write(Kind.ROOT, "", 2, **root) if False else None
    assert data is None
    world.force(root_two(world))
    world.merge(world.decide("bob", "members/zoe/1.yml", authority="root/2.yml"), expect=Verdict.REVIEW)
    assert standing(world, "members/zoe/1.yml") is Standing.PENDING
    again = world.decide("ada", "members/zoe/1.yml", authority="root/2.yml", version=2)
    world.merge(again)
    assert standing(world, "members/zoe/1.yml") is Standing.EFFECTIVE
