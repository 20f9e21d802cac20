"""A registry at play: requests judged by check and by a naive model, merged if lawful, compared each time."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field

from medperf_cli.core.check.engine import CONSENSUS, check
from medperf_cli.core.check.findings import Verdict
from medperf_cli.core.check.rules.table import Sort
from medperf_cli.core.lifecycle.reader import Reader
from medperf_cli.core.lifecycle.standing import Lifecycle
from medperf_cli.core.names import REGISTRY_DIR, Kind, parse_path
from medperf_cli.core.snapshot import Change, MemorySnapshot, RawDiffEntry
from tests.support.git_tree import tree_id
from tests.support.naive_registry import NaiveRegistry, Request
from tests.support.naive_rules import problems
from tests.support.registry_player import Player
from tests.support.registry_stages import STAGES, stage

SAID = CONSENSUS | {Sort.DECISIONS}
MOVES = (
    *("join", "rekey", "root", "cube", "dataset", "benchmark", "benchmark", "associate", "associate"),
    *("result", "result", "approve", "approve", "retract", "revoke", "withdraw", "contradict", "edit"),
)
"""What members do; some twice as often as the rest."""


@dataclass
class Play:
    """A registry, the model beside it, every request that was made; `seen` counts what happened."""

    model: NaiveRegistry
    files: dict[str, bytes]
    history: list[dict[str, bytes]]
    seen: Counter[str]
    requests: list[Request] = field(default_factory=list)

    @classmethod
    def begin(cls, where: str, seen: Counter[str]) -> Play:
        play = cls(*stage(where).copies(), seen)
        play.compare()
        return play

    def go_on(self, seed: int) -> None:
        """Any move, by chance: mostly one request, else two at once, or one of before again."""
        chance = random.Random(f"{seed} {len(self.requests)} {len(self.history)}")  # noqa: S311 - play
        match chance.randrange(8):
            case 0:
                self.replay(seed)
            case 1:
                self.meet(seed, chance.choice(MOVES), chance.choice(MOVES))
            case _:
                self.act(seed, chance.choice(MOVES))

    def act(self, seed: int, name: str) -> None:
        """Somebody makes a request; it is merged, or left to be replayed."""
        request = self.draft(seed, name)
        if request is not None:
            self.send(name, request, merge=(seed + len(self.requests)) % 4 != 0)

    def replay(self, seed: int) -> None:
        """A request of before is sent again as it was."""
        if self.requests:
            self.send("replay", self.requests[-1 - seed % len(self.requests)], merge=True)

    def meet(self, seed: int, first: str, second: str) -> None:
        """Two requests made on one base are merged together if that is lawful, else one after the other."""
        one, two = self.draft(seed, first), self.draft(seed + 1, second)
        if one is None or two is None or set(one.files) & set(two.files):
            return
        alone = self.lawful(one) and self.lawful(two)
        together = self.send("together", one | two, merge=True)
        self.seen["two lawful alone, not together"] += alone and not together
        if not together:
            self.send("one after the other", one, merge=True)
            after = self.send("one after the other", two, merge=True)
            self.seen["two lawful alone, the second not after the first"] += alone and not after

    def draft(self, seed: int, name: str) -> Request | None:
        """What somebody makes of a move; None where there is nothing to do."""
        chance = random.Random(f"{seed} {len(self.requests)}")  # noqa: S311 - play, no secret
        player = Player(chance.choice, self.model, self.files, years=2032 + len(self.history))
        player.turn()
        request: Request | None = getattr(player, name)()
        if request is None or not request.files:
            return None
        self.requests.append(request)
        self.seen[f"twist: {player.twist or 'none'}"] += 1
        return request

    def lawful(self, request: Request) -> bool:
        return check(self.change(request), sorts=CONSENSUS).verdict is not Verdict.REJECT

    def change(self, request: Request) -> Change:
        edits = [RawDiffEntry(f"{REGISTRY_DIR}/{p}".encode(), "M", "100644", 1) for p in request.edits]
        base = MemorySnapshot(dict(self.files), self.model.trees)
        return Change(base, request.files, tuple((entry, "edited") for entry in edits))

    def send(self, name: str, request: Request, *, merge: bool) -> bool:
        """Judge a request as check and model do; merge it if it is lawful. Whether it was."""
        report, wrong = check(self.change(request), sorts=SAID), problems(self.model, request)
        lawful = report.verdict is not Verdict.REJECT
        assert lawful == (not wrong), (wrong, report.findings)
        self.seen[f"{name}: {'lawful' if lawful else 'refused'}"] += 1
        for rule in {f.rule for f in report.findings}:
            self.seen[f"said: {rule}"] += 1
        if not lawful:
            return False
        waits = self.model.waiting(request)
        assert (report.verdict is Verdict.REVIEW) == waits, report.findings
        self.seen[f"{name}: waits"] += waits
        if merge:
            self.merge(request)
        return True

    def merge(self, request: Request) -> None:
        then = dict(self.model.standing)
        self.files |= request.files
        self.model.enter(request, tree_id(self.files))
        self.history.append(request.files)
        self.compare()
        for path, now in self.model.standing.items():
            if then.get(path) != now:
                self.seen[f"{parse_path(path).kind}: {now}"] += 1

    def compare(self) -> None:
        """State computed from the tree alone is what the model lived through."""
        state = Lifecycle(Reader(MemorySnapshot(self.files)))
        for path, standing in self.model.standing.items():
            assert state.standing(parse_path(path)).value == standing, path
        for kind, name in {(p.kind, p.id) for p in map(parse_path, self.model.standing)}:
            assert state.in_force(kind, name) == self.model.in_force(kind, name), name
            if kind is Kind.MEMBER:
                member = state.member_in_force(name)
                assert set(() if member is None else member.valid_keys) == self.model.keys(name), name
        assert state.reader.root_path == self.model.root()

    def finish(self) -> None:
        """From any point on, every step is lawful again, and the end is the same."""
        start = len(self.requests) % len(self.history)
        files = {p: data for added in self.history[:start] for p, data in added.items()}
        trees = list(reversed(self.model.trees))[:start]
        for number, added in enumerate(self.history[start:], start):
            change = Change(MemorySnapshot(dict(files), tuple(reversed(trees))), added)
            assert check(change, sorts=CONSENSUS).verdict is not Verdict.REJECT, number
            files |= added
            trees.append(tree_id(files))
        assert files == self.files
        assert tuple(reversed(trees)) == self.model.trees
        self.seen["steps"] += len(self.history)


def played(seed: int, steps: int, seen: Counter[str] | None = None) -> Play:
    """One whole history, by chance; what happened is added to `seen`."""
    chance = random.Random(seed)  # noqa: S311 - play, no secret
    play = Play.begin(chance.choice([*STAGES, STAGES[-1]]), Counter() if seen is None else seen)
    for _ in range(steps):
        play.go_on(chance.randrange(2**32))
    play.finish()
    return play
