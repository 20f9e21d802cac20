"""What a simulated forge keeps of a repository beside git: requests, comments, reviews, labels, rules."""

from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.forges import git
from tests.support.forges.people import RIGHTS, User


@dataclass
class Comment:
    """What somebody wrote below a request."""

    number: int
    author: User
    body: str
    written: dt.datetime
    edited: dt.datetime
    system: bool = False
    """A note of the forge itself (GitLab has such)."""


@dataclass
class Review:
    """`state`: APPROVED, CHANGES_REQUESTED, COMMENTED or DISMISSED; `commit` is the head its author saw."""

    number: int
    author: User
    state: str
    body: str
    commit: str
    time: dt.datetime


@dataclass
class Label:
    """A word that requests of a repository may carry."""

    number: int
    name: str
    color: str = "ededed"
    description: str | None = None


@dataclass
class Pull:
    """A request; `source` is None once its repository was deleted. `state`: open, closed or merged."""

    id: int
    number: int
    author: User
    title: str
    body: str
    source: Repository | None
    branch: str
    into: str
    head: str
    base: str
    opened: dt.datetime
    updated: dt.datetime
    state: str = "open"
    closed_at: dt.datetime | None = None
    closed_by: User | None = None
    merged_at: dt.datetime | None = None
    merged_by: User | None = None
    merged_as: str | None = None
    comments: list[Comment] = field(default_factory=list)
    reviews: list[Review] = field(default_factory=list)
    asked: list[User] = field(default_factory=list)
    """Whose review is requested."""
    labels: list[str] = field(default_factory=list)
    moved: list[tuple[dt.datetime, str]] = field(default_factory=list)
    """When its head became what."""
    source_gone: bool = False
    locked: bool = False


@dataclass
class Issue:
    """What takes a number and is no request."""

    number: int
    author: User
    title: str


@dataclass
class Protection:
    """The rules of one branch; `pushers` may push past `pull_only` (logins)."""

    branch: str = "main"
    pull_only: bool = False
    no_force: bool = True
    no_deletion: bool = True
    linear: bool = False
    checks: list[str] = field(default_factory=list)
    reviews: int = 0
    code_owners: bool = False
    pushers: set[str] = field(default_factory=set)
    raw: dict[str, object] = field(default_factory=dict)
    """The vendor's own words, for a façade."""


@dataclass
class Repository:
    """A bare repository of `owner` on disk at `path`, and what people do about it."""

    number: int
    owner: User
    name: str
    path: Path
    heads: str
    made: dt.datetime
    parent: Repository | None = None
    private: bool = False
    archived: bool = False
    roles: dict[str, str] = field(default_factory=dict)
    pulls: dict[int, Pull] = field(default_factory=dict)
    issues: dict[int, Issue] = field(default_factory=dict)
    labels: dict[str, Label] = field(default_factory=dict)
    protection: dict[str, Protection] = field(default_factory=dict)
    statuses: dict[str, dict[str, str]] = field(default_factory=dict)
    """By commit: by name of a check, `success`, `failure` or `pending`."""
    methods: set[str] = field(default_factory=lambda: {"merge", "squash", "rebase"})
    marks: dict[str, object] = field(default_factory=dict)
    """What a façade wants to remember with it."""
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    _issues: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def full_name(self) -> str:
        return f"{self.owner.login}/{self.name}"

    def next_number(self, *, issue: bool = False, shared: bool = True) -> int:
        return next(self._issues if issue and not shared else self._numbers)

    def right(self, user: User | None) -> str:
        """What somebody may do here, in the words of `RIGHTS`."""
        if user and user.login == self.owner.login:
            return "admin"
        seen = "none" if self.private else "read"
        return max(seen, self.roles.get(user.login, "none") if user else "none", key=RIGHTS.index)

    def may(self, user: User | None, right: str) -> bool:
        return RIGHTS.index(self.right(user)) >= RIGHTS.index(right)

    def commit(self, branch: str = "main") -> str:
        """Where a branch stands; '' where there is none."""
        return git.ref(self.path, f"refs/heads/{branch}")

    def branches(self) -> dict[str, str]:
        prefix = "refs/heads/"
        return {r.removeprefix(prefix): c for r, c in git.refs(self.path).items() if r.startswith(prefix)}

    def open_pulls(self) -> list[Pull]:
        return [pull for pull in self.pulls.values() if pull.state == "open"]
