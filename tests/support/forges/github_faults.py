"""GitHub's own ways to say: later."""

from __future__ import annotations

import email.utils
import json
from collections.abc import Callable

from tests.support.forges.faults import Asked, Faults, How, anything

_NOW = 1_700_000_000.0


def secondary_limit(
    faults: Faults, when: Callable[[Asked], bool] = anything, times: int = 1, after: int | None = 3
) -> None:
    """Answer 403 with the words of a secondary limit; it does not always say how long (`after`)."""
    words = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
    headers = {} if after is None else {"Retry-After": str(after)}
    _refuse(faults, when, times, words, headers)


def primary_limit(
    faults: Faults, when: Callable[[Asked], bool] = anything, times: int = 1, seconds: int = 30
) -> None:
    """Answer 403 as when the requests of this hour are used up; they come back after `seconds`."""
    headers = {
        "X-RateLimit-Limit": "5000",
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": str(int(_NOW) + seconds),
        # By the forge's clock, which is not that of the machine.
        "Date": email.utils.formatdate(_NOW, usegmt=True),
    }
    _refuse(faults, when, times, "API rate limit exceeded for user ID 1.", headers)


def _refuse(
    faults: Faults, when: Callable[[Asked], bool], times: int, words: str, headers: dict[str, str]
) -> None:
    body = json.dumps({"message": words, "documentation_url": "https://docs.github.com/rest"}).encode()
    told = {"Content-Type": "application/json; charset=utf-8", **headers}
    faults.add(How.INSTEAD, when, times, status=403, headers=told, body=body)
