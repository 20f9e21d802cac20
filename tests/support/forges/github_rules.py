"""Rulesets of a simulated GitHub, and what they mean for pushes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Response

from tests.support.forges.github_gate import RefusedError
from tests.support.forges.github_shapes import APPS
from tests.support.forges.people import Token
from tests.support.forges.repository import Protection, Repository

if TYPE_CHECKING:
    from tests.support.forges.github import GitHubSite

Ruleset = dict[str, Any]


def register(site: GitHubSite) -> None:
    """Add the operations."""
    site.on("repos", "get_branch_rules", _in_force)
    site.on("repos", "get_repo_rulesets", _list)
    site.on("repos", "get_repo_ruleset", _get)
    site.on("repos", "create_repo_ruleset", _create, "administration=write", 201)
    site.on("repos", "update_repo_ruleset", _update, "administration=write")
    site.on("repos", "get_branch_protection", _older, "administration=read")


def rulesets(repository: Repository) -> dict[int, Ruleset]:
    """All rulesets by number; a test may put some there, as somebody in the settings would."""
    found: Any = repository.marks.setdefault("rulesets", {})
    return found  # type: ignore[no-any-return]


def _in_force(site: GitHubSite, _: Token | None, repository: Repository, branch: str) -> Response:
    origin = {"ruleset_source_type": "Repository", "ruleset_source": repository.full_name}
    rules = [
        {**rule, **origin, "ruleset_id": number}
        for number, ruleset in rulesets(repository).items()
        if ruleset["enforcement"] == "active" and branch == "main"
        for rule in ruleset["rules"]
    ]
    return site.page(rules)


def _shown(repository: Repository, number: int, *, whole: bool, viewer: Token | None) -> Ruleset:
    ruleset = rulesets(repository)[number]
    shown = {"id": number, "source": repository.full_name, "source_type": "Repository"}
    shown |= {key: ruleset[key] for key in ("name", "target", "enforcement")}
    if whole:
        shown |= {"conditions": ruleset["conditions"], "rules": ruleset["rules"]}
        if repository.may(viewer.user if viewer else None, "admin"):
            shown["bypass_actors"] = ruleset["bypass_actors"]
    return shown


def _list(site: GitHubSite, token: Token | None, repository: Repository) -> Response:
    return site.page([_shown(repository, n, whole=False, viewer=token) for n in rulesets(repository)])


def _get(_: GitHubSite, token: Token | None, repository: Repository, ruleset_id: str) -> Any:
    if int(ruleset_id) not in rulesets(repository):
        raise RefusedError(404, "Not Found")
    return _shown(repository, int(ruleset_id), whole=True, viewer=token)


def _create(site: GitHubSite, token: Token, repository: Repository) -> Any:
    asked, there = site.body(), rulesets(repository)
    if asked["name"] in (ruleset["name"] for ruleset in there.values()):
        raise RefusedError(
            422,
            "Validation Failed",
            {"resource": "Ruleset", "code": "custom", "message": "Name must be unique"},
        )
    number = max(there, default=40) + 1
    there[number] = {"bypass_actors": [], "target": "branch", **asked}
    enforce(site, repository)
    return _shown(repository, number, whole=True, viewer=token)


def _update(site: GitHubSite, token: Token, repository: Repository, ruleset_id: str) -> Any:
    if int(ruleset_id) not in rulesets(repository):
        raise RefusedError(404, "Not Found")
    rulesets(repository)[int(ruleset_id)] |= site.body()
    enforce(site, repository)
    return _shown(repository, int(ruleset_id), whole=True, viewer=token)


def _older(_: GitHubSite, __: Token, repository: Repository, branch: str) -> Any:
    older = repository.marks.get("older protection")
    if older is None or branch != "main":
        raise RefusedError(404, "Branch not protected")
    return older


def enforce(site: GitHubSite, repository: Repository) -> None:
    """Let the core refuse pushes as rulesets say; all that ask for requests must let somebody past."""
    kinds: set[str] = set()
    checks: list[str] = []
    past: set[str] | None = None
    for ruleset in rulesets(repository).values():
        if ruleset["enforcement"] != "active":
            continue
        kinds |= {rule["type"] for rule in ruleset["rules"]}
        for rule in ruleset["rules"]:
            if rule["type"] == "required_status_checks":
                checks += [check["context"] for check in rule["parameters"]["required_status_checks"]]
            if rule["type"] == "pull_request":
                these = _names(site, ruleset["bypass_actors"])
                past = these if past is None else past & these
    repository.protection["main"] = Protection(
        pull_only="pull_request" in kinds,
        no_force="non_fast_forward" in kinds,
        no_deletion="deletion" in kinds,
        linear="required_linear_history" in kinds,
        checks=checks,
        pushers=past or set(),
    )


def _names(site: GitHubSite, actors: list[dict[str, Any]]) -> set[str]:
    by_number = {("User", user.number): user.login for user in site.forge.users.values()}
    by_number |= {("Integration", user.number + APPS): user.login for user in site.forge.users.values()}
    return {by_number.get((actor["actor_type"], actor.get("actor_id")), "") for actor in actors} - {""}
