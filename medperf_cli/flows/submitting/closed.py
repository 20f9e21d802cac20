"""Requests that were ended without a merge: the same files are not asked for twice."""

from __future__ import annotations

from collections.abc import Mapping

from medperf_cli.core.entities.closing import Closing
from medperf_cli.core.requests import request_id
from medperf_cli.errors import RejectedError
from medperf_cli.flows.hosting.closings import kept_closing
from medperf_cli.flows.submitting.desk import Desk
from medperf_cli.flows.submitting.forges import remembered_forge


class ClosedError(RejectedError):
    """Exactly this was asked for before, and was rejected or taken back."""

    code = "MP-CLOSED"
    hint = "change what you ask for (a word to who decides, for example), then ask again"

    def __init__(self, request: str, closing: Closing) -> None:
        day, reason = closing.time[:10], " ".join(closing.reason.split())
        super().__init__(f"request '{request}' was {closing.verdict} by {closing.member} on {day}: {reason}")


def expect_not_closed(desk: Desk, files: Mapping[str, bytes]) -> None:
    """See that a request for these files was not closed, as of the last contact (raises ClosedError)."""
    number = request_id(files)
    main = desk.meta.verified_commit
    for request in remembered_forge(desk.deps.settings, desk.store, desk.meta).closed(number):
        for member, commit in sorted(request.closings.items()):
            closing = kept_closing(desk.store, main, request.id, member, commit)
            if closing is not None and closing.request == number:
                raise ClosedError(request.id, closing)
