"""Short words for what members do to a registry in memory, so that a test reads as its story."""

from __future__ import annotations

from typing import Any

from medperf_cli.core.check.engine import check
from medperf_cli.core.check.findings import Report, Verdict
from medperf_cli.core.lifecycle.standing import Standing
from medperf_cli.core.names import parse_path
from tests.support.keys import member_key
from tests.support.rule_case import Draft
from tests.support.world import World, genesis

Action = dict[str, Any]
SINCE = "2026-11-01T00:00:00Z"


def write(path: str, **changes: Any) -> Action:
    """An entity (the next version as it stands, or the story's), with fields set by dotted names."""
    return {"write": {"path": path, **changes}}


def decide(by: str, about: str, **given: Any) -> Action:
    """A decision; `under` is `root/1.yml` unless said otherwise."""
    return {"decide": {"by": by, "about": about, **given}}


def record(by: str, about: str, under: str, **given: Any) -> Action:
    """An approval in the forge's page, as the merge bot records it."""
    return {"record": {"by": by, "about": about, "under": under, **given}}


def withdraw(by: str, about: str, **given: Any) -> Action:
    return decide(by, about, verdict="withdraw", under=None, **given)


def root(version: int, *signed_by: str, **changes: Any) -> Action:
    return {"root": {"version": version, "signed_by": {name: name for name in signed_by}, **changes}}


def act(world: World, *actions: Action) -> Draft:
    """The change that the actions make, not merged."""
    draft = Draft(world)
    for action in actions:
        draft.do(action)
    return draft


def judge(world: World, *actions: Action) -> Report:
    return check(act(world, *actions).change())


def merge(world: World, *actions: Action, expect: Verdict = Verdict.AUTO) -> None:
    """Judge the actions as one change, and merge it."""
    report = judge(world, *actions)
    assert report.verdict is expect, report.findings
    assert report.verdict is not Verdict.REJECT
    world.force(act(world, *actions).added)


def refused(world: World, *actions: Action) -> set[str]:
    """The ids of the rules that reject the actions as one change; there must be one."""
    report = judge(world, *actions)
    assert report.verdict is Verdict.REJECT, report.findings
    return {finding.rule for finding in report.findings if finding.severity.name == "REJECT"}


def registry_of(*admins: str, threshold: int = 1, **fields: Any) -> World:
    world = World()
    world.merge(genesis(admins, threshold, **fields))
    return world


def standing(world: World, path: str) -> Standing:
    return world.state.standing(parse_path(path))


def in_force(world: World, path: str) -> int | None:
    """The version in force of the name that a path is of."""
    entity = parse_path(path)
    found = world.state.in_force(entity.kind, entity.id)
    return None if found is None else found.version


def keys(*names: str, revoked: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """The keys of a member file; the names are labels and say which keys they are."""
    ended = {"revoked": {"reason": "compromised", "since": SINCE}}
    return [
        {"key": member_key(name).public_text, "label": name, **(ended if name in revoked else {})}
        for name in names
    ]
