"""The merge bot of a bare repository: merges what the check lets pass, one commit per request."""

from __future__ import annotations

import contextlib
import datetime as dt
import enum
import itertools
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from medperf_cli.adapters.store.locks import exclusive
from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.adapters.store.writing import Author
from medperf_cli.core.check.findings import Finding, Severity, Verdict
from medperf_cli.core.requests import (
    MAIN,
    PULLS,
    OpenRequest,
    RequestRef,
    closed_requests,
    open_requests,
    stranded,
)
from medperf_cli.core.watched import Watched
from medperf_cli.errors import ConfigurationError, ConflictError, IntegrityError, RejectedError
from medperf_cli.flows.deps import TOOL_VERSION
from medperf_cli.flows.hosting.bot_memory import (
    LOCK,
    LOCK_SECONDS,
    Known,
    Memory,
    commits_of,
    read_memory,
    write_memory,
)
from medperf_cli.flows.hosting.closings import AHEAD, counts
from medperf_cli.flows.hosting.gathering import gather, merge_request
from medperf_cli.flows.hosting.receive import lines
from medperf_cli.flows.hosting.request_commits import lacking, refusal

BOT = Author("medperf bot", "bot@medperf.invalid")
TAKEN = "TREE002"
"""The rule that somebody else's file stands at a path."""
_TRIES = 10
_ROUNDS = 20


class Fate(enum.StrEnum):
    """What became of a request in one run."""

    MERGED = "merged"
    WAITS = "waits"
    REJECTED = "rejected"
    CLOSED = "closed"
    """It stood in main already, or a member ended it; its refs were removed."""


@dataclass(frozen=True)
class Outcome:
    """One request in one run: the merge commit if there is one, the findings that keep it from main."""

    id: str
    fate: Fate
    commit: str | None = None
    findings: tuple[Finding, ...] = ()
    left_out: tuple[str, ...] = ()
    """Members whose waiting decisions no longer count."""
    asked: frozenset[str] | None = None
    """What of main it hangs on (see `Watched`); None where it is judged again whenever it is still open."""

    @property
    def settled(self) -> bool:
        """Whether its refs are removed, for good."""
        # A path in main is never free again: this could never be merged.
        taken = any(finding.rule == TAKEN for finding in self.findings)
        return self.fate in (Fate.MERGED, Fate.CLOSED) or (self.fate is Fate.REJECTED and taken)


Observer = Callable[[Outcome], None]


def silent(outcome: Outcome) -> None:
    """The observer that does nothing."""
    del outcome


def said(outcome: Outcome) -> list[str]:
    """An outcome as lines for whoever pushed."""
    commit = f" as {outcome.commit}" if outcome.commit else ""
    left_out = f", left out: {', '.join(outcome.left_out)}" if outcome.left_out else ""
    return [f"request {outcome.id} {outcome.fate}{commit}{left_out}", *lines(outcome.findings)]


def run_once(
    store: GitStore,
    clock: Callable[[], dt.datetime],
    observer: Observer = silent,
    *,
    late: Collection[str] | None = None,
) -> list[Outcome]:
    """Judge every open request, and merge those that may be, until none is left.

    Killed anywhere, the next run finishes: main moves in one step, and refs of what stands in it are removed.

    Args:
        store: the bare repository.
        clock: the time, aware.
        observer: told each outcome that is final in this run.
        late: ids of requests whose closings may have come too late; None looks at all that were ever closed.

    Returns:
        One outcome per open request, by id.

    Raises:
        ConflictError: another bot holds the lock for minutes.
        ConfigurationError: there is no main, or the repository cannot be written.

    """
    with exclusive(store.git.directory / LOCK, "merge bot", wait=LOCK_SECONDS):
        memory = read_memory(store.git.directory)
        memory.move(None, None)
        return run_locked(store, clock, memory, observer, late=late)


def run_locked(
    store: GitStore,
    clock: Callable[[], dt.datetime],
    memory: Memory,
    observer: Observer = silent,
    *,
    late: Collection[str] | None = None,
) -> list[Outcome]:
    """As `run_once`, for a caller who holds the lock; what `memory` holds of an open request is believed.

    The memory is brought up to date, and kept for those who wait for the lock.
    """
    if memory.tool != TOOL_VERSION:  # other rules were asked
        memory.move(None, None)
        memory.tool = TOOL_VERSION
    run = _Run(store, clock, memory, observer)
    run.settle_all()
    _remove(store, stranded(store.refs(PULLS)))
    _remove(store, _too_late(store, late))
    found = [run.outcomes[number] for number in sorted(run.outcomes)]
    for outcome in found:
        if outcome.fate in (Fate.WAITS, Fate.REJECTED):
            observer(outcome)
    return found


@dataclass
class _Run:
    """One run of the bot, and what became of each request in it."""

    store: GitStore
    clock: Callable[[], dt.datetime]
    memory: Memory
    observer: Observer
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    tried: dict[str, tuple[frozenset[str], str | None]] = field(default_factory=dict)
    """The commits and the main with which each was judged: doing so twice is for another run."""

    def settle_all(self) -> None:
        """Round after round, since a merge may be what another request waits for, and new ones come.

        After many rounds the newest are left to their pushers, who wait for the lock: ours wants its answer.
        """
        for number in itertools.count():
            waiting = self._to_judge()
            if number >= _ROUNDS:
                waiting = [request for request in waiting if request.id in self.outcomes]
            if not waiting:
                break
            for request in waiting:
                self._settle(request)
            write_memory(self.store.git.directory, self.memory)

    def _to_judge(self) -> list[OpenRequest]:
        """The open requests whose outcome is not known, or may be another one by now."""
        requests = open_requests(self.store.refs(PULLS))
        main = self.store.rev(MAIN)
        if main != self.memory.main:
            self.memory.move(main, _changed(self.store, self.memory.main, main))
        unknown = (request for request in requests if not self.memory.holds(request))
        return [request for request in unknown if self.tried.get(request.id) != (commits_of(request), main)]

    def _settle(self, request: OpenRequest) -> None:
        commits = commits_of(request)
        self.tried[request.id] = commits, self.memory.main
        outcome = self.outcomes[request.id] = _settle(self.store, request, self.clock)
        asked = None if outcome.settled else outcome.asked
        self.memory.note(request.id, Known(commits, tuple(said(outcome)), asked))
        if outcome.fate in (Fate.MERGED, Fate.CLOSED):
            self.observer(outcome)


def _changed(store: GitStore, old: str | None, new: str | None) -> list[str] | None:
    """Paths below `registry/` that differ between two commits of main; None where that cannot be told."""
    if old is None or new is None:
        return None
    try:
        if not store.is_first_parent_ancestor(old, new):
            return None
        differing = store.trees.diff(store.registry_tree(old), store.registry_tree(new))
        return [entry.path.decode("utf-8", "surrogateescape") for entry, _ in differing]
    except IntegrityError:
        return None


def _settle(store: GitStore, request: OpenRequest, clock: Callable[[], dt.datetime]) -> Outcome:
    for _ in range(_TRIES):
        try:
            return _attempt(store, request, clock())
        except ConflictError:
            continue  # main moved under way: judge anew
        except (RejectedError, IntegrityError) as error:
            # One damaged request must not keep the others waiting.
            finding = refusal(f"request {request.id}", error.message, error.hint)
            return Outcome(request.id, Fate.REJECTED, findings=(finding,))
    message = f"main moved {_TRIES} times while this was being merged"
    finding = Finding(Severity.REVIEW, "PUSH", f"request {request.id}", message, "medperf bot run --once")
    return Outcome(request.id, Fate.WAITS, findings=(finding,))


def _attempt(store: GitStore, request: OpenRequest, now: dt.datetime) -> Outcome:
    main = store.rev(MAIN)
    if main is None:
        raise ConfigurationError(
            "this repository has no main", hint="`medperf registry init --bare` makes one"
        )
    if _ended(store, main, request, now):
        close(store, request)
        return Outcome(request.id, Fate.CLOSED)
    seen = Watched(store.snapshot(main))
    gathered = gather(store, main, request, seen)
    if gathered.done:
        close(store, request)
        return Outcome(request.id, Fate.CLOSED)
    about = (None, gathered.report.findings, gathered.left_out, seen.asked)
    if gathered.verdict is Verdict.REJECT:
        rejected = Outcome(request.id, Fate.REJECTED, *about)
        if rejected.settled:
            close(store, request)
        return rejected
    if gathered.verdict is Verdict.REVIEW or not gathered.change.added:
        return Outcome(request.id, Fate.WAITS, *about)
    commit = merge_request(store, gathered, author=BOT, now=now)
    store.update_ref(MAIN, commit, main)
    close(store, request)
    return Outcome(request.id, Fate.MERGED, commit, *about[1:])


def _ended(store: GitStore, main: str, request: OpenRequest, now: dt.datetime) -> bool:
    """Whether a closing that counts stands beside an open request; others are removed."""
    latest = now + AHEAD
    for member, commit in sorted(request.closings.items()):
        if counts(store, main, request, member, latest=latest):
            return True
        _remove(store, {str(RequestRef(request.id, member, closed=True)): commit})
    return False


def _too_late(store: GitStore, late: Collection[str] | None) -> dict[str, str]:
    """Closings of what stands in main: they came while it was being merged."""
    main = store.rev(MAIN)
    found = {}
    for number, closings in closed_requests(store.refs(PULLS)).items():
        for member, commit in closings.items() if late is None or number in late else ():
            with contextlib.suppress(RejectedError, IntegrityError):
                head = store.parent(commit) or ""
                if not lacking(store.snapshot(main), store.change(store.parent(head), head).added):
                    found[str(RequestRef(number, member, closed=True))] = commit
    return found


def close(store: GitStore, request: OpenRequest) -> None:
    """Remove the refs of a request that is settled; the commits of a merged one stay as parents of the merge.

    What moved under way stays for the next run.
    """
    _remove(store, request.refs)


def _remove(store: GitStore, refs: Mapping[str, str]) -> None:
    for ref, oid in refs.items():
        with contextlib.suppress(ConflictError):
            store.update_ref(ref, None, oid)
