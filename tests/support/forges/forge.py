"""A simulated forge of no vendor: accounts, repositories with real git, requests, reviews, comments.

What happens here is what people do in pages and by pushing. A vendor's façade (`github.py`, …) answers its
web interface from this state, and calls these methods for what a request of the web interface changes.
"""

from __future__ import annotations

import datetime as dt
import itertools
import shutil
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.forges import following, git, merging
from tests.support.forges.clock import Ticking
from tests.support.forges.faults import Faults
from tests.support.forges.people import BadCredentialsError, Token, User
from tests.support.forges.repository import Comment, Issue, Label, Pull, Repository, Review

SCOPES = ("repo", "api", "read:user", "write:issue", "write:repository")
"""What a token may do unless it is said: enough on each vendor's forge."""


@dataclass(frozen=True)
class Traits:
    """How vendors differ below their web interface."""

    heads: str = "refs/pull/{}/head"
    shared_numbers: bool = True
    """Issues and requests count together."""
    closes_without_branch: bool = True
    """A request ends when its branch is deleted."""
    notices_pushed: bool = True
    """A request whose head is pushed into main is merged; else somebody has to say so."""
    refusal: str = ""
    """What git's user is told before the reason why a protected branch may not be pushed."""

    @property
    def hidden(self) -> str:
        return "/".join(self.heads.split("/")[:2])


class SimulatedForge:
    """All that one forge knows. Methods take the lock; a façade takes it around what must not be torn."""

    def __init__(self, folder: Path, traits: Traits, clock: Callable[[], dt.datetime] | None = None) -> None:
        self.folder, self.traits, self.clock = folder, traits, clock or Ticking()
        self.users: dict[str, User] = {}
        self.tokens: dict[str, Token] = {}
        self.repositories: dict[str, Repository] = {}
        self.faults = Faults()
        self.lock = threading.RLock()
        self.violations: list[str] = []
        """What a façade saw against its vendor's schema, and its own failures: serving ends with them."""
        self.url = ""
        """The site's address once it is served, without a slash at the end."""
        self._ids = itertools.count(1001)

    # accounts

    def user(self, login: str, kind: str = "User") -> User:
        """The account of this login, made if need be."""
        with self.lock:
            return self.users.setdefault(login, User(login, next(self._ids), kind))

    def rename(self, login: str, to: str) -> User:
        """Another login for the same account, as people may choose."""
        with self.lock:
            old = self.users.pop(login)
            self.users[to] = new = User(to, old.number, old.kind)
            for token in self.tokens.values():
                token.user = new if token.user == old else token.user
            return new

    def token(self, login: str, scopes: Iterable[str] = SCOPES, **more: object) -> str:
        """Give somebody a token (see `Token`), and return it."""
        user = self.user(login)
        text = str(more.pop("text", f"tok-{login}-{next(self._ids)}"))
        self.tokens[text] = Token(text, user, scopes=frozenset(scopes), **more)  # type: ignore[arg-type]
        return text

    def authenticated(self, secret: str | None) -> Token | None:
        """Whose token that is; None without one (raises BadCredentialsError)."""
        if secret is None:
            return None
        token = self.tokens.get(secret)
        if token is None or token.revoked or (token.expires and token.expires <= self.clock()):
            raise BadCredentialsError(secret)
        return token

    # repositories

    def repository(self, full_name: str, **more: object) -> Repository:
        """Make an empty repository."""
        owner, _, name = full_name.rpartition("/")
        path = self.folder / f"{full_name}.git"
        git.init(path, self.traits.hidden)
        return self._keep(
            Repository(next(self._ids), self.user(owner), name, path, self.traits.heads, self.clock(), **more)
        )  # type: ignore[arg-type]

    def fork(self, source: Repository, login: str, name: str | None = None) -> Repository:
        """Somebody's fork, made if need be."""
        with self.lock:
            user = self.user(login)
            for there in self.repositories.values():
                if there.parent is source and there.owner.login == login:
                    return there
            path = self.folder / login / f"{name or source.name}.git"
            git.clone(source.path, path, self.traits.hidden)
            made = Repository(
                next(self._ids), user, name or source.name, path, self.traits.heads, self.clock()
            )
            made.parent, made.private = source, source.private
            return self._keep(made)

    def _keep(self, repository: Repository) -> Repository:
        self.repositories[repository.full_name] = repository
        return repository

    def delete_repository(self, repository: Repository) -> None:
        """Delete one, such as a fork with an open request."""
        with self.lock:
            del self.repositories[repository.full_name]
            shutil.rmtree(repository.path)
            for target in self.repositories.values():
                for pull in target.pulls.values():
                    if pull.source is repository:
                        pull.source, pull.source_gone = None, True
                        if self.traits.closes_without_branch:
                            following.end(pull, None, self.clock())

    # branches

    def commit(
        self,
        repository: Repository,
        branch: str,
        files: Mapping[str, bytes],
        *,
        by: str,
        title: str = "a commit",
        base: str = "",
    ) -> str:
        """A commit on a branch, past all rules, as if pushed; a new branch begins at `base` or main."""
        with self.lock:
            before = repository.branches()
            commit = git.write(
                repository.path,
                branch,
                files,
                title=title,
                author=by,
                when=self.clock(),
                base=base or before.get("main", ""),
            )
            self.pushed(repository, before, self.user(by))
            return commit

    def delete_branch(self, repository: Repository, branch: str, by: str) -> None:
        with self.lock:
            before = repository.branches()
            git.git(repository.path, "update-ref", "-d", f"refs/heads/{branch}")
            self.pushed(repository, before, self.user(by))

    def pushed(self, repository: Repository, before: Mapping[str, str], by: User) -> None:
        """Follow what a push changed; `before` are the branches as they were."""
        with self.lock:
            for target in (repository, repository.parent):
                if target is not None:
                    closes = self.traits.closes_without_branch
                    following.follow_heads(target, repository, closes=closes, clock=self.clock)
            if self.traits.notices_pushed:
                following.follow_main(repository, before, by, self.clock)

    # requests

    def issue(self, repository: Repository, login: str, title: str = "an issue") -> Issue:
        """Take a number for something that is no request."""
        number = repository.next_number(issue=True, shared=self.traits.shared_numbers)
        repository.issues[number] = Issue(number, self.user(login), title)
        return repository.issues[number]

    def open(
        self,
        target: Repository,
        login: str,
        source: Repository,
        branch: str,
        *,
        title: str,
        body: str = "",
        into: str = "main",
    ) -> Pull:
        """Open a request; whether it may be is the façade's to say."""
        with self.lock:
            now, head = self.clock(), source.commit(branch)
            number = target.next_number()
            pull = Pull(
                next(self._ids),
                number,
                self.user(login),
                title,
                body,
                source,
                branch,
                into,
                head,
                target.commit(into),
                now,
                now,
            )
            following.bring_head(target, pull, head)
            pull.moved.append((now, head))
            target.pulls[number] = pull
            return pull

    def close(self, pull: Pull, login: str) -> None:
        with self.lock:
            following.end(pull, self.user(login), self.clock())

    def press_merge(
        self, target: Repository, pull: Pull, login: str, method: str = "merge", title: str = ""
    ) -> str:
        """Merge by the button of the page, past the branch's rules (`merging.unmet` tells those)."""
        with self.lock:
            before = target.branches()
            commit = merging.pressed(target, pull, method, git.identity(login, self.clock()), title)
            following.merged(pull, commit, self.user(login), self.clock())
            self.pushed(target, before, self.user(login))
            return commit

    def mark_merged(self, pull: Pull, commit: str, login: str) -> None:
        """Say of an open request that a commit of main merged it."""
        with self.lock:
            following.merged(pull, commit, self.user(login), self.clock())

    def comment(self, pull: Pull, login: str, body: str, *, system: bool = False) -> Comment:
        with self.lock:
            now = self.clock()
            comment = Comment(next(self._ids), self.user(login), body, now, now, system)
            pull.comments.append(comment)
            pull.updated = now
            return comment

    def review(
        self, pull: Pull, login: str, state: str = "APPROVED", body: str = "", commit: str | None = None
    ) -> Review:
        """A review in the page, by default of the head as it is now."""
        with self.lock:
            user = self.user(login)
            review = Review(next(self._ids), user, state, body, commit or pull.head, self.clock())
            pull.reviews.append(review)
            pull.asked = [asked for asked in pull.asked if asked != user]
            pull.updated = review.time
            return review

    def label(
        self, repository: Repository, name: str, color: str = "ededed", description: str | None = None
    ) -> Label:
        """The label of this name, made if need be."""
        with self.lock:
            return repository.labels.setdefault(name, Label(next(self._ids), name, color, description))
