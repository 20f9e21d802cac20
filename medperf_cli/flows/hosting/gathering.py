"""An open request as it would enter main now: with the waiting decisions that still count."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.adapters.store.writing import Author, write_commit
from medperf_cli.core.check.engine import check_bounded
from medperf_cli.core.check.findings import Finding, Report, Severity, Verdict
from medperf_cli.core.check.waiting_root import barred, verdict_of_request
from medperf_cli.core.entities.decision import Decision, DecisionVerdict
from medperf_cli.core.lifecycle.reader import Reader
from medperf_cli.core.lifecycle.standing import Lifecycle, Standing
from medperf_cli.core.names import EntityPath, Kind
from medperf_cli.core.requests import OpenRequest, decidable
from medperf_cli.core.snapshot import Change, Overlay, Snapshot
from medperf_cli.errors import IntegrityError, RejectedError
from medperf_cli.flows.hosting.request_commits import decision_files, note, rebased, request_change

_HUMAN = frozenset({"APP003"})
"""Decisions that a merge by people itself makes."""


@dataclass(frozen=True)
class Gathered:
    """A request against one commit of main.

    `change` holds what main lacks of it; `used` are commits of decisions that count, by member; `left_out`
    are members whose decisions no longer do. `waiting_in_main` is what of it main has, and is pending there.
    `asks_for` is what whoever approves the request approves, whether main has it by now or not.
    """

    request: OpenRequest
    main: str
    change: Change
    used: Mapping[str, str]
    left_out: tuple[str, ...]
    report: Report
    waiting_in_main: tuple[EntityPath, ...]
    asks_for: frozenset[EntityPath]

    @property
    def done(self) -> bool:
        """Whether nothing is left to merge or to decide."""
        return not self.change.added and not self.waiting_in_main

    @property
    def verdict(self) -> Verdict:
        """What the check says of a request that may wait: a new root collects signatures (REVIEW)."""
        return verdict_of_request(self.report)

    @property
    def hindrances(self) -> tuple[Finding, ...]:
        """What keeps even people from merging it: rejections, and decisions that are missing."""
        return tuple(
            f
            for f in self.report.findings
            if f.severity is Severity.REJECT or (f.severity is Severity.REVIEW and f.rule not in _HUMAN)
        )


def gather(store: GitStore, main: str, request: OpenRequest, snapshot: Snapshot | None = None) -> Gathered:
    """Read a request and its decisions and judge their union against main, with every rule.

    Args:
        store: the repository.
        main: main's head.
        request: the open request.
        snapshot: the registry at `main`, for whoever wants to know what was asked of it.

    Raises:
        RejectedError: the request's commits are not what its refs may hold.
        IntegrityError: an object is missing or damaged.

    """
    own = request_change(store, main, request.id, request.head)
    decisions, odd = _decisions(store, own, request)
    snapshot = snapshot or store.snapshot(main)
    counted, change, report = _that_count(snapshot, own, decisions)
    # What stands in main already brings no parent to the merge.
    used = {m: request.decisions[m] for m, files in counted.items() if files.keys() & change.added.keys()}
    left_out = tuple(sorted({*odd, *(decisions.keys() - counted.keys())}))
    waiting = tuple(_waiting(Lifecycle(Reader(snapshot)), own))
    return Gathered(request, main, change, used, left_out, report, waiting, _asks_for(snapshot, own))


def _decisions(
    store: GitStore, own: Change, request: OpenRequest
) -> tuple[dict[str, Mapping[str, bytes]], list[str]]:
    found: dict[str, Mapping[str, bytes]] = {}
    odd = []
    for member, commit in sorted(request.decisions.items()):
        try:
            found[member] = decision_files(store, own, request.head, member, commit)
        except (RejectedError, IntegrityError):  # one bad ref must not keep the request waiting
            odd.append(member)
    return found, odd


def _that_count(
    main: Snapshot, own: Change, decisions: Mapping[str, Mapping[str, bytes]]
) -> tuple[dict[str, Mapping[str, bytes]], Change, Report]:
    """The decisions with which the request is not barred: all of them, or one after the other."""
    change = rebased(main, own, *decisions.values())
    report = check_bounded(change)
    if not barred(report) or not decisions:
        return dict(decisions), change, report
    kept: dict[str, Mapping[str, bytes]] = {}
    change = rebased(main, own)
    report = check_bounded(change)
    for member, files in decisions.items():
        wider = rebased(main, own, *kept.values(), files)
        judged = check_bounded(wider)
        if not barred(judged):
            kept[member], change, report = files, wider, judged
    return kept, change, report


def _asks_for(main: Snapshot, own: Change) -> frozenset[EntityPath]:
    """What a request brings or approves; what it retracts or ends, nobody who agrees with that approves."""
    reader = Reader(Overlay(main, own.added))
    decisions = ((path, reader.entity(path)) for path in own.entities if path.kind is Kind.DECISION)
    against = {
        path.subject
        for path, entity in decisions
        if not (isinstance(entity, Decision) and entity.verdict is DecisionVerdict.APPROVE)
    }
    return decidable(own.added) - against


def _waiting(state: Lifecycle, own: Change) -> Iterator[EntityPath]:
    """What of the request stands in main and still waits there for decisions."""
    for path in sorted(decidable(own.added)):
        if state.reader.digest(path) is None or state.standing(path) is not Standing.PENDING:
            continue
        current = state.in_force(path.kind, path.id)
        if current is None or current.version < path.version:
            yield path


def merge_request(store: GitStore, gathered: Gathered, *, author: Author, now: dt.datetime) -> str:
    """Write the commit that merges a request into main, and return it; no ref moves.

    Its first parent is main, then come the request's head and the decisions it uses. AUTO requests are
    merged, and those that only a hold or a new root keeps from it: whoever calls this is the person asked.

    Args:
        store: the repository.
        gathered: the request against main as it is now.
        author: who merges.
        now: the time; the commit is never dated before main.

    Raises:
        RejectedError: the request is rejected, still waits for decisions, or stands in main already.

    """
    _expect_ready(gathered)
    request = gathered.request
    date = max(now, store.commit_time(gathered.main))
    message = f"merge request {request.id}\n\n{note(store, request.head).title}"
    parents = [gathered.main, request.head, *(gathered.used[member] for member in sorted(gathered.used))]
    added = gathered.change.added
    return write_commit(store, gathered.main, added, message, author=author, date=date, parents=parents)


def _expect_ready(gathered: Gathered) -> None:
    number = gathered.request.id
    if not gathered.change.added:
        raise RejectedError(f"request '{number}' has nothing that main lacks")
    if gathered.hindrances:
        lines = [f"{f.rule} {f.path}: {f.message}" for f in gathered.hindrances]
        raise RejectedError("\n  ".join([f"request '{number}' cannot be merged:", *lines]))
