"""Replaying history: every first-parent commit through the check, in stretches, on all processors."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.core.check.engine import NEWER_FORMAT
from medperf_cli.core.lifecycle.reader import sha256
from medperf_cli.errors import IntegrityError
from medperf_cli.flows.reading.judging import Brought, Judged, Stop, Stretch, judged, judged_in
from medperf_cli.flows.reading.registry import ROOT_ONE

STRETCH = 200
"""Commits judged at once by one process."""
_WORTH_WORKERS = 500
"""Commits from which on starting processes, half a second each, pays."""


class LawlessError(IntegrityError):
    """Main holds a change that the check rejects; everything before it stays usable."""

    code = "MP-LAWLESS"

    def __init__(self, stop: Stop, good: str | None) -> None:
        what = f"cannot be judged: {stop.error}"
        hint = f"an admin resets main to the last good commit, {good[:12] if good else 'which is none'}"
        if stop.findings:
            first = stop.findings[0]
            newer = first.rule == NEWER_FORMAT
            word = "cannot be judged" if newer else "is not lawful"
            what = f"{word}: '{first.path}' {first.message} ({first.rule})"
            hint = first.repair if newer else hint
        super().__init__(f"commit {stop.commit[:12]} in main {what}", hint=hint)
        self.findings = stop.findings


class UnprovenError(IntegrityError):
    """A redaction that was taken for granted did not enter lawfully itself.

    `instead` is the commit whose redactions may be good nevertheless; None where there is none.
    """

    hint = "tell the registry's admins, and keep the clone you have"

    def __init__(self, instead: str | None) -> None:
        super().__init__("history was judged with redactions that are not lawful themselves")
        self.instead = instead


@dataclass
class Replayed:
    """How far main is lawful: the last good commit (None before genesis), its clock, what stopped it."""

    commit: str | None
    clock: int
    judged: int = 0
    failure: LawlessError | None = None


def replay(
    store: GitStore,
    new: Stretch,
    start: Replayed,
    enter: Callable[[Brought], None],
    progress: Callable[[int, int], None],
) -> Replayed:
    """Judge each change in a stretch of history; stops at the first that is not lawful.

    Args:
        store: the repository.
        new: what follows on what is verified, or begins with genesis.
        start: how far verification had got.
        enter: told what each lawful change brings, in order; its clock is then the forge's clock.
        progress: told how many commits of how many are done.

    Raises:
        IntegrityError: an object is missing or damaged.

    """
    done = dataclasses.replace(start)
    commits = 0
    for stretch, found in zip(cut(new, STRETCH), _judged(store, new), strict=True):
        for brought in found.brought:
            enter(dataclasses.replace(brought, clock=max(done.clock, brought.clock)))
            done.clock = max(done.clock, brought.clock)
            done.commit = brought.commit
            done.judged += 1
        if found.stop:
            done.failure = LawlessError(found.stop, done.commit)
            return done
        done.clock = max(done.clock, found.clock)
        done.commit = stretch.commits[-1]
        commits += len(stretch.commits)
        progress(commits, len(new.commits))
    return done


def _judged(store: GitStore, new: Stretch) -> Iterator[Judged]:
    """The stretches of `new` judged: by workers where there are enough, one after the other if not."""
    if len(new.commits) >= _WORTH_WORKERS:
        from medperf_cli.adapters import workers  # noqa: PLC0415 - starting processes takes long to import

        if workers.processors() > 1:
            jobs = ((store.path, stretch) for stretch in cut(new, STRETCH))
            return workers.in_order(judged_in, jobs, workers.processors())
    return (judged(store, stretch) for stretch in cut(new, STRETCH))


def expect_proved(store: GitStore, new: Stretch, done: Replayed) -> None:
    """See that the redactions that a stretch takes for granted entered lawfully (raises UnprovenError)."""
    if new.assumed is None:
        return
    found = () if done.commit is None else store.past.redactions(done.commit)
    if found != store.past.redactions(new.assumed):
        # What a bad one says may hide every tree before it, then judging stopped too early to tell.
        instead = done.commit if found else _with_others(store, new)
        raise UnprovenError(instead) from done.failure


def _with_others(store: GitStore, new: Stretch) -> str | None:
    """The last commit of a stretch with other redactions than its end, if it has any."""
    last = store.past.redactions(new.commits[-1])
    others = (c for c in reversed(new.commits) if store.past.redactions(c) != last)
    found = next(others, None)
    return found if found is not None and store.past.redactions(found) else None


def cut(whole: Stretch, size: int) -> Iterator[Stretch]:
    """A stretch in pieces of `size` commits, each following on the one before."""
    until = whole.until
    for start in range(0, len(whole.commits), size):
        piece = Stretch(until, whole.commits[start : start + size], whole.assumed)
        yield piece
        until = piece.commits[-1]


def since(store: GitStore, head: str, verified: str | None, pinned: str) -> Stretch:
    """What must be judged: all after the verified commit, or else from the genesis of the pinned root on.

    What came before genesis is not read: a folder may have held another registry, which its owner removed.
    From genesis on the redactions at `head` are taken for granted: what they took out was there before them.

    Raises:
        RewrittenError: the verified commit is not on the first-parent chain of `head`.
        IntegrityError: no commit adds the pinned root (given by its SHA-256) where no registry was.

    """
    chain = store.first_parents(head, verified)[::-1]
    if verified is not None:
        return Stretch(verified, chain)
    assumed = head if store.past.redactions(head) else None
    for step in store.steps(chain, None):
        change = store.change(step.parent, step.commit)
        root = change.added.get(ROOT_ONE)
        if root is not None and sha256(root) == pinned and change.base.empty():
            return Stretch(step.parent, chain[chain.index(step.commit) :], assumed)
    raise IntegrityError(
        f"main does not begin with the pinned root sha256:{pinned}",
        hint="ask the registry's admins for the address and the root's fingerprint",
    )
