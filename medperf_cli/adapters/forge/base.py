"""What a forge offers, whichever it is, and what the bare-git one needs of a clone."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


class RequestState(enum.StrEnum):
    """Where a request stands."""

    OPEN = "open"
    MERGED = "merged"
    CLOSED = "closed"


@dataclass(frozen=True)
class Request:
    """A submission on its way into main.

    `head` is the commit with its files, on top of `base`, a commit of main. `decisions` are commits on the
    head that add a member's decisions. Of a request that was merged before it was looked at, `head` is main.
    Commits are in the clone, so a store reads them; author, title and `since` (when it was submitted) are a
    stranger's words, never evidence. `closings` are commits on the head with which members ended it.
    """

    id: str
    head: str
    base: str
    author: str
    title: str
    since: dt.datetime
    decisions: Mapping[str, str] = field(default_factory=dict)
    state: RequestState = RequestState.OPEN
    closings: Mapping[str, str] = field(default_factory=dict)
    url: str = ""
    """Its page, where it has one."""


@dataclass(frozen=True)
class Shown:
    """What a hosted forge's page shows of a request beside its commits."""

    title: str
    opened: dt.datetime
    url: str


@dataclass(frozen=True)
class Ended:
    """A request that was closed in the forge's page: no member's signed word says why.

    `closed` is when the page last changed; `author` is whom its head names.
    """

    id: str
    title: str
    author: str
    since: dt.datetime
    closed: dt.datetime
    url: str


class Requests(Protocol):
    """Requests as they can be read, whoever hosts them; every method may raise NetworkError."""

    def fetch(self) -> None:
        """Bring what is asked for now into the clone."""
        ...

    def list(self) -> Sequence[Request]:
        """The open requests, by id."""
        ...

    def read(self, request_id: str) -> Request:
        """One open request (raises UnknownIdError)."""
        ...

    def closed(self, request_id: str | None = None) -> Sequence[Request]:
        """The requests (or the one of this id) that were ended without a merge, with the commits that did."""
        ...

    def ended(self) -> Sequence[Ended]:
        """Those that were closed in the forge's page, as far as they are known."""
        ...


class Forge(Requests, Protocol):
    """Requests and merges, whoever hosts them.

    What the host refuses is a RejectedError (it judged the content) or a ConflictError (somebody else was
    first), with the findings in the message.
    """

    def open(
        self, files: Mapping[str, bytes], *, title: str, body: str, author: str, base: str, when: dt.datetime
    ) -> Request:
        """Submit files (by path relative to `registry/`) on top of main's commit `base`.

        The same files are the same request: opening it again finds it, merged or not. One that was closed
        is not opened again (RejectedError). `when` is the time of submission, as its author says; `body` is
        Markdown for the request's page, where there is one.
        """
        ...

    def decide(
        self, request: Request, member: str, files: Mapping[str, bytes], *, when: dt.datetime
    ) -> Request:
        """Deliver a member's decision files about what is in a request; later ones join earlier ones."""
        ...

    def close(
        self, request: Request, member: str, files: Mapping[str, bytes], *, when: dt.datetime
    ) -> Request:
        """End a request without a merge, by a member's signed statement (`core.entities.closing`)."""
        ...

    def merge(self, request: Request, commit: str, base: str) -> Request:
        """Move main from `base` to exactly this commit, which merges the request."""
        ...


@dataclass(frozen=True)
class Answer:
    """What a remote made of a push: refs it refused (each with git's reason), and what its hooks said."""

    refused: Mapping[str, str]
    said: Sequence[str]


@dataclass(frozen=True)
class CommitNote:
    """What a commit says of itself; unchecked."""

    parent: str
    author: str
    title: str
    time: dt.datetime
    """The author's date."""


class Repository(Protocol):
    """A clone and the way to its upstream; a flow brings the one that the store offers."""

    @property
    def url(self) -> str:
        """The upstream's address as it may be shown: without a user and password."""
        ...

    def fetch(self) -> Mapping[str, str]:
        """Bring main and all requests; commits by the upstream's full ref names."""
        ...

    def push(self, updates: Mapping[str, str], expected: Mapping[str, str | None]) -> Answer:
        """Set the upstream's refs to commits, each only if it stands where expected (None: nowhere)."""
        ...

    def commit_files(
        self, base: str, files: Mapping[str, bytes], *, title: str, author: str, when: dt.datetime
    ) -> str:
        """Write the commit on `base` that adds files; the same arguments give the same commit."""
        ...

    def commit_beside(
        self, parent: str, files: Mapping[str, bytes], *, title: str, author: str, when: dt.datetime
    ) -> str:
        """Write the commit after `parent` that holds these files and nothing else."""
        ...

    def note(self, commit: str) -> CommitNote:
        """First parent, author and his date, and title of a commit."""
        ...

    def base(self, request_id: str, head: str) -> str:
        """The commit of main that a request's head stands on (raises RejectedError)."""
        ...

    def shown(self, request_id: str) -> Shown | None:
        """What the request's page shows; None where it has none."""
        ...

    def ended(self) -> Sequence[Ended]:
        """Requests closed in the page without a signed word, as far as they are known."""
        ...

    def added(self, base: str, head: str) -> Mapping[str, bytes]:
        """The registry files that `head` adds to `base`."""
        ...

    def holds(self, commit: str, files: Mapping[str, bytes]) -> bool:
        """Whether all of these files stand in the registry at a commit, with these bytes."""
        ...

    def has_hooks(self) -> bool | None:
        """Whether the upstream has hooks, where that can be seen from here (a local path); else None."""
        ...
