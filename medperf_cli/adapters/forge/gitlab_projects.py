"""Projects on GitLab: whether they take requests from somebody, and forks that GitLab still copies."""

from __future__ import annotations

from medperf_cli.adapters.forge.api import Fork
from medperf_cli.adapters.forge.gitlab_shapes import Row
from medperf_cli.errors import BusyError, RejectedError

_DEVELOPER = 30
_IMPORT_POLL = 2.0
"""Seconds until a fork is looked at again."""


def may_push(project: Row) -> bool:
    """Whether who asked has a role in a project that lets him push branches."""
    permissions = project.get("permissions") or {}
    grants = (permissions.get("project_access"), permissions.get("group_access"))
    return max((grant["access_level"] for grant in grants if grant), default=0) >= _DEVELOPER


def expect_open(project: Row) -> None:
    """Expect that a project takes requests from who asks (raises RejectedError)."""
    name = project["path_with_namespace"]
    if project.get("archived"):
        raise RejectedError(f"'{name}' is archived", hint="ask its admins where the registry is now")
    if project.get("merge_requests_enabled") is False:
        raise RejectedError(f"'{name}' has no merge requests", hint="ask its admins to switch them on")
    if project.get("forking_access_level") == "disabled" and not may_push(project):
        raise RejectedError(
            f"'{name}' may not be forked", hint="ask its admins to allow forks, or for the role Developer"
        )


def as_fork(project: Row) -> Fork:
    """A project that may be pushed to."""
    return Fork(project["path_with_namespace"], project["http_url_to_repo"])


def imported(fork: Row) -> Fork:
    """A fork once GitLab has copied the repository.

    Raises:
        BusyError: not yet.
        RejectedError: it could not.

    """
    name, status = fork["path_with_namespace"], fork.get("import_status", "none")
    if status in ("none", "finished"):
        return as_fork(fork)
    if status == "failed":
        raise RejectedError(
            f"GitLab could not copy the repository to '{name}'",
            hint=f"delete '{name}' in GitLab and try again",
        )
    raise BusyError(f"GitLab still copies the repository to '{name}'", after=_IMPORT_POLL)
