"""Ending a request without a merge: rejected by who decides about it, or taken back by who made it."""

from __future__ import annotations

from medperf_cli.adapters.forge.base import Request
from medperf_cli.core.entities.closing import (
    SIGNATURE,
    STATEMENT,
    Closing,
    ClosingVerdict,
    closing_namespace,
    emit_closing,
)
from medperf_cli.core.lifecycle.closing import expect_closable, signed_all
from medperf_cli.core.names import Kind
from medperf_cli.core.requests import request_id
from medperf_cli.errors import UsageError
from medperf_cli.flows.identity import me, signer
from medperf_cli.flows.submitting.desk import Desk
from medperf_cli.flows.submitting.permission import expect_allowed
from medperf_cli.flows.submitting.publish import Published


def reject(desk: Desk, number: str, reason: str) -> Published:
    """Sign that a request ends here, and why; of my own request that means I take it back.

    One member who holds a role in it is enough: nothing is decided, and anybody may ask anew.

    Raises:
        UnknownIdError: there is no such open request (any more).
        RejectedError: I decide about nothing in it, and did not make it.

    """
    forge = desk.forge
    request = forge.read(number)
    who = me(desk.deps.settings)
    change = desk.store.change(request.base, request.head)
    verdict = ClosingVerdict.TAKEN_BACK if signed_all(change, who) else ClosingVerdict.REJECTED
    expect_closable(desk.state, change, who, verdict)
    if desk.reader().versions(Kind.MEMBER, who):
        expect_allowed(desk)
    payload = _statement(desk, request, request_id(change.added), verdict, reason)
    said = f"{verdict} by {who}: {reason}"
    if not desk.deps.confirm(_preview(desk, request, payload)):
        return Published(request.id, (), sent=False, merged=False, closed=said)
    key = signer(desk.deps.settings, interactive=desk.deps.interactive)
    armor = key.sign(payload, closing_namespace(desk.meta.registry))
    files = {STATEMENT: payload, SIGNATURE: armor}
    done = forge.close(request, who, files, when=desk.deps.clock())
    return Published(done.id, (), sent=True, merged=False, closed=said)


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


def _preview(desk: Desk, request: Request, payload: bytes) -> str:
    """The exact statement that will leave, as text."""
    body = "".join(f"  {line}\n" for line in payload.decode().splitlines())
    return (
        f"This will be sent to {desk.meta.address} and closes request {request.id} ({request.title}):\n{body}"
    )
