"""What the web interface of a hosted forge offers, whichever vendor's it is; no rule of ours stands here."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from medperf_cli.adapters.forge.base import RequestState


class Vendor(enum.StrEnum):
    """Whose web interface a forge has; `FORGEJO` is Gitea too."""

    GITHUB = "github"
    GITLAB = "gitlab"
    FORGEJO = "forgejo"


MAIN = "main"
"""The branch that requests ask to enter."""
OURS = "medperf:"
"""How labels of ours begin."""
DEPLOY_KEY = "deploy key"
"""Stands among those who may push for keys of the repository, which have no login."""
HEADS: Mapping[Vendor, str] = {
    Vendor.GITHUB: "refs/pull/{}/head",
    Vendor.GITLAB: "refs/merge-requests/{}/head",
    Vendor.FORGEJO: "refs/pull/{}/head",
}
"""The ref of a request's head, with `{}` for its number."""


@dataclass(frozen=True)
class Account:
    """Somebody on a forge; `number` is the forge's own id, which a rename does not change."""

    login: str
    number: int


@dataclass(frozen=True)
class Pull:
    """A pull request (on GitLab: a merge request) as the forge shows it; every text is a stranger's.

    `head` is the commit its branch stands at, `source` the full name of the repository with that branch
    (empty where it was deleted), `into` the branch it asks to enter, `merged_as` the commit of that branch
    with which it was merged.
    """

    number: int
    state: RequestState
    title: str
    body: str
    author: Account
    head: str
    branch: str
    source: str
    into: str
    url: str
    opened: dt.datetime
    updated: dt.datetime
    labels: frozenset[str] = frozenset()
    merged_as: str | None = None
    merged_by: Account | None = None
    draft: bool = False
    """Its author says that it is not ready to be merged."""


@dataclass(frozen=True)
class Comment:
    """One comment below a request; `body` is Markdown as it was written."""

    number: int
    author: Account
    body: str
    written: dt.datetime


@dataclass(frozen=True)
class PageApproval:
    """An approving review made in the forge's page that stands (not dismissed, nothing asked after it).

    `commit` is the head that the reviewer saw; an adapter that cannot be sure of it leaves the review out.
    """

    account: Account
    commit: str
    time: dt.datetime


@dataclass(frozen=True)
class Fork:
    """A repository that the token's owner may push to: the registry's own, or a copy of it."""

    name: str
    """Full name, such as `mgh/registry`."""
    clone_url: str


@dataclass(frozen=True)
class Protection:
    """How `main` is protected on a forge; None where it cannot be told (missing right, no such feature)."""

    protected: bool | None = None
    pull_required: bool | None = None
    """Nobody but `pushers` brings anything into main without a request."""
    checks: frozenset[str] | None = None
    """The checks that must have passed before a merge in the page."""
    force_push: bool | None = None
    deletion: bool | None = None
    linear: bool | None = None
    """Merge commits are refused: then the bot could not push any."""
    pushers: frozenset[str] | None = None
    """Who may push to main all the same: logins, apps, deploy keys."""
    code_owners: bool | None = None
    """Owners of touched files must approve."""


def same_repository(one: str, other: str) -> bool:
    """Whether two full names are one repository's: no forge tells upper from lower case in them."""
    return one.casefold() == other.casefold()


class ForgeApi(Protocol):
    """One repository on a hosted forge, asked as the owner of a token (or as nobody).

    Nothing is tried again here: what may pass (no answer, 5xx, a rate limit) is a BusyError, and `Patient`
    decides. Lists are whole, or refused: an adapter turns all pages. Every method may raise:

        BusyError: no answer, broken answer, 5xx, or a rate limit (with the seconds to wait, where it says).
        TokenError: no token where one is needed, or it expired, or a scope is missing (which, in the hint).
        RejectedError: the forge refuses the content or the state (protected branch, required review missing).
        UnknownIdError: there is no such request, repository or branch (any more).
        NetworkError: an answer that waiting does not mend, such as an untrusted certificate.
        ConfigurationError: the environment's proxy or certificates make no sense.

    """

    @property
    def host(self) -> str:
        """The forge's host name as members' logins name it, such as `github.com`."""
        ...

    @property
    def repository(self) -> str:
        """The full name of the registry's repository."""
        ...

    @property
    def heads(self) -> str:
        """The vendor's of `HEADS`."""
        ...

    def whoami(self) -> Account:
        """Whose token it is; remembered."""
        ...

    def destination(self) -> Fork:
        """Where the token's owner may push a branch: the repository, else their fork, made if need be."""
        ...

    def pulls(self) -> Sequence[Pull]:
        """The open requests into main, oldest first."""
        ...

    def ended(self, most: int) -> Sequence[Pull]:
        """The newest `most` requests that are closed or merged, newest first by their last change."""
        ...

    def pull(self, number: int) -> Pull:
        """One request, open or not."""
        ...

    def pulls_from(self, source: str, branch: str) -> Sequence[Pull]:
        """Requests of any state from a branch of the repository named `source`, newest first."""
        ...

    def pulls_of(self, commit: str) -> Sequence[Pull]:
        """Requests that brought a commit into the repository."""
        ...

    def create(self, title: str, body: str, source: Fork, branch: str) -> Pull:
        """Open a request into main from a branch of `source`."""
        ...

    def edit(self, number: int, title: str, body: str) -> None:
        """Give an open request another title and text."""
        ...

    def close(self, number: int) -> None:
        """Close an open request without a merge; one that is closed stays so."""
        ...

    def settle(self, pull: Pull, merge: str) -> None:
        """Let the page say that commit `merge` of main merged a request, where the forge does not see it."""
        ...

    def comments(self, number: int) -> Sequence[Comment]:
        """What people wrote below a request, oldest first; no notes of the forge itself."""
        ...

    def comment(self, number: int, body: str) -> Comment:
        """Write a comment."""
        ...

    def edit_comment(self, number: int, comment: int, body: str) -> None:
        """Replace the text of one's own comment."""
        ...

    def delete_comment(self, number: int, comment: int) -> None:
        """Remove one's own comment; one that is gone stays so."""
        ...

    def label(self, pull: Pull, labels: frozenset[str]) -> None:
        """Give a request exactly these of our labels (`medperf:...`), and leave all others alone."""
        ...

    def approvals(self, pull: Pull) -> Sequence[PageApproval]:
        """The approving reviews that stand, each with the head that was seen."""
        ...

    def protection(self) -> Protection:
        """How main is protected now."""
        ...

    def protect(self, checks: frozenset[str], pushers: frozenset[str]) -> Sequence[str]:
        """Protect main as a registry needs it; returns what is left to be done by hand, in sentences."""
        ...
