"""What a push changes: heads of requests, and which of them are merged now."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping

from tests.support.forges import git
from tests.support.forges.people import User
from tests.support.forges.repository import Pull, Repository


def follow_heads(
    target: Repository, source: Repository, *, closes: bool, clock: Callable[[], dt.datetime]
) -> None:
    """Bring the heads of open requests from `source` up to its branches; `closes`: no branch, no request."""
    branches = source.branches()
    for pull in target.open_pulls():
        if pull.source is not source:
            continue
        head = branches.get(pull.branch)
        pull.source_gone = head is None
        if head is None and closes:
            end(pull, None, clock())
        elif head is not None and head != pull.head:
            bring_head(target, pull, head)
            pull.updated = clock()
            pull.moved.append((pull.updated, head))


def bring_head(target: Repository, pull: Pull, head: str) -> None:
    """Bring a request's commits into the repository, under its ref."""
    assert pull.source
    if pull.source is not target:
        git.lend(pull.source.path, target.path)
    git.set_ref(target.path, target.heads.format(pull.number), head)
    pull.head = head


def follow_main(
    target: Repository, before: Mapping[str, str], pusher: User, clock: Callable[[], dt.datetime]
) -> None:
    """Find which open requests are merged now that branches moved."""
    after = target.branches()
    for branch in {pull.into for pull in target.open_pulls()}:
        old, new = before.get(branch, ""), after.get(branch, "")
        if not new or new == old:
            continue
        by = git.brought(git.parents(target.path, old, new), new)
        for pull in target.open_pulls():
            if pull.into == branch and pull.head in by:
                merged(pull, by[pull.head], pusher, clock())


def merged(pull: Pull, commit: str, by: User, when: dt.datetime) -> None:
    pull.state, pull.merged_as, pull.merged_by = "merged", commit, by
    pull.merged_at = pull.closed_at = pull.updated = when
    pull.closed_by = by


def end(pull: Pull, by: User | None, when: dt.datetime) -> None:
    if pull.state == "open":
        pull.state, pull.closed_at, pull.updated, pull.closed_by = "closed", when, when, by
