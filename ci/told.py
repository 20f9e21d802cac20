"""What a job is told by the CI it runs in: the repository, and which request an event is about.

Titles, branches and the like are a stranger's words, so nothing but ids and numbers is taken from an event;
the one exception, the name of a branch, is handed to the forge's web interface and to nobody else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medperf_cli.adapters.forge.api import Vendor
from medperf_cli.core.requests import is_number
from medperf_cli.errors import UsageError

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")
_MAX_EVENT = 32 * 1024 * 1024


@dataclass(frozen=True)
class Here:
    """The repository a job runs for; `api` is the base of its web interface where it says so itself."""

    vendor: Vendor
    url: str
    api: str | None


@dataclass(frozen=True)
class Asked:
    """The request an event is about; `head` is the commit it stood at ('' where it does not say)."""

    number: int
    head: str


@dataclass(frozen=True)
class Ran:
    """The run that woke this one: what it ran on. The branch's name is a stranger's text."""

    source: str
    branch: str
    head: str


def here(environ: Mapping[str, str]) -> Here:
    """The repository by the variables of GitHub's, Forgejo's (Gitea's) or GitLab's CI.

    Raises:
        UsageError: this is none of them.

    """
    if environ.get("GITLAB_CI"):
        url = environ.get("CI_MERGE_REQUEST_PROJECT_URL") or environ.get("CI_PROJECT_URL", "")
        return Here(Vendor.GITLAB, f"{url}.git", environ.get("CI_SERVER_URL"))
    server, name = environ.get("GITHUB_SERVER_URL", ""), environ.get("GITHUB_REPOSITORY", "")
    if not server or not name:
        raise UsageError(
            "this runs as a job of a forge's CI", hint="here, use `medperf check --base main --head ...`"
        )
    forgejo = any(environ.get(f"{maker}_ACTIONS") for maker in ("FORGEJO", "GITEA"))
    vendor = Vendor.FORGEJO if forgejo else Vendor.GITHUB
    return Here(vendor, f"{server}/{name}.git", server if forgejo else environ.get("GITHUB_API_URL"))


def asked(environ: Mapping[str, str]) -> Asked:
    """The request of a `pull_request` event, or of a merge request's pipeline.

    Raises:
        UsageError: the event is none of these.

    """
    if environ.get("GITLAB_CI"):
        commit = environ.get("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA") or environ.get("CI_COMMIT_SHA", "")
        return Asked(_number(environ.get("CI_MERGE_REQUEST_IID", "")), _commit(commit))
    pull = _event(environ).get("pull_request")
    if not isinstance(pull, dict):
        raise _odd()
    head = pull.get("head")
    return Asked(_number(pull.get("number")), _commit(head.get("sha") if isinstance(head, dict) else ""))


def ran(environ: Mapping[str, str]) -> Ran:
    """What the run of a `workflow_run` event ran on (raises UsageError)."""
    run = _event(environ).get("workflow_run")
    if not isinstance(run, dict):
        raise _odd()
    source, branch = run.get("head_repository"), run.get("head_branch")
    name = source.get("full_name") if isinstance(source, dict) else None
    if not isinstance(name, str) or not isinstance(branch, str):
        raise _odd()
    return Ran(name, branch, _commit(run.get("head_sha")))


def _event(environ: Mapping[str, str]) -> dict[str, Any]:
    try:
        with Path(environ.get("GITHUB_EVENT_PATH", "")).open("rb") as file:
            found = json.loads(file.read(_MAX_EVENT))
    except (OSError, ValueError, RecursionError):
        raise _odd() from None
    if not isinstance(found, dict):
        raise _odd()
    return found


def _number(value: object) -> int:
    if isinstance(value, bool) or not is_number(str(value)):
        raise _odd()
    return int(str(value))


def _commit(value: object) -> str:
    if not isinstance(value, str) or not _COMMIT.match(value):
        raise _odd()
    return value


def _odd() -> UsageError:
    return UsageError("the event of this job names no request", hint="see which event started it")
