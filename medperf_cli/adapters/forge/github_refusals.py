"""What GitHub's refusals mean, and the next step for each.

Source: the troubleshooting and rate limit pages of GitHub's REST documentation.
"""

from __future__ import annotations

import email.utils
import re
from collections.abc import Mapping
from typing import Any

from medperf_cli.adapters.forge.address import ForgeAddress
from medperf_cli.errors import (
    BusyError,
    MedperfError,
    NetworkError,
    RejectedError,
    TokenError,
    UnknownIdError,
)

_MOST_WORDS = 500
_SECONDARY = 60.0
"""Seconds to wait where GitHub names none: at least a minute, as its documentation says."""
_SSO = re.compile(r"url=(https://[A-Za-z0-9.-]+/[A-Za-z0-9/?=&._%-]+)")


def refused(
    address: ForgeAddress, status: int, headers: Mapping[str, str], data: Any, verb: str
) -> MedperfError:
    """The error for an answer of 400 or more."""
    told = {name.lower(): str(value) for name, value in headers.items()}
    words, site = _words(data), f"'{address.host}'"
    limit = _limit(status, told, words, site)
    if limit:
        return limit
    if status >= 500:  # noqa: PLR2004 - HTTP: server errors
        return BusyError(f"{site} answers HTTP {status}", after=_seconds(told.get("retry-after")))
    if status == 401:  # noqa: PLR2004 - HTTP: unauthorized
        return _unauthorized(site, words)
    if status == 403:  # noqa: PLR2004 - HTTP: forbidden
        return _missing(told, words, site) or _forbidden(address, words)
    if status in (404, 410):
        return _missing(told, "", site) or _nothing(address, told, data, verb)
    return RejectedError(f"{site} refuses: {words or f'HTTP {status}'}", hint=_advice(words))


def _words(data: Any) -> str:
    """What GitHub says, with the details of each error, as one short line."""
    if not isinstance(data, Mapping):
        return ""
    errors = data.get("errors")
    listed = errors if isinstance(errors, list) else [errors]
    details = [error.get("message") if isinstance(error, Mapping) else error for error in listed]
    said = [str(part) for part in (data.get("message"), *details) if isinstance(part, str) and part]
    return " ".join(": ".join(said).split())[:_MOST_WORDS]


def _seconds(text: str | None) -> float | None:
    return float(text) if text and re.fullmatch(r"[0-9]{1,6}", text) else None


def _limit(status: int, told: Mapping[str, str], words: str, site: str) -> BusyError | None:
    """A rate limit: the primary one names when it ends, a secondary one may say how long to wait."""
    if status not in (403, 429):
        return None
    after = _seconds(told.get("retry-after"))
    if told.get("x-ratelimit-remaining") == "0" and "secondary" not in words.lower():
        after = after if after is not None else _until_reset(told)
        return BusyError(f"{site} takes no more requests for now (rate limit)", hint=_LATER, after=after)
    if status == 429 or after is not None or "rate limit" in words.lower():  # noqa: PLR2004 - HTTP: too many
        after = _SECONDARY if after is None else after
        return BusyError(f"{site} asks to go slower (secondary rate limit)", hint=_LATER, after=after)
    return None


_LATER = "nothing is lost: run the same command again later; with a token there are more requests an hour"


def _until_reset(told: Mapping[str, str]) -> float:
    """Seconds until the limit ends, by the forge's own clock."""
    reset = _seconds_since_epoch(told.get("x-ratelimit-reset"))
    try:
        now = email.utils.parsedate_to_datetime(told.get("date", "")).timestamp()
    except ValueError:
        return _SECONDARY
    return _SECONDARY if reset is None else max(1.0, reset - now + 1)


def _seconds_since_epoch(text: str | None) -> float | None:
    return float(text) if text and re.fullmatch(r"[0-9]{1,12}", text) else None


def _unauthorized(site: str, words: str) -> TokenError:
    if "requires authentication" in words.lower():
        return TokenError(f"{site} wants a token for this")
    return TokenError(
        f"{site} does not accept the token: it expired, was revoked or is another site's",
        hint=_RENEW,
    )


_RENEW = "make a new one in Settings > Developer settings; `medperf doctor` says where it is looked for"


def _missing(told: Mapping[str, str], words: str, site: str) -> TokenError | None:
    """A scope, permission or sign-on that the token lacks, where GitHub names it."""
    if sso := _SSO.search(told.get("x-github-sso", "")):
        return TokenError(
            f"the organization on {site} wants single sign-on for the token", hint=f"open {sso[1]}"
        )
    accepted = {scope.strip() for scope in told.get("x-accepted-oauth-scopes", "").split(",")} - {""}
    have = {scope.strip() for scope in told.get("x-oauth-scopes", "").split(",")}
    if "x-oauth-scopes" in told and accepted and not accepted & have:
        scopes = "' or '".join(_safe(scope) for scope in sorted(accepted))
        return TokenError(
            f"the token for {site} has no scope '{scopes}'",
            hint=f"give the token the scope '{scopes}' in the page, Settings > Developer settings",
        )
    if "resource not accessible" in words.lower():
        needs = told.get("x-accepted-github-permissions", "").replace("=", ": ")
        right = _safe(needs) or "the right to this repository"
        return TokenError(f"the token for {site} may not do this", hint=f"give it the permission {right}")
    return None


def _safe(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_:,; ]", "?", text)[:200]


def archived(address: ForgeAddress) -> RejectedError:
    """What it means that a repository can only be read."""
    words = f"'{address.repository}' is archived: it can only be read"
    return RejectedError(words, hint="ask its admins where the registry lives now")


def _forbidden(address: ForgeAddress, words: str) -> RejectedError:
    if "archived" in words.lower():
        return archived(address)
    return RejectedError(f"'{address.host}' forbids this: {words or 'no reason given'}", hint=_advice(words))


def _nothing(address: ForgeAddress, told: Mapping[str, str], data: Any, verb: str) -> MedperfError:
    if (
        not isinstance(data, Mapping)
        or "message" not in data
        or "json" not in told.get("content-type", "json")
    ):
        return NetworkError(
            f"'{address.api}' is not the web interface of a GitHub",
            hint="that of GitHub Enterprise Server is https://HOST/api/v3; say it by the setting forge_api",
        )
    what = "there is no such thing" if verb == "GET" else "there is nothing that could be changed"
    return UnknownIdError(
        f"{what} in '{address.repository}' on '{address.host}', or the token may not see it",
        hint="see whether it was deleted; a private registry needs a token of somebody who may read it",
    )


def _advice(words: str) -> str:
    """The next step for some refusals."""
    lower = words.lower()
    if "no commits between" in lower:
        return "everything in the branch is in main already: see whether an earlier request was merged"
    if "admin" in lower:
        return "ask an admin of the repository to do it, or for the right"
    if "locked" in lower:
        return "ask an admin of the repository to unlock the request"
    if "head branch was modified" in lower:
        return "look at the request as it is now, then run the same command again"
    if "protected branch" in lower or "required" in lower:
        return "see the rules of the branch; `medperf registry doctor` compares them with what is needed"
    return "see the request's page; then run the same command again"
