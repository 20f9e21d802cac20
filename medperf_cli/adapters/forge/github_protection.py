"""Main protected on GitHub by rulesets.

Rulesets, not branch protection: whoever may read a repository may read its rules, and apps, deploy keys and
people may be let past them by kind and number, outside organizations too. There are two: what the bot is let
past (a request, its checks), and what nobody is (no forced push, no deletion).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote

from medperf_cli.adapters.forge.api import Protection
from medperf_cli.adapters.forge.github_answers import Answer
from medperf_cli.adapters.forge.github_web import Web
from medperf_cli.errors import RejectedError, TokenError, UnknownIdError

REQUESTS, HISTORY = "medperf: requests", "medperf: history"
DEPLOY_KEY = "deploy key"
_REFUSED = (UnknownIdError, RejectedError, TokenError)
_BY_HAND = (
    "make a GitHub App for the merge bot with the permission 'Contents: write', and install it here only",
    "put its number and private key into an environment that only main may use (Settings > Environments)",
    "let workflows of outside contributors wait for approval (Settings > Actions > General)",
)


def protection(web: Web, at: str) -> Protection:
    """How main is protected by rulesets and by an older branch protection, as far as the token may see."""
    rules = web.whole(f"{at}/rules/branches/main")
    kinds = {rule.text("type", 64) for rule in rules}
    old, seen = _older(web, at)

    def holds(kind: str, older: bool) -> bool | None:  # noqa: FBT001 - what the older protection says
        return kind in kinds or older or (None if not seen else False)

    force, deletion = (
        holds(kind, old is not None and not _on(old, allowed))
        for kind, allowed in (("non_fast_forward", "allow_force_pushes"), ("deletion", "allow_deletions"))
    )
    return Protection(
        protected=bool(kinds) or old is not None or (False if seen else None),
        pull_required=holds("pull_request", old is not None and "required_pull_request_reviews" in old),
        checks=frozenset(_checks(rules)) | frozenset(_old_checks(old)),
        force_push=None if force is None else not force,
        deletion=None if deletion is None else not deletion,
        linear=holds("required_linear_history", old is not None and _on(old, "required_linear_history")),
        pushers=_pushers(web, at, rules),
        code_owners=any(_owners(rule) for rule in rules),
    )


def _older(web: Web, at: str) -> tuple[Answer | None, bool]:
    """The older protection, where there is one; and whether the token may see that (admins' only may)."""
    try:
        return Answer(web.get(f"{at}/branches/main/protection")), True
    except _REFUSED as error:
        said = getattr(error.__cause__, "data", None)
        return None, isinstance(said, dict) and "not protected" in str(said.get("message")).lower()


def _on(old: Answer, field: str) -> bool:
    return field in old and old.part(field).flag("enabled")


def _checks(rules: Iterable[Answer]) -> Iterable[str]:
    for rule in rules:
        if rule.text("type", 64) == "required_status_checks":
            for check in rule.part("parameters").parts("required_status_checks"):
                yield check.text("context", 1024)


def _old_checks(old: Answer | None) -> list[str]:
    if old is None or "required_status_checks" not in old:
        return []
    return [check.text("context", 1024) for check in old.part("required_status_checks").parts("checks")]


def _owners(rule: Answer) -> bool:
    pulls = rule.text("type", 64) == "pull_request" and "parameters" in rule
    return pulls and rule.part("parameters").flag("require_code_owner_review")


def _pushers(web: Web, at: str, rules: Iterable[Answer]) -> frozenset[str] | None:
    """Whom every ruleset that asks for requests lets past; None where the token may not see it."""
    past: list[set[str]] = []
    asking = {rule.number("ruleset_id") for rule in rules if rule.text("type", 64) == "pull_request"}
    for number in sorted(asking):
        try:
            ruleset = Answer(web.get(f"{at}/rulesets/{number}"))
        except _REFUSED:
            return None
        if "bypass_actors" not in ruleset:
            return None
        past.append({_named(web, actor) for actor in ruleset.parts("bypass_actors")})
    return frozenset(set.intersection(*past)) if past else None


def _named(web: Web, actor: Answer) -> str:
    kind = actor.text("actor_type", 64)
    if kind == "DeployKey":
        return DEPLOY_KEY
    number = actor.number("actor_id") if "actor_id" in actor else 0
    return Answer(web.get(f"/user/{number}")).text("login", 256) if kind == "User" else f"{kind} {number}"


def protect(web: Web, at: str, checks: frozenset[str], pushers: frozenset[str]) -> Sequence[str]:
    """Make both rulesets, or make them as they should be; returns what is left to do by hand."""
    past, left = _let_past(web, pushers)
    there = {ruleset.text("name", 1024): ruleset.number("id") for ruleset in web.whole(f"{at}/rulesets")}
    never = [{"type": "deletion"}, {"type": "non_fast_forward"}]
    for body in (_ruleset(REQUESTS, _request_rules(checks), past), _ruleset(HISTORY, never, [])):
        number = there.get(body["name"])
        web.send(*(("PUT", f"{at}/rulesets/{number}") if number else ("POST", f"{at}/rulesets")), body)
    kinds = {rule.text("type", 64) for rule in web.whole(f"{at}/rules/branches/main")}
    if "required_linear_history" in kinds:
        left.append("take 'Require linear history' from the rules of main: the bot pushes merge commits")
    own = Answer(web.get(at))
    if "allow_merge_commit" in own and not own.flag("allow_merge_commit"):
        left.append("allow merge commits (Settings > General > Pull Requests)")
    return [*left, *_BY_HAND]


def _ruleset(name: str, rules: list[dict[str, Any]], past: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "name": name,
        "target": "branch",
        "enforcement": "active",
        "bypass_actors": past,
        "conditions": {"ref_name": {"include": ["~DEFAULT_BRANCH"], "exclude": []}},
        "rules": rules,
    }


def _request_rules(checks: frozenset[str]) -> list[dict[str, Any]]:
    pull = {
        "allowed_merge_methods": [
            "merge"
        ],  # the head stays an ancestor, so what was reviewed is what entered
        "dismiss_stale_reviews_on_push": True,
        "require_code_owner_review": True,
        "require_last_push_approval": False,
        "required_approving_review_count": 0,
        "required_review_thread_resolution": False,
    }
    wanted = {
        "required_status_checks": [{"context": check} for check in sorted(checks)],
        "strict_required_status_checks_policy": False,
    }
    rules: list[dict[str, Any]] = [{"type": "pull_request", "parameters": pull}]
    return [*rules, {"type": "required_status_checks", "parameters": wanted}] if checks else rules


def _let_past(web: Web, pushers: Iterable[str]) -> tuple[list[dict[str, Any]], list[str]]:
    """Those who are let past, by kind and number; and a sentence for each who was not found."""
    past: list[dict[str, Any]] = []
    left: list[str] = []
    for name in sorted(pushers):
        app = name.removesuffix("[bot]")
        kind, path = ("User", "/users/") if app == name else ("Integration", "/apps/")
        try:
            number = None if name == DEPLOY_KEY else Answer(web.get(path + quote(app, safe=""))).number("id")
        except _REFUSED:
            left.append(f"let '{name}' past the ruleset '{REQUESTS}' (Settings > Rules): it was not found")
            continue
        kind = "DeployKey" if name == DEPLOY_KEY else kind
        past.append({"actor_type": kind, "actor_id": number, "bypass_mode": "always"})
    return past, left
