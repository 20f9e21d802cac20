"""How the simulated Forgejo takes a question: who asks, may the token, is all of it as the schema says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyforgejo.types as models
from flask import Blueprint, Response, request

from tests.support.forges import forgejo_schema as schema
from tests.support.forges.forge import SimulatedForge
from tests.support.forges.forgejo_shapes import Shapes
from tests.support.forges.people import BadCredentialsError, User, secret_in
from tests.support.forges.repository import Pull, Repository

DEFAULT_PAGE, LARGEST_PAGE = 30, 50


class RefusedError(Exception):
    """An answer that is an error: its status, and the message (None: no body at all)."""

    def __init__(self, status: int, message: str | None = "", errors: Iterable[str] = ()) -> None:
        super().__init__(status, message)
        self.status, self.message, self.errors = status, message, list(errors)


@dataclass
class Call:
    """One question, checked; who asks, about which repository, and what to show him."""

    forge: SimulatedForge
    user: User | None
    body: Mapping[str, Any]
    repository: Repository | None
    shapes: Shapes = field(init=False)

    def __post_init__(self) -> None:
        self.shapes = Shapes(self.forge, self.user)

    @property
    def at(self) -> Repository:
        assert self.repository
        return self.repository

    @property
    def asker(self) -> User:
        if self.user is None:
            raise RefusedError(401, "token is required")
        return self.user

    def must(self, right: str, words: str = "user should have a permission to write to a repo") -> None:
        if not self.at.may(self.asker, right):
            raise RefusedError(403, words)

    def pull(self, number: int) -> Pull:
        found = self.at.pulls.get(number)
        if found is None:
            raise RefusedError(404, None)
        return found

    def written(self, pull: Pull) -> None:
        """Only the author and those who may write change a request."""
        if pull.author != self.asker and not self.at.may(self.user, "write"):
            raise RefusedError(403, None)


@dataclass(frozen=True)
class Route:
    """A path of the interface, pyforgejo's name for the operation, what it answers, and who does it."""

    method: str
    path: str
    operation: str
    status: int
    answer: Any
    do: Callable[..., Any]


ROUTES: list[Route] = []


def route(method: str, path: str, operation: str, answer: Any = None, status: int = 200) -> Any:
    """Register what answers an operation: with `answer`, a model or a list of one, or with nothing."""

    def register(do: Callable[..., Any]) -> Callable[..., Any]:
        ROUTES.append(Route(method, path, operation, status, answer, do))
        return do

    return register


def blueprint(forge: SimulatedForge) -> Blueprint:
    """The web interface of a forge."""
    api = Blueprint("forgejo", "forgejo", url_prefix="/api/v1")
    for one in ROUTES:
        api.add_url_rule(one.path, one.operation.replace(".", "_"), _served(forge, one), methods=[one.method])

    @api.route("/<path:rest>", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    def unknown(rest: str) -> Response:
        forge.violations.append(f"the simulated Forgejo has no {request.method} /{rest}")
        return _error(RefusedError(404))

    return api


def _served(forge: SimulatedForge, one: Route) -> Callable[..., Response]:
    def serve(**path: Any) -> Response:
        with forge.lock:
            try:
                return _answered(forge, one, path)
            except RefusedError as error:
                return _error(error)
            except (ValueError, AssertionError) as error:
                # No status that Forgejo has, and none that is asked again; the stage's end fails the test.
                forge.violations.append(f"{one.operation}: {error}")
                told = json.dumps({"message": f"not as Forgejo's schema says: {error}"})
                return Response(told, 418, {"Content-Type": "application/json"})

    return serve


def _answered(forge: SimulatedForge, one: Route, path: dict[str, Any]) -> Response:
    user = _asker(forge, one)
    schema.check_query(one.operation, request.args) if one.method == "GET" else schema.check_body(
        one.operation, request.data
    )
    owner, name = path.pop("owner", None), path.pop("name", None)
    at = forge.repositories.get(f"{owner}/{name}") if owner else None
    if owner and (at is None or not at.may(user, "read")):
        raise RefusedError(404)
    if at and at.archived and one.method != "GET":
        raise RefusedError(423, "Repo is archived")
    data = one.do(Call(forge, user, json.loads(request.data or b"{}"), at), **path)
    headers, whole = {}, data
    if isinstance(data, list):
        data, headers = _page(one, data)
    if one.answer is None:
        assert whole is None
        return _empty(one.status)
    body = json.dumps(data).encode()
    schema.check_answer(one.answer, body)
    return Response(body, one.status, {"Content-Type": "application/json;charset=utf-8", **headers})


def _asker(forge: SimulatedForge, one: Route) -> User | None:
    """Who asks; raises RefusedError for a bad token, and one without the scope of this path."""
    try:
        token = forge.authenticated(secret_in(request.headers.get("Authorization")))
    except BadCredentialsError as error:
        raise RefusedError(401, f"access token does not exist [sha: {error}]") from None
    if token is None:
        return None
    kind = "user" if one.path == "/user" else "issue" if one.operation.startswith("issue.") else "repository"
    level = "read" if one.method == "GET" else "write"
    if not {f"{level}:{kind}", f"write:{kind}", "all"} & token.scopes:
        raise RefusedError(403, f"token does not have at least one of required scope(s): [{level}:{kind}]")
    return token.user


def _page(one: Route, items: list[Any]) -> tuple[list[Any], dict[str, str]]:
    """A page of a list, where the operation has pages; only of requests Forgejo links to the next."""
    headers = {"X-Total-Count": str(len(items))}
    if "limit" not in schema.request_model(one.operation).model_fields:
        return items, headers
    number = request.args.get("page", 1, int)
    size = min(request.args.get("limit", DEFAULT_PAGE, int), LARGEST_PAGE)
    if number * size < len(items) and one.path.endswith("/pulls"):
        headers["Link"] = f'<{request.base_url}?page={number + 1}>; rel="next"'
    return items[(number - 1) * size : number * size], headers


def _empty(status: int) -> Response:
    answer = Response(status=status)
    del answer.headers["Content-Type"]  # Flask's own; Go sends none with an empty body
    return answer


def _error(error: RefusedError) -> Response:
    if error.message is None:
        return _empty(error.status)
    told: dict[str, Any] = {"message": error.message, "url": f"{request.host_url}api/swagger"}
    if error.status == 404:
        told |= {"message": error.message or "The target couldn't be found.", "errors": error.errors}
    body = json.dumps(told).encode()
    schema.check_answer(models.ApiNotFound if error.status == 404 else models.ApiError, body)
    return Response(body, error.status, {"Content-Type": "application/json;charset=utf-8"})
