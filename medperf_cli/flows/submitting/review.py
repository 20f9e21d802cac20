"""What waits for a decision, and deciding it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from medperf_cli.adapters.forge.base import Request, RequestState
from medperf_cli.adapters.store.writing import Author
from medperf_cli.core.check.findings import Finding, Verdict
from medperf_cli.core.entities.decision import DecisionVerdict
from medperf_cli.core.lifecycle.reader import Reader, sha256
from medperf_cli.core.lifecycle.standing import Lifecycle
from medperf_cli.core.lifecycle.waiting import undecided
from medperf_cli.core.names import EntityPath, Kind, parse_path
from medperf_cli.core.snapshot import Overlay
from medperf_cli.errors import IntegrityError, RejectedError, UsageError
from medperf_cli.flows.hosting.gathering import Gathered, merge_request
from medperf_cli.flows.hosting.request_commits import refusal
from medperf_cli.flows.identity import me
from medperf_cli.flows.reading.sync import sync
from medperf_cli.flows.submitting.decide import add_decision
from medperf_cli.flows.submitting.desk import Desk
from medperf_cli.flows.submitting.permission import expect_allowed
from medperf_cli.flows.submitting.publish import (
    ChangeRejectedError,
    Published,
    deliver,
    gathered_at,
    waits_for,
)
from medperf_cli.flows.submitting.sign_root import changes_of, expect_admin, new_root, sign_root, signed_by


@dataclass(frozen=True)
class Review:
    """One open request as it stands now: files, verdict, findings, who decided already."""

    id: str
    title: str
    author: str
    verdict: Verdict
    findings: tuple[Finding, ...]
    files: Mapping[str, bytes]
    decided: tuple[str, ...]
    since: dt.datetime
    changes: tuple[str, ...] = ()
    """What a new root changes, in plain words."""
    url: str = ""
    """Its page on the forge."""

    @property
    def entities(self) -> list[EntityPath]:
        """What it would add, in path order."""
        return sorted(parse_path(path) for path in self.files if path.endswith(".yml"))


def reviews(desk: Desk) -> list[Review]:
    """All open requests, judged against the verified main (raises NetworkError).

    One that was written past the hooks is listed as rejected: it must not hide the others.
    """
    return [_review_or_refusal(desk, request) for request in desk.forge.list()]


def review(desk: Desk, request_id: str) -> Review:
    """One open request (raises UnknownIdError, NetworkError)."""
    return _review(desk, desk.forge.read(request_id))


def approve(
    desk: Desk, request_id: str, reason: str, *, only: Collection[EntityPath] | None = None
) -> Published:
    """Sign my vote on everything undecided in a request, and deliver it beside the request.

    That is my approval of what it adds, and my revocation of what it asks to revoke; under a new root it is
    my signature as admin. What I voted on before is not signed again. `only` keeps to some of it: who names
    one thing signs nothing else.

    Raises:
        UsageError: nothing in it needs a decision.
        RejectedError: the registry's hook does not take it (not my role, for example).

    """
    forge = desk.forge
    request = forge.read(request_id)
    if _asks_for_root(desk, request):
        return sign_root(desk, request)
    waiting = _undecided(desk, request)
    if not waiting:
        raise UsageError(f"nothing in request '{request.id}' needs a decision")
    done = _decided_by_me(desk, request)
    mine = {p: v for p, v in waiting.items() if p not in done and (only is None or p in only)}
    if not mine:
        waits = waits_for(gathered_at(desk, request).report)
        return Published(request.id, (), sent=False, merged=False, waiting=waits)
    after = _after(desk, request)
    for subject, verdict in sorted(mine.items()):
        add_decision(desk, subject, verdict, reason, after=after)
    return deliver(desk, request.id)


def merge(desk: Desk, request_id: str, reason: str) -> Published:
    """Approve what I may, then merge the request myself.

    Raises:
        ChangeRejectedError: it is not lawful, or decisions are still missing.
        UsageError: it is a new root, and I am no admin.

    """
    forge = desk.forge
    request = forge.read(request_id)
    if _mine_to_sign(desk, request) or _undecided(desk, request).keys() - _decided_by_me(desk, request):
        done = approve(desk, request_id, reason)
        if done.merged or not done.sent:
            return done
        request = forge.read(request_id)
    gathered = gathered_at(desk, request)
    if gathered.hindrances:
        raise ChangeRejectedError(gathered.hindrances)
    paths = tuple(sorted(p for p in gathered.change.added if p.endswith(".yml")))
    expect_allowed(desk, [parse_path(path) for path in paths])
    if not desk.deps.confirm(_preview(desk, gathered)):
        return Published(request.id, paths, sent=False, merged=False)
    who = me(desk.deps.settings)
    author = Author(who, f"{who}@{desk.meta.registry}")
    commit = merge_request(desk.store, gathered, author=author, now=desk.deps.clock())
    done_request = forge.merge(request, commit, desk.meta.verified_commit)
    sync(desk.deps)
    return Published(request.id, paths, sent=True, merged=done_request.state is RequestState.MERGED)


def _asks_for_root(desk: Desk, request: Request) -> bool:
    return any(path.kind is Kind.ROOT for path in _paths(desk, request))


def _mine_to_sign(desk: Desk, request: Request) -> bool:
    """Whether a request is a new root that I have not signed (raises UsageError where I am no admin)."""
    change = desk.store.change(request.base, request.head)
    found = new_root(change)
    if found is None:
        return False
    expect_admin(desk, found[1])
    return not signed_by(desk, request, me(desk.deps.settings))


def _preview(desk: Desk, gathered: Gathered) -> str:
    """The exact files that a merge brings into main, as text."""
    files = gathered.change.added
    lines = [f"This will be merged into main of {desk.meta.address} (request {gathered.request.id}):\n"]
    lines += [f"  registry/{p}  sha256 {sha256(files[p])}\n" for p in sorted(files) if p.endswith(".yml")]
    return "".join(lines)


def _undecided(desk: Desk, request: Request) -> dict[EntityPath, DecisionVerdict]:
    """What a request by itself leaves to be decided, and how."""
    found = undecided(_after(desk, request), _paths(desk, request))
    return {waiting.path: waiting.verdict for waiting in found}


def _decided_by_me(desk: Desk, request: Request) -> set[EntityPath]:
    """What my decisions, in the request or waiting beside it already, are about."""
    who = me(desk.deps.settings)
    commit = request.decisions.get(who)
    added = desk.store.change(request.head, commit).entities if commit else []
    decisions = [p for p in (*added, *_paths(desk, request)) if p.kind is Kind.DECISION]
    return {path.subject for path in decisions if path.signer == who}


def revoked_by_me(desk: Desk, request_id: str, path: EntityPath) -> bool:
    """Whether my vote on `path` stands in an open request, or beside it."""
    return path in _decided_by_me(desk, desk.forge.read(request_id))


def state_after(desk: Desk, files: Mapping[str, bytes]) -> Lifecycle:
    """The registry as it would stand with these files."""
    return Lifecycle(Reader(Overlay(desk.composer.snapshot, files)))


def _paths(desk: Desk, request: Request) -> list[EntityPath]:
    added = desk.store.change(request.base, request.head).added
    return [parse_path(p) for p in added if p.endswith(".yml")]


def _after(desk: Desk, request: Request) -> Lifecycle:
    return state_after(desk, desk.store.change(request.base, request.head).added)


def _review_or_refusal(desk: Desk, request: Request) -> Review:
    try:
        return _review(desk, request)
    except (RejectedError, IntegrityError) as error:
        finding = refusal(f"request {request.id}", error.message, error.hint)
        who = (request.id, request.title, request.author)
        return Review(*who, Verdict.REJECT, (finding,), {}, (), request.since, url=request.url)


def _review(desk: Desk, request: Request) -> Review:
    gathered = gathered_at(desk, request)
    return Review(
        request.id,
        request.title,
        request.author,
        gathered.verdict,
        gathered.report.findings,
        gathered.change.added,
        tuple(sorted(gathered.used)),
        request.since,
        tuple(changes_of(desk, gathered.change)),
        request.url,
    )
