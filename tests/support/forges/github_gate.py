"""Who may ask a simulated GitHub for what: tokens, scopes, permissions, roles, and GitHub's words for no."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flask import Response, request

from tests.support.forges.forge import SimulatedForge
from tests.support.forges.people import BadCredentialsError, Token, User, secret_in
from tests.support.forges.repository import Repository

DOCS = "https://docs.github.com/rest"
LEVELS = ("none", "read", "write", "admin")


class RefusedError(Exception):
    """An answer of 400 or more."""

    def __init__(self, status: int, message: str, *errors: Mapping[str, Any], **headers: str) -> None:
        super().__init__(message)
        self.status, self.message, self.errors = status, message, errors
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def answer(self) -> Response:
        body: dict[str, Any] = {"message": self.message, "documentation_url": DOCS}
        body |= {"errors": list(self.errors)} if self.errors else {}
        body |= {"status": str(self.status)} if self.status != 422 else {}
        return Response(json.dumps(body), self.status, self.headers, mimetype="application/json")


def invalid(resource: str, field: str, code: str, message: str | None = None) -> RefusedError:
    """422 as GitHub words it."""
    error = {"resource": resource, "field": field, "code": code}
    return RefusedError(422, "Validation Failed", error | ({"message": message} if message else {}))


def token_of(forge: SimulatedForge) -> Token | None:
    """Whose token came with the request."""
    if not request.headers.get("User-Agent"):
        raise RefusedError(403, "Request forbidden by administrative rules. Please send a User-Agent header")
    try:
        return forge.authenticated(secret_in(request.headers.get("Authorization")))
    except BadCredentialsError:
        raise RefusedError(401, "Bad credentials") from None


def seen_repository(forge: SimulatedForge, owner: str, name: str, token: Token | None) -> Repository:
    """A repository that the token may see at all."""
    repository = forge.repositories.get(f"{owner}/{name}")
    user = token.user if token else None
    if repository is None or not repository.may(user, "read"):
        raise RefusedError(404, "Not Found", **scopes(token, "repo"))
    if token and token.sso_missing:
        url = f"https://github.com/orgs/{owner}/sso?authorization_request=A1b2"
        words = "Resource protected by organization SAML enforcement."
        raise RefusedError(403, words, X_GitHub_SSO=f"required; url={url}")
    return repository


def permitted(repository: Repository, token: Token | None, permission: str) -> User:
    """Who may change something; `permission` as fine-grained tokens name it, such as `issues=write`."""
    if token is None:
        raise RefusedError(401, "Requires authentication")
    wanted, _, level = permission.partition("=")
    if token.kind == "classic":
        accepted = "repo" if repository.private else "public_repo, repo"
        if not token.scopes & set(accepted.split(", ")):
            raise RefusedError(404, "Not Found", **scopes(token, accepted))
    elif LEVELS.index((token.permissions or {wanted: "admin"}).get(wanted, "none")) < LEVELS.index(level):
        kind = "personal access token" if token.kind == "fine" else "integration"
        told = {"X-Accepted-GitHub-Permissions": permission}
        raise RefusedError(403, f"Resource not accessible by {kind}", **told)
    if repository.archived:
        raise RefusedError(403, "Repository was archived so is read-only.")
    if wanted == "administration" and level != "none" and not repository.may(token.user, "admin"):
        no_admin = RefusedError(403, "Must have admin rights to Repository.")
        raise no_admin if level == "write" else RefusedError(404, "Not Found")
    return token.user


def scopes(token: Token | None, accepted: str = "") -> dict[str, str]:
    """The headers in which GitHub names the scopes of a classic token, and those that would do."""
    if token is None or token.kind != "classic":
        return {}
    return {"X-OAuth-Scopes": ", ".join(sorted(token.scopes)), "X-Accepted-OAuth-Scopes": accepted}
