"""Requests read from refs: a bare repository's own, or those in which a clone mirrors a hosted forge's."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence

from typing_extensions import override

from medperf_cli.adapters.forge.base import Ended, Repository, Request, Requests, RequestState
from medperf_cli.core.requests import MAIN, OpenRequest, closed_requests, is_number, open_requests
from medperf_cli.errors import IntegrityError, RejectedError, UnknownIdError


class ByRefs(Requests):
    """The reading half of a forge.

    Args:
        repository: a clone and the way to its upstream.

    """

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    @override
    def fetch(self) -> None:
        self._repository.fetch()

    @override
    def list(self) -> Sequence[Request]:
        requests = []
        for found in sorted(open_requests(self._repository.fetch()), key=lambda r: (len(r.id), r.id)):
            # What is no commit was written past the hooks; it is no request, and must not hide the others.
            with contextlib.suppress(IntegrityError, RejectedError):
                requests.append(self._describe(found))
        return requests

    @override
    def read(self, request_id: str) -> Request:
        """One open request, by number, or by its id or a unique beginning of it (raises UnknownIdError)."""
        wanted = request_id.lstrip("#!")
        requests = open_requests(self._repository.fetch())
        found = [r for r in requests if r.id == wanted or (not is_number(r.id) and r.id.startswith(wanted))]
        if len(found) != 1 or not wanted:
            what = "is no open request" if not found else "begins more than one request"
            raise UnknownIdError(f"'{request_id}' {what}", hint="`medperf review ls` lists them")
        return self._describe(found[0])

    @override
    def closed(self, request_id: str | None = None) -> Sequence[Request]:
        """Those of one id, or all; of a hosted forge all: its numbers do not say what is in them."""
        refs = self._repository.fetch()
        requests = []
        for number, closings in sorted(closed_requests(refs).items()):
            if request_id not in (None, number) and not is_number(number):
                continue
            with contextlib.suppress(IntegrityError, RejectedError):
                head = self._repository.note(min(closings.values())).parent
                found = self._describe(OpenRequest(number, head, {}, closings), RequestState.CLOSED)
                # What was merged while somebody closed it is merged.
                if not self._in_main(refs, self._repository.added(found.base, head)):
                    requests.append(found)
        return requests

    @override
    def ended(self) -> Sequence[Ended]:
        return self._repository.ended()

    def _in_main(self, refs: Mapping[str, str], files: Mapping[str, bytes]) -> bool:
        # Signatures alone are those of further admins under a new root.
        entities = {path: data for path, data in files.items() if path.endswith(".yml")} or files
        return MAIN in refs and self._repository.holds(refs[MAIN], entities)

    def _merged(self, number: str, refs: Mapping[str, str]) -> Request:
        note = self._repository.note(refs[MAIN])
        head = refs[MAIN]
        return Request(number, head, note.parent, note.author, note.title, note.time, {}, RequestState.MERGED)

    def _describe(self, found: OpenRequest, state: RequestState = RequestState.OPEN) -> Request:
        note = self._repository.note(found.head)
        page = self._repository.shown(found.id)
        return Request(
            found.id,
            found.head,
            self._repository.base(found.id, found.head),
            note.author,
            page.title if page else note.title,
            page.opened if page else note.time,
            dict(found.decisions),
            state,
            dict(found.closings),
            page.url if page else "",
        )
