"""How a Forgejo or Gitea site protects main: read, and set as a registry needs it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from medperf_cli.adapters.forge.api import DEPLOY_KEY, MAIN, Protection
from medperf_cli.adapters.forge.forgejo_answers import Record
from medperf_cli.adapters.forge.forgejo_web import Web
from medperf_cli.errors import RejectedError, TokenError

_UNPROTECTED = Protection(
    protected=False,
    pull_required=False,
    checks=frozenset(),
    force_push=True,
    deletion=True,
    linear=False,
    pushers=frozenset(),
    code_owners=False,
)


def protection(web: Web, at: str) -> Protection:
    """How main is protected, as far as the token may see."""
    branch = web.record("GET", f"{at}/branches/{MAIN}", what=f"branch '{MAIN}'")
    if not branch.truth("protected"):
        return _UNPROTECTED
    rule = _rule(web, at, branch.text("effective_branch_protection_name") or MAIN)
    return _told(rule) if rule is not None else _glimpsed(branch)


def _rule(web: Web, at: str, name: str) -> Record | None:
    """The rule of this name; None where there is none, or its reader is no administrator."""
    try:
        rules = web.listed(f"{at}/branch_protections", what="branch protections")
    except (RejectedError, TokenError):
        return None
    return next((rule for rule in rules if name in (rule.text("rule_name"), rule.text("branch_name"))), None)


def protect(web: Web, at: str, checks: frozenset[str], pushers: frozenset[str]) -> Sequence[str]:
    """Make the rule for main, or make it as it should be; returns what is left to do by hand."""
    path, what = f"{at}/branch_protections", "branch protections"
    rules = web.listed(path, what=what)
    names = {name for rule in rules for name in (rule.text("rule_name"), rule.text("branch_name"))}
    wanted = _wanted(checks, pushers)
    if MAIN in names:
        rule = web.record("PATCH", f"{path}/{MAIN}", what=what, body=wanted)
    else:
        named = {"rule_name": MAIN, "branch_name": MAIN}  # the latter for Gitea before 1.19
        rule = web.record("POST", path, what=what, body=named | wanted)
    # Old versions read the two below only beside `has_pull_requests`. Detecting merges by itself would
    # name whoever's address stands in the pushed commit as the one who merged.
    allowed = {"has_pull_requests": True, "allow_manual_merge": True, "autodetect_manual_merge": False}
    web.ask("PATCH", at, what="the repository's settings", body=allowed)
    return _by_hand(checks, _lost(pushers, rule))


def _told(rule: Record) -> Protection:
    """What a rule for main says. Nobody deletes a protected branch; only Gitea may let one be rewritten.

    Nothing makes owners of code approve: merges can wait for reviews that were asked for, and anybody who may
    write can take such a question back.
    """
    listed = bool(rule.truth("enable_push")) and bool(rule.truth("enable_push_whitelist"))
    teams = frozenset(f"@{team}" for team in rule.texts("push_whitelist_teams"))
    keys = frozenset([DEPLOY_KEY] if rule.truth("push_whitelist_deploy_keys") else [])
    return Protection(
        protected=True,
        pull_required=listed or not rule.truth("enable_push"),
        checks=_checks(rule),
        force_push=bool(rule.truth("enable_force_push")),
        deletion=False,
        linear=False,
        pushers=rule.texts("push_whitelist_usernames") | teams | keys if listed else frozenset(),
    )


def _glimpsed(branch: Record) -> Protection:
    """What a protected branch shows to whom its rules are not shown."""
    return Protection(protected=True, checks=_checks(branch), deletion=False, linear=False)


def _checks(record: Record) -> frozenset[str]:
    return record.texts("status_check_contexts") if record.truth("enable_status_check") else frozenset()


def _wanted(checks: frozenset[str], pushers: frozenset[str]) -> dict[str, Any]:
    """The rule that a registry needs: only `pushers` push, and their merges need no signature of git."""
    return {
        "enable_push": True,
        "enable_push_whitelist": True,
        "push_whitelist_usernames": sorted(pushers - {DEPLOY_KEY}),
        "push_whitelist_teams": [],
        "push_whitelist_deploy_keys": DEPLOY_KEY in pushers,
        "enable_status_check": bool(checks),
        "status_check_contexts": sorted(checks),
        "block_on_official_review_requests": True,
        "require_signed_commits": False,
    }


def _lost(pushers: frozenset[str], rule: Record) -> list[str]:
    """Who was to push and is not in the rule: Forgejo leaves out whoever may not write, without a word."""
    there = {login.lower() for login in _told(rule).pushers or ()}
    return sorted(login for login in pushers if login.lower() not in there)


def _by_hand(checks: frozenset[str], without: Sequence[str]) -> list[str]:
    """What `_wanted` cannot say; `without` are pushers whom the rule lost."""
    said = [f"let '{login}' write to the repository, then do this again" for login in without]
    said.append(
        "agree on code owners: Forgejo asks them and lets a merge in the page wait for their answer,"
        " but whoever may write can take the question back"
    )
    if checks:
        said.append(
            "compare the required checks with their names below a first request:"
            " Forgejo calls one '<workflow> / <job> (pull_request)', which a pattern like '*check*' matches"
        )
    return said
