"""GitHub and GitHub Enterprise Server, by PyGithub."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import quote

from typing_extensions import override

from medperf_cli.adapters.forge.address import ForgeAddress
from medperf_cli.adapters.forge.api import (
    HEADS,
    MAIN,
    OURS,
    Account,
    Comment,
    ForgeApi,
    Fork,
    PageApproval,
    Protection,
    Pull,
    Vendor,
    same_repository,
)
from medperf_cli.adapters.forge.base import RequestState
from medperf_cli.adapters.forge.github_answers import Answer, BrokenAnswerError, broken
from medperf_cli.adapters.forge.github_protection import protect, protection
from medperf_cli.adapters.forge.github_refusals import archived
from medperf_cli.adapters.forge.github_web import Web
from medperf_cli.errors import BusyError, RejectedError, TokenError, UnknownIdError

T = TypeVar("T")
FORBIDDEN = 403
GHOST = Account("ghost", 0)
"""Whose account was deleted; no member has this number."""
BOT_LOGIN = "MEDPERF_BOT_LOGIN"
"""Names the account of a token that may not ask whose it is (an App's, a workflow's)."""


def connect(address: ForgeAddress, token: str | None) -> ForgeApi:
    """The repository at an address, as the owner of a token (None: anonymous).

    Raises:
        TokenError: the token cannot be one, or would be sent unencrypted.

    """
    return GitHub(Web(address, token))


class GitHub(ForgeApi):
    """One repository on a GitHub."""

    def __init__(self, web: Web) -> None:
        self._web = web
        self._at = f"/repos/{web.address.repository}"
        self._me: Account | None = None
        self._asked: dict[int, tuple[Any, frozenset[int]]] = {}
        """By request: when it was last changed, and whose review was asked for then."""

    @property
    @override
    def host(self) -> str:
        return self._web.address.host

    @property
    @override
    def repository(self) -> str:
        return self._web.address.repository

    @property
    @override
    def heads(self) -> str:
        return HEADS[Vendor.GITHUB]

    @override
    def whoami(self) -> Account:
        if self._me is None:
            self._me = self._read(self._who(), _account)
        return self._me

    def _who(self) -> Any:
        """Ask; an App's installation and a workflow's token are refused, and named by the environment."""
        try:
            return self._web.get("/user")
        except TokenError as error:
            if getattr(error.__cause__, "status", 0) != FORBIDDEN:
                raise
        login = os.environ.get(BOT_LOGIN, "github-actions[bot]")
        return self._web.get(f"/users/{quote(login, safe='')}")

    @override
    def destination(self) -> Fork:
        own = self._web.get(self._at)
        if self._read(own, lambda repo: repo.flag("archived")):
            raise archived(self._web.address)
        if self._read(own, lambda repo: "permissions" in repo and repo.part("permissions").flag("push")):
            return self._read(own, self._fork)
        made = self._read(
            self._web.send("POST", f"{self._at}/forks", {"default_branch_only": True}), self._fork
        )
        try:
            self._web.get(f"/repos/{made.name}/branches/{MAIN}")
        except UnknownIdError as error:  # GitHub makes forks in the background
            raise BusyError(f"the fork '{made.name}' is not ready yet", after=2) from error
        return made

    @override
    def pulls(self) -> Sequence[Pull]:
        found = self._web.whole(f"{self._at}/pulls", state="open", base=MAIN, sort="created", direction="asc")
        return self._read_all(found, self._pull)

    @override
    def ended(self, most: int) -> Sequence[Pull]:
        found = self._web.whole(
            f"{self._at}/pulls", most, state="closed", base=MAIN, sort="updated", direction="desc"
        )
        return self._read_all(found, self._pull)

    @override
    def pull(self, number: int) -> Pull:
        return self._read(self._web.get(f"{self._at}/pulls/{number}"), self._pull)

    @override
    def pulls_from(self, source: str, branch: str) -> Sequence[Pull]:
        head = f"{source.partition('/')[0]}:{branch}"
        found = self._web.whole(f"{self._at}/pulls", state="all", head=head, sort="created", direction="desc")
        pulls = self._read_all(found, self._pull)
        # Two repositories of one owner may have a branch of this name.
        return [p for p in pulls if p.branch == branch and same_repository(p.source, source)]

    @override
    def pulls_of(self, commit: str) -> Sequence[Pull]:
        try:
            found = self._web.whole(f"{self._at}/commits/{commit}/pulls")
        except (RejectedError, UnknownIdError):  # 422 or 404: no such commit
            return ()
        return self._read_all(found, self._pull)

    @override
    def create(self, title: str, body: str, source: Fork, branch: str) -> Pull:
        head = branch if source.name == self.repository else f"{source.name.partition('/')[0]}:{branch}"
        asked = {"title": title, "head": head, "base": MAIN, "body": body, "maintainer_can_modify": False}
        try:
            return self._read(self._web.send("POST", f"{self._at}/pulls", asked), self._pull)
        except RejectedError as error:
            if "already exists" not in error.message:
                raise
            there = [p for p in self.pulls_from(source.name, branch) if p.state is RequestState.OPEN]
            if not there:
                raise
            return there[0]

    @override
    def edit(self, number: int, title: str, body: str) -> None:
        self._web.send("PATCH", f"{self._at}/pulls/{number}", {"title": title, "body": body})

    @override
    def close(self, number: int) -> None:
        self._web.send("PATCH", f"{self._at}/pulls/{number}", {"state": "closed"})

    @override
    def settle(self, pull: Pull, merge: str) -> None:
        """Nothing: GitHub marks a request as merged when its head is in main."""

    @override
    def comments(self, number: int) -> Sequence[Comment]:
        return self._read_all(self._web.whole(f"{self._at}/issues/{number}/comments"), _comment)

    @override
    def comment(self, number: int, body: str) -> Comment:
        made = self._web.send("POST", f"{self._at}/issues/{number}/comments", {"body": body})
        return self._read(made, _comment)

    @override
    def edit_comment(self, number: int, comment: int, body: str) -> None:
        self._web.send("PATCH", f"{self._at}/issues/comments/{comment}", {"body": body})

    @override
    def delete_comment(self, number: int, comment: int) -> None:
        self._gone(f"{self._at}/issues/comments/{comment}")

    @override
    def label(self, pull: Pull, labels: frozenset[str]) -> None:
        # One by one, not the whole list at once: what others put there meanwhile stays.
        ours = {label for label in pull.labels if label.startswith(OURS)}
        at = f"{self._at}/issues/{pull.number}/labels"
        if labels - ours:
            self._web.send("POST", at, {"labels": sorted(labels - ours)})
        for label in sorted(ours - labels):
            self._gone(f"{at}/{quote(label, safe='')}")

    @override
    def approvals(self, pull: Pull) -> Sequence[PageApproval]:
        reviews = self._web.whole(f"{self._at}/pulls/{pull.number}/reviews")
        standing = self._safely(lambda: _standing(reviews))
        if not standing:
            return ()
        when, asked = self._asked.get(pull.number, (None, frozenset()))
        if when != pull.updated:
            self.pull(pull.number)
            asked = self._asked[pull.number][1]
        return [approval for approval in standing if approval.account.number not in asked]

    @override
    def protection(self) -> Protection:
        return self._safely(lambda: protection(self._web, self._at))

    @override
    def protect(self, checks: frozenset[str], pushers: frozenset[str]) -> Sequence[str]:
        return self._safely(lambda: protect(self._web, self._at, checks, pushers))

    def _gone(self, path: str) -> None:
        try:
            self._web.send("DELETE", path)
        except UnknownIdError:
            return

    def _fork(self, answer: Answer) -> Fork:
        return Fork(answer.repository("full_name"), answer.address("clone_url", self.host))

    def _pull(self, answer: Answer) -> Pull:
        pull = _pull(answer)
        asked = answer.parts("requested_reviewers") if "requested_reviewers" in answer else []
        self._asked[pull.number] = (pull.updated, frozenset(user.number("id") for user in asked))
        return pull

    def _read(self, data: Any, make: Callable[[Answer], T]) -> T:
        return self._safely(lambda: make(Answer(data)))

    def _read_all(self, found: Sequence[Answer], make: Callable[[Answer], T]) -> list[T]:
        return self._safely(lambda: [make(answer) for answer in found])

    def _safely(self, make: Callable[[], T]) -> T:
        try:
            return make()
        except BrokenAnswerError as error:
            raise broken(self.host, error) from error


def _account(answer: Answer) -> Account:
    return Account(answer.text("login", 256), answer.number("id"))


def _user(answer: Answer, field: str) -> Account:
    return _account(answer.part(field)) if field in answer else GHOST


def _comment(answer: Answer) -> Comment:
    return Comment(
        answer.number("id"),
        _user(answer, "user"),
        answer.text_or_empty("body"),
        answer.time("created_at"),
    )


def _pull(answer: Answer) -> Pull:
    head, merged = answer.part("head"), "merged_at" in answer
    ended = RequestState.MERGED if merged else RequestState.CLOSED
    return Pull(
        number=answer.number("number"),
        state=RequestState.OPEN if answer.text("state", 16) == "open" else ended,
        title=answer.text("title"),
        body=answer.text_or_empty("body"),
        author=_user(answer, "user"),
        head=head.commit("sha"),
        branch=head.text("ref", 4096),
        source=head.part("repo").repository("full_name") if "repo" in head else "",
        into=answer.part("base").text("ref", 4096),
        url=answer.text("html_url", 4096),
        opened=answer.time("created_at"),
        updated=answer.time("updated_at"),
        labels=frozenset(label.text("name", 1024) for label in answer.parts("labels")),
        # Of an open request it is a test merge that GitHub makes for itself.
        merged_as=answer.commit("merge_commit_sha") if merged and "merge_commit_sha" in answer else None,
        merged_by=_user(answer, "merged_by") if merged and "merged_by" in answer else None,
        draft="draft" in answer and answer.flag("draft"),
    )


def _standing(reviews: Sequence[Answer]) -> list[PageApproval]:
    """Each reviewer's latest opinion, where it approves. Reviews come oldest first; a comment is none."""
    latest: dict[int, PageApproval | None] = {}
    for review in reviews:
        state = review.text("state", 64)
        account = _user(review, "user")
        if state == "APPROVED" and account != GHOST and {"commit_id", "submitted_at"} <= _has(review):
            seen = review.commit("commit_id")
            latest[account.number] = PageApproval(account, seen, review.time("submitted_at"))
        elif state in ("APPROVED", "CHANGES_REQUESTED", "DISMISSED"):
            latest[account.number] = None
    return [approval for approval in latest.values() if approval is not None]


def _has(review: Answer) -> set[str]:
    return {field for field in ("commit_id", "submitted_at") if field in review}
