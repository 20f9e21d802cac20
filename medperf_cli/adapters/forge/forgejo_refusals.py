"""What a Forgejo or Gitea site's refusals and silences mean: errors with the next step, without the token."""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from medperf_cli.errors import (
    BusyError,
    MedperfError,
    NetworkError,
    RejectedError,
    TokenError,
    UnknownIdError,
)

SCOPES = "read:user, write:issue, write:repository"
"""What a token must be allowed to do; Gitea calls them the same."""
_LONGEST_MESSAGE = 300
_SCOPES = re.compile(r"required scope.{0,40}?\[([a-z:, ]{1,200})\]")
_SECONDS = re.compile(r"[0-9]{1,6}\Z")
_REASONS: dict[int, str] = {
    HTTPStatus.FORBIDDEN: "the token's owner may not do this",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "it is too large, or a quota is used up",
    HTTPStatus.LOCKED: "the repository is archived",
}
_AUTHORITY = "name your site's certificate authority: REQUESTS_CA_BUNDLE=/path/to/ca.pem"


class Refusals:
    """The errors of one site, asked with a token or without one."""

    def __init__(self, host: str, token: str | None) -> None:
        self._host = host
        self._token = token

    def unheard(self, error: OSError) -> NetworkError:
        """No answer. What `requests` says is not passed on: a proxy's address may hold its password."""
        from requests import exceptions  # noqa: PLC0415 - start-up time

        if isinstance(error, exceptions.SSLError):
            dated = any(words in str(error) for words in ("not yet valid", "has expired"))
            return NetworkError(
                f"the certificate of '{self._host}' is not trusted here",
                hint="see that this machine's clock is right" if dated else _AUTHORITY,
            )
        if isinstance(error, exceptions.ProxyError):
            return BusyError(f"the proxy on the way to '{self._host}' did not let it through")
        if isinstance(error, exceptions.Timeout):
            return BusyError(f"'{self._host}' did not answer in time")
        passing = (
            exceptions.ConnectionError,
            exceptions.ChunkedEncodingError,
            exceptions.ContentDecodingError,
        )
        if isinstance(error, passing):
            return BusyError(f"'{self._host}' gave no whole answer")
        return NetworkError(
            f"'{self._host}' cannot be asked",
            hint="check the registry's address, HTTPS_PROXY and REQUESTS_CA_BUNDLE",
        )

    def busy(self, status: int, headers: Mapping[str, str]) -> BusyError:
        """A rate limit or a fault, with the seconds to wait where the site names them."""
        after = headers.get("Retry-After", "")
        often = status == HTTPStatus.TOO_MANY_REQUESTS
        said = "asks for fewer questions" if often else f"has a fault (status {status})"
        return BusyError(
            f"'{self._host}' {said}",
            hint="wait a little, then run the same command again; what was done is kept",
            after=float(after) if _SECONDS.match(after) else None,
        )

    def refused(self, status: int, data: Any, what: str) -> MedperfError:
        """The error for a status; of a 401 nothing is quoted, for some versions name the token in it."""
        message = self._message(data)
        if status == HTTPStatus.UNAUTHORIZED:
            return self._token_error("")
        if status == HTTPStatus.FORBIDDEN:
            scopes = _SCOPES.search(message)
            if scopes or self._token is None:
                return self._token_error(scopes[1] if scopes else "")
        if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE) or status < HTTPStatus.BAD_REQUEST:
            return UnknownIdError(f"'{self._host}' has no {what}, or does not show it", hint=self._hidden())
        reason = _REASONS.get(status)
        return RejectedError(
            f"'{self._host}' refuses {what}: {message or reason or f'status {status}'}",
            hint=f"{reason}; see the repository's page" if reason else "see the request in the forge's page",
        )

    def _token_error(self, scopes: str) -> TokenError:
        where = f"make one at Settings > Applications of '{self._host}' with the scopes {SCOPES}"
        if scopes:
            return TokenError(f"the token for '{self._host}' lacks the scope '{scopes}'", hint=where)
        if self._token is None:
            return TokenError(f"'{self._host}' does this only with a token", hint=where)
        return TokenError(f"'{self._host}' does not take the token; it may have expired", hint=where)

    def _hidden(self) -> str:
        if self._token is None:
            return "check the address; a private repository shows itself to a token only"
        return "it may be deleted or renamed; a private one shows itself only to whom its owner lets in"

    def _message(self, data: Any) -> str:
        """What the site says, on one line and short; the token never."""
        text = data.get("message") if isinstance(data, dict) else None
        if not isinstance(text, str):
            return ""
        if self._token is not None:
            text = text.replace(self._token, "***")
        line = "".join(char if char.isprintable() else " " for char in text)
        return " ".join(line.split())[:_LONGEST_MESSAGE]
