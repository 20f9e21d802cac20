"""Sending a request: judged here first, shown, asked for, signed, kept, sent; then what became of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from medperf_cli.adapters.files import writing
from medperf_cli.adapters.forge.base import Forge, Request, RequestState
from medperf_cli.core.check.engine import check
from medperf_cli.core.check.findings import Finding, Report, Severity
from medperf_cli.core.check.waiting_root import barred, short_of_signatures
from medperf_cli.core.names import parse_path
from medperf_cli.core.requests import OpenRequest
from medperf_cli.core.snapshot import Change
from medperf_cli.errors import RejectedError
from medperf_cli.flows.hosting.gathering import Gathered, gather
from medperf_cli.flows.hosting.request_commits import rebased
from medperf_cli.flows.identity import me, signer
from medperf_cli.flows.reading.sync import sync
from medperf_cli.flows.submitting.closed import expect_not_closed
from medperf_cli.flows.submitting.desk import Desk
from medperf_cli.flows.submitting.permission import expect_allowed

_UNSIGNED = frozenset({"TREE003", "SIG001", "SIG002"})


class ChangeRejectedError(RejectedError):
    """The check rejects what was about to be sent; nothing left."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        first = findings[0]
        more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
        super().__init__(f"'{first.path}' {first.message}{more}", hint=first.repair or None)
        self.findings = findings


@dataclass(frozen=True)
class Published:
    """What became of a request.

    `sent` is False where there was nothing to send, or the user said no. `waiting` says who must still act,
    `closed` how it was ended (rejected, taken-back) without entering main.
    """

    request: str | None
    paths: tuple[str, ...]
    sent: bool
    merged: bool
    waiting: tuple[str, ...] = ()
    closed: str = ""

    @property
    def outcome(self) -> str:
        """One line for people."""
        if not self.paths and self.request is None:
            return "nothing to send: the registry says the same already"
        if self.paths and not self.sent:
            return "nothing was sent"
        if self.closed:
            return f"request {self.request} is closed: {self.closed}" if self.sent else "nothing was sent"
        if self.merged:
            return f"request {self.request} is merged"
        return f"request {self.request} is open: {'; '.join(self.waiting) or 'it waits for the merge bot'}"


def _nothing() -> None:
    """There is nothing to do before a request is sent."""


def publish(desk: Desk, title: str, before: Callable[[], None] = _nothing) -> Published:
    """Send what the desk's composer holds as one request.

    Args:
        desk: the open registry with the files of the request.
        title: one line that the request is known by.
        before: done once the user has said yes, before anything is signed or sent.

    Raises:
        PolicyError, ConfigurationError: the root has expired, or the key is not the member's.
        ChangeRejectedError: our own check rejects it; nothing left.
        RejectedError, ConflictError, NetworkError: as the forge says; the signed files stay in the outbox.

    """
    files, paths = desk.composer.files, desk.composer.paths
    if not paths:
        return Published(None, (), sent=False, merged=False)
    expect_not_closed(desk)
    for note in _looked_at(desk, desk.composer.change).at(Severity.NOTE):
        desk.deps.talk.say(f"note {note.rule}: '{note.path}' {note.message}")
    if not desk.deps.confirm(preview(desk, title)):
        return Published(None, paths, sent=False, merged=False)
    before()
    _sign(desk)
    report = check(desk.composer.change)
    _refuse(report)
    forge = desk.forge
    base, when = desk.meta.verified_commit, desk.deps.clock()
    request = forge.open(files, title=title, body="", author=_author(desk), base=base, when=when)
    return _sent(desk, request, lambda: report)


def deliver(desk: Desk, forge: Forge, request_id: str) -> Published:
    """Send the composer's decision files as decisions about an open request (raises as `publish`)."""
    request = forge.read(request_id)
    files, paths = desk.composer.files, desk.composer.paths
    own = desk.store.change(request.base, request.head)
    _looked_at(desk, rebased(desk.composer.snapshot, own, files))
    if not desk.deps.confirm(preview(desk, f"decision on request {request.id}: {request.title}")):
        return Published(request.id, paths, sent=False, merged=False)
    _sign(desk)
    done = forge.decide(request, me(desk.deps.settings), files, when=desk.deps.clock())
    return _sent(desk, done, lambda: gathered_at(desk, done).report)


def _sign(desk: Desk) -> None:
    settings = desk.deps.settings
    # A newcomer has no name yet, and signs no root.
    desk.composer.sign(signer(settings, interactive=desk.deps.interactive), settings.member or "")


def _sent(desk: Desk, request: Request, report: Callable[[], Report]) -> Published:
    """What became of a request; `report` is asked for, and says who must still act, if it is open."""
    merged = request.state is RequestState.MERGED
    if merged:
        _settle(desk)
    waiting = () if merged else waits_for(report())
    return Published(request.id, desk.composer.paths, sent=True, merged=merged, waiting=waiting)


def preview(desk: Desk, title: str) -> str:
    """The exact files that will leave, as text."""
    files = desk.composer.files
    parts = [f"This will be sent to {desk.meta.address} ({title}):\n"]
    for text in desk.composer.paths:
        body = "".join(f"  {line}\n" for line in files[text].decode().splitlines())
        by = parse_path(text).signer or "its admins"
        parts.append(f"--- registry/{text} (to be signed by {by})\n{body}")
    return "".join(parts)


def waits_for(report: Report) -> tuple[str, ...]:
    """Who must still act, from the findings that are no rejection for good."""
    acting = (Severity.REVIEW, Severity.HOLD)
    waiting = (f for f in report.findings if f.severity in acting or short_of_signatures(f))
    return tuple(f"'{f.path}' {f.message}" for f in waiting)


def gathered_at(desk: Desk, request: Request) -> Gathered:
    """A request with its waiting decisions, as it would enter the verified main (raises as `gather`)."""
    opened = OpenRequest(request.id, request.head, dict(request.decisions))
    return gather(desk.store, desk.meta.verified_commit, opened)


def _looked_at(desk: Desk, change: Change) -> Report:
    """What the check says before anybody is asked; refuses what I may not send and what it rejects."""
    expect_allowed(desk, [parse_path(path) for path in desk.composer.paths])
    report = _without_signatures(check(change))
    _refuse(report)
    return report


def _without_signatures(report: Report) -> Report:
    return Report.of(f for f in report.findings if f.rule not in _UNSIGNED)


def _refuse(report: Report) -> None:
    findings = barred(report)
    if findings:
        raise ChangeRejectedError(findings)


def _author(desk: Desk) -> str:
    """The member who answers for the request: of a first member file the new member itself."""
    signers = [path.signer for path in desk.composer.change.entities if path.signer]
    return signers[0] if signers else me(desk.deps.settings)


def _settle(desk: Desk) -> None:
    """See the merge with our own eyes, then forget the copies in the outbox."""
    sync(desk.deps)
    for text in desk.composer.files:
        kept = desk.place.outbox / text
        with writing(kept):
            kept.unlink(missing_ok=True)
