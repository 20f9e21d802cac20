"""Whatever is sent and whoever merges: the check never breaks, and nothing comes to count unlawfully."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from medperf_cli.core.check.engine import check
from medperf_cli.core.check.findings import Verdict
from medperf_cli.core.entities.decision import DecisionVerdict
from medperf_cli.core.entities.member import Member
from medperf_cli.core.lifecycle.standing import Standing
from medperf_cli.core.names import EntityPath, Kind, parse_path
from medperf_cli.core.snapshot import Change
from tests.support.acting import Action, act, keys, registry_of, write
from tests.support.keys import member_key
from tests.support.rule_case import after
from tests.support.story import STEPS
from tests.support.world import World

PEOPLE = ["ada", "bob", "zoe", "yan"]
ADMINS = {"ada", "bob"}
FINAL = {Standing.REVOKED, Standing.WITHDRAWN}


@settings(deadline=None, max_examples=60)
@given(
    title=st.sampled_from([None, *(title for title, _ in STEPS)]),
    step=st.integers(0, len(STEPS) - 1),
    how=st.sampled_from(["cut", "drop", "byte", "junk", "swap"]),
    numbers=st.tuples(st.integers(0, 10), st.integers(0, 4000), st.integers(0, 255)),
)
def test_a_damaged_change_gives_a_report_and_never_an_error(
    title: str | None, step: int, how: str, numbers: tuple[int, int, int]
) -> None:
    which, at, byte = numbers
    whole = after(STEPS[step][0])
    added = {p: d for p, d in whole.files.items() if p not in after(_before(step)).files}
    path = sorted(added)[which % len(added)]
    data = added[path]
    at %= len(data)
    damage: dict[str, Callable[[], bytes]] = {
        "cut": lambda: data[:at],
        "byte": lambda: data[:at] + bytes([byte]) + data[at + 1 :],
        "junk": lambda: bytes([byte]) * 40,
        "swap": lambda: added[sorted(added)[at % len(added)]],
    }
    if how == "drop":
        del added[path]
    else:
        added[path] = damage[how]()
    report = check(Change(after(title).base, added))
    unharmed = added.get(path) == data and title == _before(step)
    assert (report.verdict is Verdict.AUTO) == unharmed, report.findings


def _before(step: int) -> str | None:
    return None if step == 0 else STEPS[step - 1][0]


NUMBER = st.sampled_from([1, 1, 2, 3])
MEMBER = st.sampled_from(["zoe", "zoe", "yan", "ada"])
MOVES = st.one_of(
    st.tuples(st.sampled_from(["admit", "admit", "expel"]), MEMBER),
    st.tuples(st.sampled_from(["add", "revoke", "restore", "drop"]), MEMBER, NUMBER, NUMBER),
    st.tuples(st.just("cube"), st.sampled_from(PEOPLE), NUMBER),
    st.tuples(
        st.just("decide"),
        st.sampled_from(["ada", "bob", "ada", "bob", "zoe"]),
        MEMBER,
        st.integers(1, 4),
        st.sampled_from(["approve", "approve", "retract", "revoke", "revoke", "withdraw"]),
    ),
)


def _key(name: str, number: int) -> str:
    return name if number == 1 else f"{name}-{number}"


def _next(world: World, folder: str) -> int:
    found = [re.fullmatch(rf"{re.escape(folder)}/(\d+)\.yml", path) for path in world.files]
    return 1 + max((int(match[1]) for match in found if match), default=0)


def _actions(world: World, move: tuple[Any, ...]) -> list[Action]:
    """What a move is in this world; nothing where there is nothing to decide about."""
    kind, name, *rest = move
    if kind in ("admit", "expel"):
        verdict = "approve" if kind == "admit" else "revoke"
        newest = _next(world, f"members/{name}") - 1
        both = [_decision(world, admin, name, newest, verdict) for admin in sorted(ADMINS)]
        return [decision for decision in both if decision]
    if kind == "decide":
        decision = _decision(world, name, *rest)
        return [decision] if decision else []
    if kind != "cube":
        path = f"members/{name}/{_next(world, f'members/{name}')}.yml"
        return [write(path, keys=_rekeyed(world, name, kind, rest[0]), signer=_key(name, rest[1]))]
    path = f"cubes/{name}/tree/{_next(world, f'cubes/{name}/tree')}.yml"
    return [write(path, signer=_key(name, rest[0]))]


def _rekeyed(world: World, name: str, what: str, number: int) -> list[dict[str, Any]]:
    """The keys of a member's newest version, with one of them added, revoked, restored or dropped."""
    newest = world.files.get(f"members/{name}/{_next(world, f'members/{name}') - 1}.yml")
    label = _key(name, number)
    if newest is None:
        return keys(label)
    entity = world.state.reader.member(EntityPath(Kind.MEMBER, name, _next(world, f"members/{name}") - 1))
    held = [] if entity is None else [key.document() for key in entity.keys]
    text = member_key(label).public_text
    others, mine = [k for k in held if k["key"] != text], [k for k in held if k["key"] == text]
    if what == "revoke":
        ended = keys(label, revoked=(label,))[0]["revoked"]
        return [{**k, "revoked": ended} if k in mine else k for k in held]
    if what == "drop":
        return others or keys(_key(name, 3))
    if what == "restore":
        return [{x: y for x, y in k.items() if x != "revoked"} for k in held]
    return held if mine else [*held, *keys(label)]


def _decision(world: World, by: str, about: str, version: int, verdict: str) -> Action | None:
    subject = f"members/{about}/{version}.yml"
    if subject not in world.files:
        return None
    number = _next(world, f"decisions/members/{about}/{version}/{by}")
    under = None if verdict == "withdraw" else "root/1.yml"
    return {"decide": {"by": by, "about": subject, "verdict": verdict, "under": under, "version": number}}


class Lawful:
    """What was seen so far, kept apart from the code under test: standings, and keys that are dead."""

    def __init__(self) -> None:
        self.standings: dict[EntityPath, Standing] = {}

    def look(self, world: World) -> None:
        state = world.state
        for path in (parse_path(p) for p in world.files if re.match(r"(members|cubes)/.*\.yml", p)):
            now, then = state.standing(path), self.standings.get(path)
            assert then not in FINAL or now is then
            assert then is not Standing.EFFECTIVE or now is not Standing.PENDING
            if path.kind is Kind.MEMBER and now is Standing.EFFECTIVE and then is not Standing.EFFECTIVE:
                assert self._admitted(world, path), path
            self.standings[path] = now
        self._dead_keys_stay_dead(world)

    def _admitted(self, world: World, path: EntityPath) -> bool:
        """By both admins' approvals, by being a founder, or by taking nothing but keys away."""
        approving = {
            p.parts[-1] for p, d in world.state.decisions(path) if d.verdict is DecisionVerdict.APPROVE
        }
        member, replaced = self._member(world, path), world.state.replaced(path)
        if approving >= ADMINS or (path.id in ADMINS and path.version == 1):
            return True
        if replaced is None:
            return False
        old = self._member(world, replaced)
        fewer = set(member.valid_keys) < set(old.valid_keys)
        return fewer and [k.key for k in member.keys] == [k.key for k in old.keys]

    def _dead_keys_stay_dead(self, world: World) -> None:
        for name in PEOPLE:
            dead = set[str]()
            for version in range(1, _next(world, f"members/{name}")):
                path = EntityPath(Kind.MEMBER, name, version)
                member = self._member(world, path)
                if self.standings[path] is not Standing.PENDING:
                    assert not dead & set(member.valid_keys), path
                    dead |= {k.key for k in member.keys if k.revoked}

    def _member(self, world: World, path: EntityPath) -> Member:
        member = world.state.reader.member(path)
        assert member is not None
        return member


@settings(deadline=None, max_examples=25)
@given(moves=st.lists(MOVES, min_size=6, max_size=14))
def test_whatever_is_merged_nothing_counts_without_its_decisions(moves: list[tuple[Any, ...]]) -> None:
    """Somebody merges everything that the check does not reject, waiting or not."""
    world, lawful = registry_of("ada", "bob", threshold=2), Lawful()
    lawful.look(world)
    for move in moves:
        draft = act(world, *_actions(world, move))
        before = {name: world.state.member_in_force(name) for name in PEOPLE}
        if check(draft.change()).verdict is not Verdict.REJECT:
            if move[0] == "cube":
                owner = before[move[1]]
                assert owner is not None
                assert member_key(_key(move[1], move[2])).public_text in owner.valid_keys
            world.force(draft.added)
            lawful.look(world)
