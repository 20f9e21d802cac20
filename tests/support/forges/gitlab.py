"""A simulated GitLab: REST v4 over the core, each question and answer judged by the published schema."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, request

from medperf_cli.adapters.forge.api import Vendor
from tests.support.forges import gitlab_published, gitlab_work
from tests.support.forges.forge import SimulatedForge, Traits
from tests.support.forges.gitlab_asking import WORK, Asking, Refused
from tests.support.forges.gitlab_published import Operation
from tests.support.forges.gitlab_views import page_links
from tests.support.forges.people import BadCredentialsError, Token, secret_in
from tests.support.forges.vendors import Simulated

API = "/api/v4"
assert set(WORK) == set(gitlab_published.document()["operations"]), gitlab_work
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_JOB_READS = "GET /projects/{id}/merge_requests/{iid}/notes"
_EXPIRED = "Token is expired. You can either do re-authorization or token refresh."
_REVOKED = "Token was revoked. You have to re-authorize from the user."
_SCOPE = "The request requires higher privileges than provided by the access token."


def blueprint(forge: SimulatedForge) -> Blueprint:
    """The web interface of a forge."""
    api = Blueprint("gitlab", "gitlab")
    facade = _Facade(forge)

    @api.route(f"{API}/<path:_>", methods=_METHODS)
    def everything(_: str) -> Response:
        return facade.answer()

    @api.post("/api/graphql")
    def graphql() -> Response:
        return facade.answer()

    return api


@dataclass
class _Facade:
    forge: SimulatedForge

    def answer(self) -> Response:
        try:
            with self.forge.lock:
                operation, given = self._operation()
                status, shown, headers = self._worked(operation, given)
        except Refused as refused:
            operation, status, shown, headers = None, refused.status, refused.body, {}
        if wrong := (operation or gitlab_published.operations()[0]).wrong_answer(status, shown):
            raise AssertionError(f"no answer of GitLab's: {wrong}")
        body = "" if status == 204 else json.dumps(shown)
        return Response(body, status, headers, content_type="application/json")

    def _operation(self) -> tuple[Operation, dict[str, str]]:
        path = urlsplit(request.environ["REQUEST_URI"]).path.removeprefix(API).removeprefix("/api")
        found = gitlab_published.find(request.method, path)
        if found is None:
            self.forge.violations.append(f"the simulated GitLab has no {request.method} {path}")
            raise Refused(404, {"error": "404 Not Found"})
        return found

    def _worked(self, operation: Operation, given: dict[str, str]) -> tuple[int, Any, dict[str, str]]:
        token = self._token(operation)
        query, body = dict(request.args), request.get_json(silent=True) or {}
        if wrong := operation.wrong_query(query) or operation.wrong_body(body):
            self.forge.violations.append(f"{operation.name}: {wrong}")
            raise Refused(400, {"error": f"not in the published schema: {wrong}"})
        asking = Asking(self.forge, token, given, query, body)
        work: Callable[[Asking], Any] = WORK[operation.name]
        shown = work(asking)
        if isinstance(shown, list):
            page, headers = self._page(shown, query)
            return 200, page, headers
        status: int = operation.told["status"]
        return status, "" if shown is None else shown, {}

    def _page(self, rows: list[Any], query: dict[str, str]) -> tuple[list[Any], dict[str, str]]:
        page, size = int(query.get("page", 1)), min(int(query.get("per_page", 20)), 100)
        last = max(1, -(-len(rows) // size))
        address = self.forge.url + urlsplit(request.environ["REQUEST_URI"]).path
        headers = {
            "Link": page_links(address, query, page, last),
            "X-Next-Page": str(page + 1) if page < last else "",
            "X-Page": str(page),
            "X-Per-Page": str(size),
            "X-Prev-Page": str(page - 1) if page > 1 else "",
            "X-Total": str(len(rows)),
            "X-Total-Pages": str(last),
        }
        return rows[(page - 1) * size : page * size], headers

    def _token(self, operation: Operation) -> Token | None:
        job = request.headers.get("JOB-TOKEN")
        secret = (
            job or request.headers.get("PRIVATE-TOKEN") or secret_in(request.headers.get("Authorization"))
        )
        try:
            token = self.forge.authenticated(secret)
        except BadCredentialsError:
            raise Refused(401, self._bad(secret)) from None
        if token and job:
            # A job's own token is nobody for what is not open to such.
            return token if operation.name == _JOB_READS else None
        if token and not token.scopes & _scopes(operation.name):
            wanted = " ".join(sorted(_scopes(operation.name)))
            raise Refused(403, {"error": "insufficient_scope", "error_description": _SCOPE, "scope": wanted})
        return token

    def _bad(self, secret: str | None) -> dict[str, str]:
        token = self.forge.tokens.get(secret or "")
        if token is None:
            return {"message": "401 Unauthorized"}
        return {"error": "invalid_token", "error_description": _REVOKED if token.revoked else _EXPIRED}


def _scopes(operation: str) -> set[str]:
    if not operation.startswith("GET"):
        return {"api"}
    return {"api", "read_api", *(["read_user"] if operation == "GET /user" else [])}


SIMULATED = Simulated(
    Vendor.GITLAB,
    Traits(
        heads="refs/merge-requests/{}/head",
        shared_numbers=False,
        closes_without_branch=False,
        refusal="GitLab: You are not allowed to push code to protected branches on this project.",
    ),
    blueprint,
)
