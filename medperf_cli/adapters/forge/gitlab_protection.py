"""How a GitLab project protects main: read, and set as a registry needs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from medperf_cli.adapters.forge.api import Protection
from medperf_cli.adapters.forge.gitlab_session import Session
from medperf_cli.errors import RejectedError, TokenError, UnknownIdError

Row = Mapping[str, Any]
MAIN = "main"
PIPELINE = "pipeline"
"""What `Protection.checks` holds where the pipeline must succeed: GitLab requires all of its jobs or none."""
_NOBODY, _DEVELOPERS, _MAINTAINERS = 0, 30, 40
_APPROVALS_BY_HAND = (
    "removing approvals after a push needs GitLab Premium: without it an approval counts only when it is"
    " younger than the newest push"
)


def read(session: Session, project: Any) -> Protection:
    """How main is protected; None for what the token may not see.

    Several rules may fit main (wildcards, rules of the group): GitLab lets through what any of them lets
    through, except for code owners, whom any of them may demand.
    """
    try:
        with session.asking("the protected branches"):
            rows = [row.attributes for row in project.protectedbranches.list(get_all=True)]
            whole = session.client.projects.get(project.id).attributes
    except (TokenError, UnknownIdError):
        return Protection()
    with session.asking("the protected branches"):
        rules = [row for row in rows if fnmatchcase(MAIN, row["name"])]
        checks = frozenset({PIPELINE}) if whole["only_allow_merge_if_pipeline_succeeds"] else frozenset()
        if not rules:
            return Protection(
                protected=False,
                pull_required=False,
                checks=checks,
                force_push=True,
                deletion=True,
                linear=False,
                code_owners=False,
            )
        levels = [level for rule in rules for level in rule["push_access_levels"]]
        return Protection(
            protected=True,
            pull_required=not any(_role(level) == _DEVELOPERS for level in levels),
            checks=checks,
            force_push=any(rule["allow_force_push"] for rule in rules),
            deletion=False,  # of a protected branch: never by git; in the page by maintainers
            linear=False,  # GitLab's merge method binds its button, not who pushes
            pushers=frozenset(name for level in levels for name in _names(session, project, level)),
            code_owners=any(rule.get("code_owner_approval_required") for rule in rules),
        )


def _role(level: Row) -> int | None:
    """The least role that a rule lets push; None where it names a user, a group or a deploy key."""
    named = (level.get("user_id"), level.get("group_id"), level.get("deploy_key_id"))
    return None if any(named) else int(level["access_level"])


def _names(session: Session, project: Any, level: Row) -> list[str]:
    """Who may push by one rule: logins, or GitLab's own words for a group, a deploy key or a role."""
    role, words = _role(level), str(level["access_level_description"])
    if level.get("user_id"):
        return [str(session.client.users.get(level["user_id"]).username)]
    if role is None:
        return [words]
    if role == _NOBODY:
        return []
    try:
        with session.asking("the members of the project"):
            members = [row.attributes for row in project.members_all.list(get_all=True)]
            return [str(member["username"]) for member in members if member["access_level"] >= role]
    except (TokenError, UnknownIdError):
        return [words]


def write(session: Session, project: Any, checks: frozenset[str], pushers: frozenset[str]) -> Sequence[str]:
    """Protect main; returns what is left to be done by hand.

    A rule that is there already is replaced, and main is unprotected between the two calls: this is for a
    registry that is being set up. Naming who may push, code owners and the rules about approvals need GitLab
    Premium; what the answer does not confirm is left to people.
    """
    left: list[str] = []
    wanted = _users(session, pushers, left)
    with session.asking("the settings of the project"):
        whole = {"merge_method": "merge", "squash_option": "never"}
        session.client.projects.update(
            project.id, whole | {"only_allow_merge_if_pipeline_succeeds": bool(checks)}
        )
    made = _rule(session, project, wanted)
    given = {level.get("user_id") for level in made["push_access_levels"]}
    if wanted and not set(wanted) <= given:
        left.append(
            f"this GitLab lets roles push to main, not single accounts: give the role Maintainer to"
            f" {_listed(pushers)} and nobody else, and Developer to all other members"
        )
    if not made.get("code_owner_approval_required"):
        left.append(
            "approval by code owners needs GitLab Premium: agree that nobody merges a change outside"
            " 'registry/' without its owners"
        )
    left += _approvals(session, project)
    return left


def _users(session: Session, logins: frozenset[str], left: list[str]) -> list[int]:
    found: list[int] = []
    for login in sorted(logins):
        with session.asking(f"user '{login}'"):
            users = [row.attributes for row in session.client.users.list(username=login, get_all=True)]
        if users:
            found.append(users[0]["id"])
        else:
            left.append(f"there is no user '{login}': let the merge bot's account or deploy key push to main")
    return found


def _rule(session: Session, project: Any, users: Sequence[int]) -> Row:
    """Make the rule for main; on a GitLab that refuses what Premium offers, a plain one."""
    plain = {"name": MAIN, "merge_access_level": _MAINTAINERS, "allow_force_push": False}
    pushing = {"allowed_to_push": [{"user_id": user} for user in users]}
    fine = plain | {"code_owner_approval_required": True}
    with session.asking("the protected branch 'main'"):
        if any(row.name == MAIN for row in project.protectedbranches.list(get_all=True)):
            project.protectedbranches.delete(MAIN)
    try:
        return _made(session, project, fine | (pushing if users else {"push_access_level": _NOBODY}))
    except RejectedError:
        return _made(session, project, plain | {"push_access_level": _MAINTAINERS if users else _NOBODY})


def _made(session: Session, project: Any, rule: Mapping[str, Any]) -> Row:
    with session.asking("the protected branch 'main'"):
        made: Row = project.protectedbranches.create(dict(rule)).attributes
        return made


def _approvals(session: Session, project: Any) -> Sequence[str]:
    """Approvals end with a push, and nobody approves his own; what this GitLab cannot do, in a sentence."""
    rules = {"reset_approvals_on_push": True, "merge_requests_author_approval": False}
    try:
        with session.asking("the approval settings"):
            project.approvals.update(new_data=rules)
    except (RejectedError, TokenError, UnknownIdError):
        return [_APPROVALS_BY_HAND]
    return []


def _listed(names: frozenset[str]) -> str:
    return ", ".join(f"'{name}'" for name in sorted(names))
