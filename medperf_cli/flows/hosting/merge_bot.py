"""The merge bot of a bare repository: merges what the check lets pass, one commit per request."""

from __future__ import annotations

import contextlib
import datetime as dt
import enum
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

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
from medperf_cli.errors import ConfigurationError, ConflictError, IntegrityError, RejectedError
from medperf_cli.flows.hosting.closings import AHEAD, counts
from medperf_cli.flows.hosting.gathering import gather, merge_request
from medperf_cli.flows.hosting.request_commits import lacking, refusal

BOT = Author("medperf bot", "bot@medperf.invalid")
TAKEN = "TREE002"
"""The rule that somebody else's file stands at a path."""
_LOCK_SECONDS = 120.0
_TRIES = 10


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


Observer = Callable[[Outcome], None]


def silent(outcome: Outcome) -> None:
    """The observer that does nothing."""
    del outcome


def run_once(
    store: GitStore,
    clock: Callable[[], dt.datetime],
    observer: Observer = silent,
    *,
    late: Collection[str] | None = None,
) -> list[Outcome]:
    """Merge every open request that may be merged, until none is left.

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
    with exclusive(store.git.directory / "medperf-bot.lock", "merge bot", wait=_LOCK_SECONDS):
        outcomes = _settle_all(store, clock, observer)
        _remove(store, stranded(store.refs(PULLS)))
        _remove(store, _too_late(store, late))
    found = [outcomes[number] for number in sorted(outcomes)]
    for outcome in found:
        if outcome.fate in (Fate.WAITS, Fate.REJECTED):
            observer(outcome)
    return found


def _settle_all(store: GitStore, clock: Callable[[], dt.datetime], observer: Observer) -> dict[str, Outcome]:
    """What became of each open request, by id; a merge may be what another one waits for."""
    outcomes: dict[str, Outcome] = {}
    again = True
    while again:
        again = False
        for request in open_requests(store.refs(PULLS)):
            outcome = outcomes[request.id] = _settle(store, request, clock)
            again = again or outcome.fate is Fate.MERGED
            if outcome.fate in (Fate.MERGED, Fate.CLOSED):
                observer(outcome)
    return outcomes


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
    gathered = gather(store, main, request)
    if gathered.done:
        close(store, request)
        return Outcome(request.id, Fate.CLOSED)
    findings, left_out = gathered.report.findings, gathered.left_out
    if gathered.verdict is Verdict.REJECT:
        if any(finding.rule == TAKEN for finding in findings):
            close(store, request)  # a path in main is never free again: this could never be merged
        return Outcome(request.id, Fate.REJECTED, None, findings, left_out)
    if gathered.verdict is Verdict.REVIEW or not gathered.change.added:
        return Outcome(request.id, Fate.WAITS, None, findings, left_out)
    commit = merge_request(store, gathered, author=BOT, now=now)
    store.update_ref(MAIN, commit, main)
    close(store, request)
    return Outcome(request.id, Fate.MERGED, commit, findings, left_out)


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
