"""A stretch of history judged: what each lawful step brings into the index. Nothing here is kept.

A step needs the tree before it and what it changes, nothing else; so stretches can be judged in any order, in
processes of their own, and give the same.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import gc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from medperf_cli.adapters.store.index_rows import Record, record
from medperf_cli.adapters.store.repository import GitStore, Step
from medperf_cli.core.check.engine import CONSENSUS, judge
from medperf_cli.core.check.findings import Finding, Verdict
from medperf_cli.core.check.submission import Submission
from medperf_cli.core.entities.parsing import proved
from medperf_cli.core.lifecycle.reader import Reader
from medperf_cli.core.lifecycle.standing import Lifecycle
from medperf_cli.errors import IntegrityError
from medperf_cli.flows.reading.index_state import Entry, entered, is_in_force, signatures_of, stored

_ALLOCATIONS = 50_000
"""Between two looks for cycles; Python's own figure is 700."""


@dataclass(frozen=True)
class Stretch:
    """First-parent commits, oldest first, that follow on `until` (None: they begin the history).

    `assumed` is the commit whose redactions are taken for granted, to be proved by judging all up to it.
    """

    until: str | None
    commits: Sequence[str]
    assumed: str | None = None


@dataclass(frozen=True)
class Standings:
    """How one version stands after a step: `standing`, and whether it is in force."""

    path: str
    standing: str
    in_force: bool


@dataclass(frozen=True)
class Brought:
    """What one lawful step brings.

    `clock` is the highest committer time (seconds since 1970) in the stretch up to here; `standings` are
    those of all versions of the names that the step touches, but for the new ones, which `records` hold.
    """

    commit: str
    clock: int
    records: tuple[Record, ...]
    standings: tuple[Standings, ...]


@dataclass(frozen=True)
class Stop:
    """The step that is not lawful: what the check found, or why it cannot be judged at all."""

    commit: str
    findings: tuple[Finding, ...] = ()
    error: str = ""


@dataclass(frozen=True)
class Judged:
    """A stretch: what its lawful steps bring, and the step that stops it, if there is one.

    `clock` is the highest committer time of all its commits, also of those beside the registry.
    """

    brought: tuple[Brought, ...]
    clock: int
    stop: Stop | None = None


def judged(store: GitStore, stretch: Stretch) -> Judged:
    """Judge each step of a stretch against its base; stops at the first that is not lawful.

    A damaged object is found by halves, so that what is before it counts.
    """
    store.past.assumed = stretch.assumed
    try:
        with _collecting_rarely():
            return _judged(store, stretch)
    except IntegrityError as error:
        if len(stretch.commits) == 1:
            return Judged((), 0, Stop(stretch.commits[0], error=error.message))
    finally:
        store.past.assumed = None
    middle = len(stretch.commits) // 2
    first = judged(store, dataclasses.replace(stretch, commits=stretch.commits[:middle]))
    if first.stop:
        return first
    later = Stretch(stretch.commits[middle - 1], stretch.commits[middle:], stretch.assumed)
    second = judged(store, later)
    brought = (dataclasses.replace(b, clock=max(b.clock, first.clock)) for b in second.brought)
    return Judged((*first.brought, *brought), max(first.clock, second.clock), second.stop)


@contextlib.contextmanager
def _collecting_rarely() -> Iterator[None]:
    """Look for cycles of objects less often: entities make none, and looking takes a tenth of the time."""
    before = gc.get_threshold()
    gc.set_threshold(_ALLOCATIONS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _judged(store: GitStore, stretch: Stretch) -> Judged:
    brought: list[Brought] = []
    state: Lifecycle | None = None
    for step in store.steps(stretch.commits, stretch.until):
        change = store.change(step.parent, step.commit)
        base = state.read_from(change.base) if state else Lifecycle(Reader(change.base, read=proved))
        submission = Submission(change, base)
        report = judge(submission, CONSENSUS)
        if report.verdict is Verdict.REJECT:
            return Judged(tuple(brought), 0, Stop(step.commit, report.findings))
        brought.append(_brought(submission, step))
        state = submission.after
    clock = max((int(store.commit_time(c).timestamp()) for c in stretch.commits), default=0)
    return Judged(tuple(brought), clock)


def judged_in(job: tuple[Path, Stretch]) -> Judged:
    """The same, in a process of its own: the repository's path and the stretch."""
    path, stretch = job
    return judged(_opened(path), stretch)


@functools.lru_cache(maxsize=1)
def _opened(path: Path) -> GitStore:
    return GitStore(path)


def _brought(submission: Submission, step: Step) -> Brought:
    state, change = submission.after, submission.change
    entries = entered(submission, Entry(step.commit, 0))
    signatures = signatures_of(change.signatures)
    records = []
    for path in change.entities:
        armors = {str(s): change.added[str(s)] for s in signatures[path]}
        document = submission.documents[path]
        records.append(record(stored(state, path, entries[str(path)], armors, document)))
    touched = {version for name in submission.touched for version in state.reader.versions(*name)}
    others = sorted(touched.difference(change.entities))
    standings = [Standings(str(p), str(state.standing(p)), is_in_force(state, p)) for p in others]
    return Brought(step.commit, int(step.clock.timestamp()), tuple(records), tuple(standings))
