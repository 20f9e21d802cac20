"""Requests to GitHub's web interface by PyGithub: bounded in size and time, errors told in our words."""

from __future__ import annotations

import threading
import time
from collections.abc import ItemsView, Mapping
from typing import TYPE_CHECKING, Any

from medperf_cli.adapters.forge.address import ForgeAddress
from medperf_cli.adapters.forge.github_answers import LARGEST, MOST_PAGES, Answer, broken, objects
from medperf_cli.adapters.forge.github_answers import BrokenAnswerError as Broken
from medperf_cli.adapters.forge.github_refusals import refused
from medperf_cli.adapters.forge.github_silence import MovedError, unreachable
from medperf_cli.adapters.forge.sending import AGENT, sendable
from medperf_cli.errors import NetworkError

if TYPE_CHECKING:
    from github.Requester import Requester

CONNECT, READ, WHOLE = 10.0, 30.0, 120.0
"""Seconds for a connection, for the next bytes of an answer, and for all of it."""
VERSION = "2022-11-28"
"""The version of the web interface: GitHub Enterprise Server knows no later one."""
PAGE = 100
_making = threading.Lock()


class Web:
    """One site as the owner of a token; every method raises what `ForgeApi` says."""

    def __init__(self, address: ForgeAddress, token: str | None) -> None:
        self.address = address
        self.anonymous = token is None
        self._requester = _requester(address, token)

    def get(self, path: str, **parameters: str | int) -> Any:
        """The JSON of one answer."""
        return self._ask("GET", path, parameters)[1]

    def whole(self, path: str, most: int | None = None, **parameters: str | int) -> list[Answer]:
        """The objects of a list, from all of its pages; or the first `most`."""
        found: list[Answer] = []
        size = PAGE if most is None else max(1, min(most, PAGE))
        for page in range(1, MOST_PAGES + 1):
            headers, data = self._ask("GET", path, {**parameters, "per_page": size, "page": page})
            found += self._read(data)
            # Whether there is more is all that is taken from the link; its address is not followed.
            if 'rel="next"' not in headers.get("link", "") or (most is not None and len(found) >= most):
                return found[:most]
        raise NetworkError(f"'{self.address.host}' lists more than {MOST_PAGES} pages of '{path}'")

    def send(self, verb: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The JSON of the answer to what changes something; None where there is none."""
        return self._ask(verb, path, {}, body)[1]

    def _read(self, data: Any) -> list[Answer]:
        try:
            return objects(data)
        except Broken as error:
            raise broken(self.address.host, error) from error

    def _ask(
        self, verb: str, path: str, parameters: Mapping[str, str | int], body: Mapping[str, Any] | None = None
    ) -> tuple[dict[str, str], Any]:
        import requests  # noqa: PLC0415 - start-up time
        from github import GithubException  # noqa: PLC0415 - start-up time

        try:
            return self._requester.requestJsonAndCheck(verb, path, dict(parameters), input=body)
        except GithubException as error:
            raise refused(self.address, error.status, error.headers or {}, error.data, verb) from error
        except (Broken, MovedError, ValueError, RuntimeError, requests.RequestException, OSError) as error:
            raise unreachable(self.address, error) from error


def _requester(address: ForgeAddress, token: str | None) -> Requester:
    """PyGithub's, with our connections; it makes them by classes that can only be set for all of it."""
    from github import Auth, Github  # noqa: PLC0415 - start-up time
    from github.Requester import Requester  # noqa: PLC0415 - start-up time

    sendable(address, token)
    with _making:
        Requester.injectConnectionClasses(*_connections())
        try:
            made = Github(
                base_url=address.api,
                auth=Auth.Token(token) if token else None,
                user_agent=AGENT,
                retry=None,
                seconds_between_requests=None,
                seconds_between_writes=None,
                api_version=VERSION,
            )
        finally:
            Requester.resetConnectionClasses()
    return made.requester


def _connections() -> tuple[Any, Any]:
    """PyGithub's connections, that read an answer piece by piece and no more than `LARGEST`."""
    from github.Requester import (  # noqa: PLC0415 - start-up time
        HTTPRequestsConnectionClass,
        HTTPSRequestsConnectionClass,
    )

    class Plain(HTTPRequestsConnectionClass):
        def getresponse(self) -> Any:
            return _answer(self)

    class Secure(HTTPSRequestsConnectionClass):
        def getresponse(self) -> Any:
            return _answer(self)

    return Plain, Secure


class _Received:
    """An answer as PyGithub reads it."""

    def __init__(self, status: int, headers: Mapping[str, str], text: str) -> None:
        self.status, self._headers, self._text = status, dict(headers), text

    def getheaders(self) -> ItemsView[str, str]:
        return self._headers.items()

    def read(self) -> str:
        return self._text


def _answer(connection: Any) -> _Received:
    until = time.monotonic() + WHOLE
    with connection.session.request(
        connection.verb,
        f"{connection.protocol}://{connection.host}:{connection.port}{connection.url}",
        headers=connection.headers,
        data=connection.input,
        timeout=(CONNECT, READ),
        verify=connection.verify,
        allow_redirects=False,
        stream=True,
    ) as response:
        data = bytearray()
        for piece in response.iter_content(1 << 16):
            data += piece
            if len(data) > LARGEST:
                raise Broken(f"more than {LARGEST >> 20} MiB")
            if time.monotonic() > until:
                raise Broken(f"not whole after {WHOLE:.0f} s")
        _plausible(connection.verb, response, bool(data))
        return _Received(response.status_code, response.headers, data.decode("utf-8", errors="replace"))


def _plausible(verb: str, response: Any, has_body: bool) -> None:  # noqa: FBT001 - told by its name
    """Refuse what PyGithub would take for an answer, wait for without end, or follow elsewhere."""
    status, kind = response.status_code, response.headers.get("content-type", "")
    if status == 202 and verb == "GET":  # noqa: PLR2004 - HTTP: not ready
        raise Broken("it is not ready")
    if 300 <= status < 400:  # noqa: PLR2004 - HTTP: see elsewhere
        # Also on the same site: PyGithub would follow without what was asked for after the question mark.
        raise MovedError
    if status < 300 and has_body and "json" not in kind:  # noqa: PLR2004 - HTTP: success
        raise Broken("it is no JSON")
