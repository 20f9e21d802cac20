"""Asking a forge again after what may pass: rate limits, 5xx, time-outs, dropped connections."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from typing_extensions import override

from medperf_cli.adapters.forge.api import (
    Account,
    Comment,
    ForgeApi,
    Fork,
    PageApproval,
    Protection,
    Pull,
)
from medperf_cli.adapters.forge.base import RequestState
from medperf_cli.errors import BusyError, NetworkError

T = TypeVar("T")
ATTEMPTS = 6
_FIRST, _LONGEST = 1.0, 60.0
"""Seconds before the second attempt, doubled each time; and what a forge may ask for at the most."""


class Patient(ForgeApi):
    """A forge that is asked again; what makes something new is looked for before it is made again.

    Args:
        api: the forge.
        sleep: waits for seconds.

    """

    def __init__(self, api: ForgeApi, sleep: Callable[[float], None] = time.sleep) -> None:
        self._api = api
        self._sleep = sleep

    def _again(self, call: Callable[[], T], done: Callable[[], T | None] | None = None) -> T:
        """Call until it answers; `done` finds what an attempt made whose answer was lost.

        Raises:
            NetworkError: it did not answer in `ATTEMPTS` attempts, or asks to wait longer than `_LONGEST`.

        """
        wait = _FIRST
        for attempt in range(ATTEMPTS):
            try:
                found = done() if attempt and done else None
                return call() if found is None else found
            except BusyError as error:
                asked = wait if error.after is None else error.after
                if attempt == ATTEMPTS - 1 or asked > _LONGEST:
                    raise NetworkError(error.message, hint=error.hint) from error
                self._sleep(asked)
                wait = min(2 * wait, _LONGEST)
        raise AssertionError("the last attempt returns or raises")

    @property
    @override
    def host(self) -> str:
        return self._api.host

    @property
    @override
    def repository(self) -> str:
        return self._api.repository

    @property
    @override
    def heads(self) -> str:
        return self._api.heads

    @override
    def whoami(self) -> Account:
        return self._again(self._api.whoami)

    @override
    def destination(self) -> Fork:
        # A fork that is there is found, so asking again makes no second one.
        return self._again(self._api.destination)

    @override
    def pulls(self) -> Sequence[Pull]:
        return self._again(self._api.pulls)

    @override
    def ended(self, most: int) -> Sequence[Pull]:
        return self._again(lambda: self._api.ended(most))

    @override
    def pull(self, number: int) -> Pull:
        return self._again(lambda: self._api.pull(number))

    @override
    def pulls_from(self, source: str, branch: str) -> Sequence[Pull]:
        return self._again(lambda: self._api.pulls_from(source, branch))

    @override
    def pulls_of(self, commit: str) -> Sequence[Pull]:
        return self._again(lambda: self._api.pulls_of(commit))

    @override
    def create(self, title: str, body: str, source: Fork, branch: str) -> Pull:
        def done() -> Pull | None:
            # One that was closed before is another: this one was just opened, and may be merged already.
            made = self._api.pulls_from(source.name, branch)
            return next((pull for pull in made if pull.state is not RequestState.CLOSED), None)

        return self._again(lambda: self._api.create(title, body, source, branch), done)

    @override
    def edit(self, number: int, title: str, body: str) -> None:
        self._again(lambda: self._api.edit(number, title, body))

    @override
    def close(self, number: int) -> None:
        self._again(lambda: self._api.close(number))

    @override
    def settle(self, pull: Pull, merge: str) -> None:
        self._again(lambda: self._api.settle(pull, merge))

    @override
    def comments(self, number: int) -> Sequence[Comment]:
        return self._again(lambda: self._api.comments(number))

    @override
    def comment(self, number: int, body: str) -> Comment:
        def done() -> Comment | None:
            me = self._api.whoami()
            mine = (c for c in self._api.comments(number) if c.author.number == me.number)
            return next((c for c in mine if c.body.strip() == body.strip()), None)

        return self._again(lambda: self._api.comment(number, body), done)

    @override
    def edit_comment(self, number: int, comment: int, body: str) -> None:
        self._again(lambda: self._api.edit_comment(number, comment, body))

    @override
    def delete_comment(self, number: int, comment: int) -> None:
        self._again(lambda: self._api.delete_comment(number, comment))

    @override
    def label(self, pull: Pull, labels: frozenset[str]) -> None:
        self._again(lambda: self._api.label(pull, labels))

    @override
    def approvals(self, pull: Pull) -> Sequence[PageApproval]:
        return self._again(lambda: self._api.approvals(pull))

    @override
    def protection(self) -> Protection:
        return self._again(self._api.protection)

    @override
    def protect(self, checks: frozenset[str], pushers: frozenset[str]) -> Sequence[str]:
        return self._again(lambda: self._api.protect(checks, pushers))
