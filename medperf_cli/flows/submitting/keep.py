"""Keeping what open requests ask for, so that lists show it without the network."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from medperf_cli.adapters.forge.base import Ended, Request, Requests
from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.core.check.findings import Severity, Verdict
from medperf_cli.core.check.waiting_root import short_of_signatures
from medperf_cli.core.entities.header import Entity
from medperf_cli.core.entities.parsing import parse
from medperf_cli.core.lifecycle import waiting
from medperf_cli.core.lifecycle.reader import Reader, sha256
from medperf_cli.core.lifecycle.root_signing import missing
from medperf_cli.core.lifecycle.standing import Lifecycle
from medperf_cli.core.names import Kind, parse_path
from medperf_cli.core.requests import OpenRequest
from medperf_cli.core.snapshot import Overlay
from medperf_cli.errors import IntegrityError, MedperfError, RejectedError
from medperf_cli.flows.hosting.closings import TIME, kept_closing
from medperf_cli.flows.hosting.gathering import Gathered, gather
from medperf_cli.flows.hosting.request_commits import parsed_root, root_tally
from medperf_cli.flows.reading.asked import Asked, AskedFile, AskedRequest, ClosedRequest, Waits

_FIELDS = ("type", "state", "title", "name", "description", "message", "verdict", "reason")
_LONGEST = 200
_MOST = 1000
"""Requests of either sort that are kept; nobody reads more."""
_SAID = frozenset({"APP001", "APP002", "APP003"})
"""Findings that say whom something waits for, which is kept in another form."""


def asked_now(store: GitStore, main: str, forge: Requests, now: str, before: Asked) -> Asked:
    """What is asked for, judged against the verified main.

    Args:
        store: the clone, with the requests' commits.
        main: the verified commit.
        forge: knows the open requests, and those that were ended without a merge.
        now: the time, as files write it.
        before: what was asked for at the last contact; what did not change is not judged again.

    """
    known = {request.judged: request for request in before.requests}
    requests, found = forge.list(), []
    for request in requests[:_MOST]:
        key = _judged(main, request)
        kept = known.get(key) or _open(store, main, request)
        if kept is not None:
            found.append(dataclasses.replace(kept, judged=key, url=request.url))
    settled = {(c.id, c.member, c.commit): c for c in before.closed}
    ended = [c for request in forge.closed() for c in _closed(store, main, request, settled)]
    ended += map(_in_the_page, forge.ended())
    newest = sorted(ended, key=lambda c: (c.time, c.id), reverse=True)[:_MOST]
    return Asked(now, tuple(found), tuple(newest), max(0, len(requests) - _MOST))


def _judged(main: str, request: Request) -> str:
    """Names the commits that the judgement of a request hangs on."""
    return " ".join([main, request.head, *(f"{m}:{c}" for m, c in sorted(request.decisions.items()))])


def _open(store: GitStore, main: str, request: Request) -> AskedRequest | None:
    """One open request, None if main has it; what was written past the hooks must not hide the others."""
    since = request.since.strftime(TIME)
    try:
        gathered = gather(store, main, OpenRequest(request.id, request.head, dict(request.decisions)))
        if gathered.done:
            return None
        files = tuple(_files(gathered))
        waits = tuple(waits_of(gathered))
    except (RejectedError, IntegrityError) as error:
        about = (request.id, request.title, request.author, since, Verdict.REJECT.name)
        return AskedRequest(*about, (), (), (), (error.message[:_LONGEST],))
    return AskedRequest(
        request.id,
        request.title,
        request.author,
        since,
        gathered.verdict.name,
        files,
        waits,
        tuple(sorted(gathered.used)),
        tuple(_hindrances(gathered)),
    )


def waits_of(gathered: Gathered) -> Iterator[Waits]:
    """Who must still act: those whose votes are missing; else, where a request is held, the admins."""
    if gathered.verdict is Verdict.REJECT:
        return
    base = gathered.change.base
    unsigned = list(_unsigned(gathered))
    yield from unsigned
    after = Lifecycle(Reader(Overlay(base, gathered.change.added)))
    asked = {*gathered.change.entities, *gathered.waiting_in_main}
    open_votes = list(waiting.undecided(after, asked))
    for wanted in open_votes:
        yield Waits(str(wanted.path), str(wanted.verdict), str(wanted.role), wanted.count, wanted.members)
    if not open_votes and not unsigned and gathered.verdict is Verdict.REVIEW:
        admins = tuple(sorted(a.member for a in Reader(base).root.admins.members))
        first = str(gathered.change.entities[0]) if gathered.change.entities else ""
        yield Waits(first, "merge", "admins", 1, admins)


def _unsigned(gathered: Gathered) -> Iterator[Waits]:
    """Which admins must still sign a new root, for each of the two roots that require it."""
    state = Lifecycle(Reader(gathered.change.base))
    old = state.reader.root
    for path in gathered.change.entities:
        root = parsed_root(path, gathered.change.added[str(path)]) if path.kind is Kind.ROOT else None
        if root is not None:
            found = root_tally(state, path, root, gathered.change.added)
            for wanted in missing(found, old.admins, root.admins):
                yield Waits(str(path), "approve", "admins", wanted.count, wanted.members)


def _hindrances(gathered: Gathered) -> Iterator[str]:
    for finding in gathered.report.findings:
        said = finding.rule in _SAID or short_of_signatures(finding)
        if finding.severity > Severity.NOTE and not said:
            yield f"{finding.rule} {finding.path}: {finding.message}"[:_LONGEST]


def _files(gathered: Gathered) -> Iterator[AskedFile]:
    for path in gathered.change.entities:
        data = gathered.change.added[str(path)]
        try:
            fields = _fields(parse(path, data))
        except MedperfError:
            fields = {}
        yield AskedFile(str(path), sha256(data), fields)


def _fields(entity: Entity) -> dict[str, Any]:
    document = entity.document()
    shown = {name: document[name] for name in _FIELDS if isinstance(document.get(name), str)}
    found: dict[str, Any] = {name: value[:_LONGEST] for name, value in shown.items()}
    pin = document.get("benchmark")
    return found | ({"benchmark": parse_path(pin["path"]).id} if pin else {})


def _in_the_page(ended: Ended) -> ClosedRequest:
    about = (ended.id, ended.title, ended.author, ended.since.strftime(TIME))
    said = f"in the page, without a member's signed word: {ended.url}"
    return ClosedRequest(*about, "closed", "", said, ended.closed.strftime(TIME), ())


def _closed(
    store: GitStore, main: str, request: Request, settled: Mapping[tuple[str, str, str], ClosedRequest]
) -> Iterator[ClosedRequest]:
    """The closings of a request that count; one that counted before is not verified again."""
    for member, commit in sorted(request.closings.items()):
        if known := settled.get((request.id, member, commit)):
            yield known
            continue
        closing = kept_closing(store, main, request.id, member, commit)
        if closing is not None and closing.head == request.head:
            added = store.change(request.base, request.head).added
            paths = tuple(sorted(path for path in added if path.endswith(".yml")))
            about = (request.id, request.title, request.author, request.since.strftime(TIME))
            yield ClosedRequest(
                *about, str(closing.verdict), member, closing.reason, closing.time, paths, commit
            )
