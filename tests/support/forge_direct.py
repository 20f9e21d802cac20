"""A `ForgeApi` straight on a simulated forge's state, without a web interface: quick, for tests of flows.

What vendors make of requests and answers is for the contract suite, which runs over their web interfaces.
"""

from __future__ import annotations

from collections.abc import Sequence

from typing_extensions import override

from medperf_cli.adapters.forge import api
from medperf_cli.adapters.forge.base import RequestState
from medperf_cli.errors import RejectedError, UnknownIdError
from tests.support.forges.forge import SimulatedForge
from tests.support.forges.people import User
from tests.support.forges.repository import Comment, Pull, Repository


def account(user: User) -> api.Account:
    return api.Account(user.login, user.number)


class DirectApi(api.ForgeApi):
    """What a user may do in a repository; `calls` counts what would be calls of a web interface."""

    def __init__(self, forge: SimulatedForge, repository: Repository, login: str) -> None:
        self._forge, self._repository, self._login = forge, repository, login
        self.calls: list[str] = []

    def _called(self, what: str, number: int | None = None) -> None:
        self.calls.append(what if number is None else f"{what} {number}")

    @property
    @override
    def host(self) -> str:
        return "127.0.0.1"

    @property
    @override
    def repository(self) -> str:
        return self._repository.full_name

    @property
    @override
    def heads(self) -> str:
        return self._repository.heads

    @override
    def whoami(self) -> api.Account:
        self._called("whoami")
        return account(self._forge.user(self._login))

    @override
    def pulls(self) -> Sequence[api.Pull]:
        self._called("pulls")
        return [self._seen(p) for p in self._repository.open_pulls() if p.into == "main"]

    @override
    def ended(self, most: int) -> Sequence[api.Pull]:
        self._called("ended")
        found = [p for p in self._repository.pulls.values() if p.state != "open"]
        return [self._seen(p) for p in sorted(found, key=lambda p: p.updated, reverse=True)[:most]]

    @override
    def pull(self, number: int) -> api.Pull:
        self._called("pull", number)
        return self._seen(self._found(number))

    @override
    def pulls_of(self, commit: str) -> Sequence[api.Pull]:
        self._called("pulls_of")
        return [self._seen(p) for p in self._repository.pulls.values() if p.merged_as == commit]

    @override
    def close(self, number: int) -> None:
        self._called("close", number)
        self._forge.close(self._found(number), self._login)

    @override
    def settle(self, pull: api.Pull, merge: str) -> None:
        assert self._found(pull.number).merged_as == merge, "a push of main is seen by this forge"

    @override
    def comments(self, number: int) -> Sequence[api.Comment]:
        self._called("comments", number)
        return [_comment(c) for c in self._found(number).comments]

    @override
    def comment(self, number: int, body: str) -> api.Comment:
        self._called("comment", number)
        pull = self._found(number)
        if pull.locked:
            raise RejectedError("this conversation is locked")
        return _comment(self._forge.comment(pull, self._login, body))

    @override
    def edit_comment(self, number: int, comment: int, body: str) -> None:
        self._called("edit_comment", number)
        self._mine(number, comment).body = body

    @override
    def delete_comment(self, number: int, comment: int) -> None:
        self._called("delete_comment", number)
        self._found(number).comments.remove(self._mine(number, comment))

    @override
    def label(self, pull: api.Pull, labels: frozenset[str]) -> None:
        self._called("label", pull.number)
        found = self._found(pull.number)
        found.labels = sorted({x for x in found.labels if not x.startswith("medperf:")} | labels)

    @override
    def approvals(self, pull: api.Pull) -> Sequence[api.PageApproval]:
        self._called("approvals", pull.number)
        reviews = {r.author.number: r for r in self._found(pull.number).reviews if r.state != "COMMENTED"}
        approving = (r for r in reviews.values() if r.state == "APPROVED")
        return [api.PageApproval(account(r.author), r.commit, r.time) for r in approving]

    def _found(self, number: int) -> Pull:
        try:
            return self._repository.pulls[number]
        except KeyError:
            raise UnknownIdError(f"there is no request {number}") from None

    def _mine(self, number: int, comment: int) -> Comment:
        found = next((c for c in self._found(number).comments if c.number == comment), None)
        if found is None or found.author.login != self._login:
            raise RejectedError("this is not one's own comment")
        return found

    def _seen(self, pull: Pull) -> api.Pull:
        return api.Pull(
            pull.number,
            RequestState(pull.state),
            pull.title,
            pull.body,
            account(pull.author),
            pull.head,
            pull.branch,
            pull.source.full_name if pull.source else "",
            pull.into,
            f"{self._forge.url}/{self.repository}/pulls/{pull.number}",
            pull.opened,
            pull.updated,
            frozenset(pull.labels),
            pull.merged_as,
            account(pull.merged_by) if pull.merged_by else None,
        )


def _comment(comment: Comment) -> api.Comment:
    return api.Comment(comment.number, account(comment.author), comment.body, comment.written)
