"""Sending a request: judged here first, shown, asked for, signed, kept, sent; then what became of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from medperf_cli.adapters.forge.base import Request, RequestState
from medperf_cli.core.check.engine import check
from medperf_cli.core.check.findings import Finding, Report, Severity
from medperf_cli.core.check.waiting_root import barred, short_of_signatures
from medperf_cli.core.entities.closing import STATEMENT
from medperf_cli.core.names import parse_path
from medperf_cli.core.requests import OpenRequest
from medperf_cli.core.snapshot import Change
from medperf_cli.errors import RejectedError
from medperf_cli.flows.hosting.gathering import Gathered, gather
from medperf_cli.flows.hosting.request_commits import rebased
from medperf_cli.flows.identity import me, signer
from medperf_cli.flows.submitting import outbox
from medperf_cli.flows.submitting.closed import expect_not_closed
from medperf_cli.flows.submitting.desk import Desk
from medperf_cli.flows.submitting.outbox import Item, Sort
from medperf_cli.flows.submitting.permission import expect_allowed
from medperf_cli.flows.submitting.sending import about, outdone, send, submission

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
    `closed` how it was ended (rejected, taken-back) without entering main. `url` is its page, where it has
    one. `kept` names the item of the outbox where it was signed and, as the profile says, not sent.
    """

    request: str | None
    paths: tuple[str, ...]
    sent: bool
    merged: bool
    waiting: tuple[str, ...] = ()
    closed: str = ""
    url: str = ""
    kept: str = ""

    @property
    def outcome(self) -> str:
        """One line for people."""
        if self.kept:
            return f"nothing was sent: it is signed, and kept in the outbox as '{self.kept}'"
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
        RejectedError, ConflictError, NetworkError: as the forge says; what is signed stays in the outbox.

    """
    paths = desk.composer.paths
    if not paths:
        return Published(None, (), sent=False, merged=False)
    expect_not_closed(desk, desk.composer.files)
    for note in _looked_at(desk, desk.composer.change).at(Severity.NOTE):
        desk.deps.talk.say(f"note {note.rule}: '{note.path}' {note.message}")
    older = outdone(desk, desk.composer.files, _author(desk))
    if not desk.deps.confirm(preview(desk, title) + "".join(map(_instead, older))):
        return Published(None, paths, sent=False, merged=False)
    before()
    _sign(desk)
    report = check(desk.composer.change)
    _refuse(report)
    item = outbox.keep(desk.place, submission(desk, desk.composer.files, title, _author(desk)))
    for one in older:
        outbox.forget(desk.place, one)
    return hand_over(desk, item, lambda _: report)


def _instead(older: Item) -> str:
    return f"It takes the place of '{older.id}' ({older.title}), which was not sent and will be forgotten.\n"


def deliver(desk: Desk, request_id: str) -> Published:
    """Send the composer's decision files as decisions about an open request (raises as `publish`)."""
    request = desk.forge.read(request_id)
    files, paths = desk.composer.files, desk.composer.paths
    own = desk.store.change(request.base, request.head)
    _looked_at(desk, rebased(desk.composer.snapshot, own, files))
    if not desk.deps.confirm(preview(desk, f"decision on request {request.id}: {request.title}")):
        return Published(request.id, paths, sent=False, merged=False)
    _sign(desk)
    item = about(desk, Sort.DECISION, request, me(desk.deps.settings), files)
    return hand_over(desk, item, lambda done: gathered_at(desk, done).report, request)


def hand_over(
    desk: Desk, item: Item, report: Callable[[Request], Report], request: Request | None = None
) -> Published:
    """Send a signed item, or keep it where the profile is offline (raises as `publish`).

    Args:
        desk: the open registry.
        item: what to send.
        report: says of the request as it then is, if it is open, who must still act.
        request: the open request that the item is about.

    """
    outbox.keep(desk.place, item)
    if desk.deps.settings.offline:
        return Published(None, item.paths, sent=False, merged=False, kept=item.id)
    done = send(desk, item, request)
    merged = done.state is RequestState.MERGED
    waiting = () if done.state is not RequestState.OPEN else waits_for(report(done))
    return Published(done.id, item.paths, sent=True, merged=merged, waiting=waiting, url=done.url)


def _sign(desk: Desk) -> None:
    settings = desk.deps.settings
    # A newcomer has no name yet, and signs no root.
    desk.composer.sign(signer(settings, interactive=desk.deps.interactive), settings.member or "")


def preview(desk: Desk, title: str) -> str:
    """The exact files that will leave, as text."""
    return (
        f"This will be sent to {desk.meta.address} ({title}):\n{shown(desk.composer.files, 'to be signed')}"
    )


def shown(files: Mapping[str, bytes], signed: str) -> str:
    """Documents in full, each with who signs (or `signed`) it."""
    parts = []
    for text in sorted(path for path in files if path.endswith(".yml")):
        body = "".join(f"  {line}\n" for line in files[text].decode().splitlines())
        by = "whoever closes it" if text == STATEMENT else parse_path(text).signer or "its admins"
        parts.append(f"--- registry/{text} ({signed} by {by})\n{body}")
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
