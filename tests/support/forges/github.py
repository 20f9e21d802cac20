"""A simulated GitHub: its web interface over the core; every request and answer is judged by githubkit."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, request

from medperf_cli.adapters.forge.api import Vendor
from tests.support.forges import github_pulls, github_rules
from tests.support.forges.forge import SimulatedForge, Traits
from tests.support.forges.github_gate import RefusedError, permitted, scopes, seen_repository, token_of
from tests.support.forges.github_schema import SchemaError, operation
from tests.support.forges.github_shapes import Shapes
from tests.support.forges.people import Token
from tests.support.forges.repository import Repository
from tests.support.forges.vendors import Simulated

Handler = Callable[..., Any]


class GitHubSite:
    """Registers operations by githubkit's names for them; a handler gets the place, the body and the path."""

    def __init__(self, forge: SimulatedForge) -> None:
        self.forge, self.shapes = forge, Shapes(forge)
        self.api = Blueprint("github", "github", url_prefix="/api/v3")
        self.api.add_url_rule(
            "/<path:rest>", "unknown", self._unknown, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]
        )

    def on(self, group: str, name: str, handler: Handler, permission: str = "", status: int = 200) -> None:
        """Answer an operation by `handler(site, token, [repository,] **path)`."""
        described = operation(group, name)

        def view(**path: Any) -> Response:
            token: Token | None = None
            try:
                described.judge_request(request.args, request.get_data())
                token = token_of(self.forge)
                answer = self._handled(handler, token, permission, status, path)
            except RefusedError as error:
                answer = error.answer()
            except SchemaError as error:
                self.forge.violations.append(str(error))
                return Response(str(error), 422, mimetype="text/plain")
            for header, value in scopes(token).items():
                answer.headers.setdefault(header, value)
            try:
                described.judge_answer(answer.status_code, answer.get_data())
            except SchemaError as error:
                self.forge.violations.append(str(error))
            return answer

        rule = described.url.replace("{", "<").replace("}", ">").replace("<branch>", "<path:branch>")
        self.api.add_url_rule(rule, described.name, view, methods=[described.verb])

    def _handled(
        self, handler: Handler, token: Token | None, permission: str, status: int, path: dict[str, Any]
    ) -> Response:
        with self.forge.lock:
            place: list[Repository] = []
            if "owner" in path:
                place = [seen_repository(self.forge, path.pop("owner"), path.pop("repo"), token)]
                if permission:
                    permitted(place[0], token, permission)
            made = handler(self, token, *place, **path)
        if isinstance(made, Response):
            return made
        return Response("" if made is None else json.dumps(made), status, mimetype="application/json")

    def body(self) -> Any:
        """The JSON of the request."""
        return json.loads(request.get_data() or b"{}")

    def page(self, items: list[Any]) -> Response:
        """One page of a list, with GitHub's links to the others."""
        size = min(int(request.args.get("per_page", 30)), 100)
        page = int(request.args.get("page", 1))
        answer = Response(json.dumps(items[(page - 1) * size : page * size]), mimetype="application/json")
        last = max(1, -(-len(items) // size))
        links = {"prev": page - 1, "first": 1} if page > 1 else {}
        links |= {"next": page + 1, "last": last} if page < last else {}
        at = f"{self.forge.url}{request.path}?per_page={size}&page="
        if links:
            answer.headers["Link"] = ", ".join(f'<{at}{n}>; rel="{rel}"' for rel, n in links.items())
        return answer

    def _unknown(self, rest: str) -> Response:
        if not rest.startswith("elsewhere"):
            self.forge.violations.append(f"the simulated GitHub has no {request.method} /{rest}")
        return RefusedError(404, "Not Found").answer()


def _me(site: GitHubSite, token: Token | None) -> Any:
    if token is None:
        raise RefusedError(401, "Requires authentication")
    if token.kind in ("app", "actions"):
        raise RefusedError(403, "Resource not accessible by integration")
    return site.shapes.profile(token.user, private=True)


def _by_name(site: GitHubSite, _: Token | None, username: str) -> Any:
    if username not in site.forge.users:
        raise RefusedError(404, "Not Found")
    return site.shapes.profile(site.forge.users[username], private=False)


def _by_number(site: GitHubSite, _: Token | None, account_id: str) -> Any:
    found = [user for user in site.forge.users.values() if user.number == int(account_id)]
    if not found:
        raise RefusedError(404, "Not Found")
    return site.shapes.profile(found[0], private=False)


def _app(site: GitHubSite, _: Token | None, app_slug: str) -> Any:
    bot = site.forge.users.get(f"{app_slug}[bot]")
    if bot is None:
        raise RefusedError(404, "Not Found")
    return site.shapes.app(bot)


def _repository(site: GitHubSite, token: Token | None, repository: Repository) -> Any:
    viewer = token.user if token else None
    return site.shapes.repository(repository, name="FullRepository", viewer=viewer)


def _fork(site: GitHubSite, token: Token | None, repository: Repository) -> Any:
    if token is None:
        raise RefusedError(401, "Requires authentication")
    permitted(repository, token, "administration=none")
    made = site.forge.fork(repository, token.user.login)
    return site.shapes.repository(made, name="FullRepository", viewer=token.user)


def _branch(site: GitHubSite, _: Token | None, repository: Repository, branch: str) -> Any:
    if not repository.commit(branch) or repository.marks.get("not ready"):
        repository.marks["not ready"] = max(0, int(str(repository.marks.get("not ready", 0))) - 1)
        raise RefusedError(404, "Branch not found")
    return site.shapes.branch(repository, branch)


def _blueprint(forge: SimulatedForge) -> Blueprint:
    site = GitHubSite(forge)
    site.on("users", "get_authenticated", _me)
    site.on("users", "get_by_username", _by_name)
    site.on("users", "get_by_id", _by_number)
    site.on("apps", "get_by_slug", _app)
    site.on("repos", "get", _repository)
    site.on("repos", "create_fork", _fork, status=202)
    site.on("repos", "get_branch", _branch)
    github_pulls.register(site)
    github_rules.register(site)
    return site.api


SIMULATED = Simulated(
    Vendor.GITHUB, Traits(refusal="GH006: Protected branch update failed for {ref}."), _blueprint
)
