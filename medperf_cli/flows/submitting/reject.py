"""Ending a request without a merge: rejected by who decides about it, or taken back by who made it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from medperf_cli.adapters.forge.base import Request
from medperf_cli.core.check.findings import Report
from medperf_cli.core.entities.closing import (
    SIGNATURE,
    STATEMENT,
    Closing,
    ClosingVerdict,
    closing_namespace,
    emit_closing,
    parse_closing,
)
from medperf_cli.core.lifecycle.closing import expect_closable, signed_all
from medperf_cli.core.names import Kind
from medperf_cli.core.requests import request_id
from medperf_cli.errors import UsageError
from medperf_cli.flows.identity import me, signer
from medperf_cli.flows.submitting import outbox
from medperf_cli.flows.submitting.desk import Desk
from medperf_cli.flows.submitting.outbox import Sort
from medperf_cli.flows.submitting.permission import expect_allowed
from medperf_cli.flows.submitting.publish import Published, hand_over
from medperf_cli.flows.submitting.sending import about


def reject(desk: Desk, number: str, reason: str) -> Published:
    """Sign that a request ends here, and why; of my own request that means I take it back.

    One member who holds a role in it is enough: nothing is decided, and anybody may ask anew.

    Raises:
        UnknownIdError: there is no such open request (any more).
        RejectedError: I decide about nothing in it, and did not make it.

    """
    request = desk.forge.read(number)
    who = me(desk.deps.settings)
    change = desk.store.change(request.base, request.head)
    verdict = ClosingVerdict.TAKEN_BACK if signed_all(change, who) else ClosingVerdict.REJECTED
    expect_closable(desk.state, change, who, verdict)
    if desk.reader().versions(Kind.MEMBER, who):
        expect_allowed(desk)
    before = _signed_before(desk, request, verdict, reason)
    content = request_id(change.added)
    payload = before[STATEMENT] if before else _statement(desk, request, content, verdict, reason)
    said = f"{verdict} by {who}: {reason}"
    if not desk.deps.confirm(_preview(desk, request, payload)):
        return Published(request.id, (), sent=False, merged=False, closed=said)
    item = about(desk, Sort.CLOSING, request, who, before or _signed(desk, payload))
    done = hand_over(desk, item, lambda _: Report(()), request)
    return dataclasses.replace(done, paths=(), closed=said)


def _statement(desk: Desk, request: Request, content: str, verdict: ClosingVerdict, reason: str) -> bytes:
    fields = {
        "schema": "closing/1",
        "registry": desk.meta.registry,
        "request": content,
        "head": request.head,
        "verdict": verdict,
        "reason": reason,
        "member": me(desk.deps.settings),
        "time": desk.deps.now(),
    }
    try:
        return emit_closing(Closing.model_validate(fields))
    except ValueError:
        raise UsageError(
            "the reason must be 1 to 4000 characters, without space around it", hint="say it in --reason"
        ) from None


def _signed(desk: Desk, payload: bytes) -> dict[str, bytes]:
    key = signer(desk.deps.settings, interactive=desk.deps.interactive)
    return {STATEMENT: payload, SIGNATURE: key.sign(payload, closing_namespace(desk.meta.registry))}


def _signed_before(
    desk: Desk, request: Request, verdict: ClosingVerdict, reason: str
) -> Mapping[str, bytes] | None:
    """The files of a closing of mine that waits in the outbox, where it says the same."""
    name = about(desk, Sort.CLOSING, request, me(desk.deps.settings), {}).id
    item = outbox.kept(desk.place, name)
    if item is None or item.head != request.head:
        return None
    said = parse_closing(item.files[STATEMENT])
    # One signed while the clock was ahead is refused for ever.
    same = (said.verdict, said.reason) == (verdict, reason) and said.time <= desk.deps.now()
    return item.files if same else None


def _preview(desk: Desk, request: Request, payload: bytes) -> str:
    """The exact statement that will leave, as text."""
    body = "".join(f"  {line}\n" for line in payload.decode().splitlines())
    return (
        f"This will be sent to {desk.meta.address} and closes request {request.id} ({request.title}):\n{body}"
    )
