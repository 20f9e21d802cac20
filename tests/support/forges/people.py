"""Who has an account on a simulated forge, and with what tokens they come."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

RIGHTS = ("none", "read", "triage", "write", "maintain", "admin")
"""What somebody may do in a repository, less first."""


@dataclass(frozen=True)
class User:
    """An account; `kind` is User, Organization or Bot."""

    login: str
    number: int
    kind: str = "User"


@dataclass
class Token:
    """A secret with which its owner comes.

    `kind`: `classic` has `scopes`; `fine` (fine-grained), `app` (an installation's) and `actions` (a workflow
    run's) have `permissions` such as `{"pull_requests": "write"}`. An empty mapping of a fine token grants
    nothing; `None` grants everything.
    """

    text: str
    user: User
    kind: str = "classic"
    scopes: frozenset[str] = frozenset()
    permissions: Mapping[str, str] | None = None
    expires: dt.datetime | None = None
    revoked: bool = False
    sso_missing: bool = False
    marks: dict[str, str] = field(default_factory=dict)
    """What a façade wants to remember with it."""


class BadCredentialsError(Exception):
    """A token that nobody has, that expired or was revoked."""


def secret_in(authorization: str | None) -> str | None:
    """The token of an `Authorization` header: Bearer, token, or the password of Basic."""
    scheme, _, rest = (authorization or "").partition(" ")
    if scheme.lower() in ("bearer", "token"):
        return rest.strip()
    if scheme.lower() != "basic":
        return None
    try:
        login, _, password = base64.b64decode(rest, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return password or login


def basic(token: str, login: str = "x-access-token") -> str:
    """The `Authorization` header that git sends for a token."""
    return "Basic " + base64.b64encode(f"{login}:{token}".encode()).decode()
