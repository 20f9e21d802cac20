"""A forge that is not reached: what was known of it is read, and nothing can be sent."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from typing_extensions import override

from medperf_cli.adapters.forge.base import Ended, Forge, Request, Requests
from medperf_cli.errors import NetworkError


class OfflineError(NetworkError):
    """The profile says that no registry's remote is asked."""

    hint = (
        "`medperf profile set offline false` ends that; `medperf outbox` and `registry sync` ask all the same"
    )


class Unreached(Forge):
    """The requests as of the last contact; whatever would send raises why there is none.

    Args:
        known: the forge as it is remembered.
        why: raised by whatever needs an answer.

    """

    def __init__(self, known: Requests, why: NetworkError) -> None:
        self._known = known
        self._why = why

    @override
    def open(
        self, files: Mapping[str, bytes], *, title: str, body: str, author: str, base: str, when: dt.datetime
    ) -> Request:
        raise self._why

    @override
    def fetch(self) -> None:
        raise self._why

    @override
    def list(self) -> Sequence[Request]:
        return self._known.list()

    @override
    def read(self, request_id: str) -> Request:
        return self._known.read(request_id)

    @override
    def decide(
        self, request: Request, member: str, files: Mapping[str, bytes], *, when: dt.datetime
    ) -> Request:
        raise self._why

    @override
    def close(
        self, request: Request, member: str, files: Mapping[str, bytes], *, when: dt.datetime
    ) -> Request:
        raise self._why

    @override
    def closed(self, request_id: str | None = None) -> Sequence[Request]:
        return self._known.closed(request_id)

    @override
    def ended(self) -> Sequence[Ended]:
        return self._known.ended()

    @override
    def merge(self, request: Request, commit: str, base: str) -> Request:
        raise self._why
