"""Asking a Forgejo or Gitea site: one question, one bounded answer, every failure as one of ours."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from medperf_cli.adapters.forge.address import ForgeAddress
from medperf_cli.adapters.forge.forgejo_answers import Record, broken
from medperf_cli.adapters.forge.forgejo_refusals import Refusals
from medperf_cli.adapters.forge.sending import AGENT, sendable
from medperf_cli.errors import RejectedError

if TYPE_CHECKING:
    import requests

PATIENCE = (10.0, 60.0)
"""Seconds until a connection stands, and between two pieces of an answer."""
MOST_BYTES = 64 << 20
"""An answer that is longer (unpacked) is not read."""
PAGE = 50
"""Items a page: the most that a site offers unless its administrator changed it."""
MOST_PAGES = 2000
_PASSING = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)
_COUNT = re.compile(r"[0-9]{1,9}\Z")


@dataclass(frozen=True)
class Answer:
    """What came back: the status, the JSON value (None where there is no text), and how many items exist."""

    status: int
    data: Any
    total: int | None
    more: bool


class Web:
    """The web interface of one site, asked as the owner of a token or as nobody.

    Proxies and certificates are those of the environment (`HTTPS_PROXY`, `REQUESTS_CA_BUNDLE`).

    Raises:
        TokenError: the token has characters that no token has, or could be read on the way.

    """

    def __init__(self, address: ForgeAddress, token: str | None) -> None:
        import requests  # noqa: PLC0415 - start-up time
        from requests.cookies import RequestsCookieJar  # noqa: PLC0415 - start-up time

        sendable(address, token)
        self.host, self.anonymous = address.host, token is None
        self._base = f"{address.api}/api/v1/"
        self._token = token
        self._refusals = Refusals(address.host, token)
        self._session = requests.Session()
        self._session.headers.update({"Accept": "application/json", "User-Agent": AGENT})
        # Set for every request, so that no ~/.netrc takes the token's place.
        self._session.auth = self._sign
        jar = RequestsCookieJar()
        jar.set_policy(_no_cookies())
        self._session.cookies = jar

    def _sign(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token is not None:
            request.headers["Authorization"] = f"token {self._token}"
        return request

    def ask(
        self,
        method: str,
        path: str,
        *,
        what: str,
        query: Mapping[str, str | int] | None = None,
        body: Mapping[str, Any] | None = None,
        expected: Collection[int] = (),
    ) -> Answer:
        """One question; `what` is asked for, as errors call it; `expected` are statuses that are no error.

        Raises:
            BusyError, TokenError, RejectedError, UnknownIdError: as `ForgeApi` says.
            NetworkError: the site's certificate is not trusted, or its address is none.

        """
        status, headers, text = self._exchange(method, path, query, body)
        page = text and "html" in headers.get("Content-Type", "").lower()
        if status in _PASSING or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise self._refusals.busy(status, headers)
        if page or status < HTTPStatus.OK:
            raise broken(self.host)
        try:
            data = json.loads(text) if text.strip() else None
        except (ValueError, RecursionError):
            if status < HTTPStatus.MULTIPLE_CHOICES:
                raise broken(self.host) from None
            data = None
        if status >= HTTPStatus.MULTIPLE_CHOICES and status not in expected:
            raise self._refusals.refused(status, data, what)
        total = headers.get("X-Total-Count", "")
        return Answer(
            status,
            data,
            int(total) if _COUNT.match(total) else None,
            'rel="next"' in headers.get("Link", ""),
        )

    def record(self, method: str, path: str, *, what: str, body: Mapping[str, Any] | None = None) -> Record:
        """One question whose answer is an object."""
        return Record(self.ask(method, path, what=what, body=body).data, self.host)

    def pages(
        self, path: str, *, what: str, query: Mapping[str, str | int] | None = None
    ) -> Iterator[Record]:
        """All items of a list, page after page, as they are wanted.

        A site may give fewer a page than was asked for, so only an empty page, the count or the links say
        where the end is. An item that the site itself could not build (null) is left out.
        """
        seen, last = 0, None
        for number in range(1, MOST_PAGES + 1):
            asked = {**(query or {}), "page": number, "limit": PAGE}
            answer = self.ask("GET", path, what=what, query=asked)
            items = self._items(answer)
            if not items or items == last:  # the same again: this version knows no pages here
                return
            seen, last = seen + len(items), items
            yield from self._records(items)
            if not answer.more and (len(items) < PAGE if answer.total is None else seen >= answer.total):
                return
        raise RejectedError(
            f"'{self.host}' has too many {what} to read",
            hint="close what is no longer needed in the forge's page",
        )

    def listed(self, path: str, *, what: str) -> list[Record]:
        """The items of a list that has no pages."""
        return self._records(self._items(self.ask("GET", path, what=what)))

    def _items(self, answer: Answer) -> list[Any]:
        items = [] if answer.data is None else answer.data
        if not isinstance(items, list):
            raise broken(self.host)
        return items

    def _records(self, items: list[Any]) -> list[Record]:
        return [Record(item, self.host) for item in items if item is not None]

    def _exchange(
        self,
        method: str,
        path: str,
        query: Mapping[str, str | int] | None,
        body: Mapping[str, Any] | None,
    ) -> tuple[int, Mapping[str, str], str]:
        """Send, and read at most `MOST_BYTES`; no redirect is followed, it might take the token along."""
        try:
            with self._session.request(
                method,
                self._base + path,
                params=query,
                json=body,
                timeout=PATIENCE,
                stream=True,
                allow_redirects=False,
            ) as response:
                read = bytearray()
                for piece in response.iter_content(1 << 16):
                    read += piece
                    if len(read) > MOST_BYTES:
                        raise RejectedError(
                            f"the answer of '{self.host}' is larger than {MOST_BYTES >> 20} MiB",
                            hint="look at the request in the forge's page, and remove what floods it",
                        )
                return response.status_code, response.headers, read.decode("utf-8", errors="replace")
        except OSError as error:  # everything of requests is one
            raise self._refusals.unheard(error) from None


def part(text: str, *, slashes: bool = False) -> str:
    """A text as part of a path."""
    return quote(text, safe="/:" if slashes else "")


def _no_cookies() -> Any:
    from http.cookiejar import DefaultCookiePolicy  # noqa: PLC0415 - start-up time

    return DefaultCookiePolicy(allowed_domains=[])
