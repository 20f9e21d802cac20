"""What Forgejo and Gitea answer, read strictly: the texts are a stranger's, and any field may lack."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from typing import Any, TypeVar

from medperf_cli.adapters.forge.api import Account, Comment, PageApproval, Pull
from medperf_cli.adapters.forge.base import RequestState
from medperf_cli.errors import BusyError

T = TypeVar("T")
GHOST = Account("Ghost", -1)
"""Whom Forgejo shows where an account was deleted."""
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")
_FULL_NAME = re.compile(r"[A-Za-z0-9._-]+/[A-Za-z0-9._-]+\Z")
_AGIT = 1
"""The `flow` of a request that was pushed to `refs/for/...`."""
_DECIDES = ("APPROVED", "REQUEST_CHANGES", "REQUEST_REVIEW")
"""Reviews after which an earlier one of the same account no longer stands; a remark is none."""


class Record:
    """A JSON object of an answer; a field of another type than promised makes the answer a broken one."""

    def __init__(self, value: Any, host: str) -> None:
        if not isinstance(value, dict):
            raise broken(host)
        self._value = value
        self._host = host

    def _typed(self, name: str, kind: type[T]) -> T | None:
        """A field, None where it is absent or null; raises BusyError."""
        found = self._value.get(name)
        if found is None:
            return None
        if not isinstance(found, kind) or (kind is int and isinstance(found, bool)):
            raise broken(self._host, name)
        return found

    def must(self, name: str, value: T | None) -> T:
        """What must be there: `value`; raises BusyError."""
        if value is None:
            raise broken(self._host, name)
        return value

    def text(self, name: str) -> str:
        """A text, '' where there is none."""
        return self._typed(name, str) or ""

    def number(self, name: str) -> int:
        """A number that must be there."""
        return self.must(name, self._typed(name, int))

    def count(self, name: str) -> int:
        """A number, 0 where there is none."""
        return self._typed(name, int) or 0

    def truth(self, name: str) -> bool | None:
        """Yes, no, or None where this version of Forgejo does not tell."""
        return self._typed(name, bool)

    def time(self, name: str) -> dt.datetime:
        """A time that must be there, with its zone."""
        text = self.text(name)
        try:
            found = dt.datetime.fromisoformat(text)
        except ValueError:
            raise broken(self._host, name) from None
        return self.must(name, found if found.tzinfo else None)

    def commit(self, name: str) -> str | None:
        """A commit id; '' is what Forgejo writes where it knows none, None where it does not speak of any."""
        text = self._typed(name, str)
        if text and not _COMMIT.match(text):
            raise broken(self._host, name)
        return text

    def full_name(self, name: str) -> str:
        """The full name of a repository; it becomes part of addresses."""
        text = self.text(name)
        if not _FULL_NAME.match(text) or {".", ".."} & set(text.split("/")):
            raise broken(self._host, name)
        return text

    def part(self, name: str) -> Record | None:
        """An object inside, where there is one."""
        found = self._typed(name, dict)
        return None if found is None else Record(found, self._host)

    def parts(self, name: str) -> list[Record]:
        """The objects of a list; null is an empty one, as Go writes it."""
        return [Record(item, self._host) for item in self._typed(name, list) or []]

    def texts(self, name: str) -> frozenset[str]:
        """The texts of a list."""
        found = self._typed(name, list) or []
        if not all(isinstance(item, str) for item in found):
            raise broken(self._host, name)
        return frozenset(found)


def records(data: Any, host: str) -> list[Record]:
    """The objects of an answer that may be one alone; raises BusyError."""
    return [Record(item, host) for item in (data if isinstance(data, list) else [data])]


def broken(host: str, name: str = "") -> BusyError:
    """The error for an answer that is not what the interface promises; `name` is the field at fault."""
    where = f" (field '{name}')" if name else ""
    return BusyError(
        f"'{host}' did not answer as Forgejo does{where}",
        hint="see that the address is a Forgejo or Gitea site and that no proxy answers in its place",
    )


def account(record: Record | None) -> Account:
    """Who did something."""
    return GHOST if record is None else Account(record.text("login"), record.number("id"))


def pull(record: Record) -> Pull:
    """A request; when its branch was deleted Forgejo shows the ref of the head, and the name as a label.

    One that was pushed to `refs/for/main` has no branch anywhere, though Forgejo names its target as source.
    """
    head, base = (record.must(name, record.part(name)) for name in ("head", "base"))
    branchless = record.count("flow") == _AGIT
    ref, repository = head.text("ref"), None if branchless else head.part("repo")
    merged = bool(record.truth("merged"))
    ended = RequestState.MERGED if merged else RequestState.CLOSED
    return Pull(
        number=record.number("number"),
        state=ended if merged or record.text("state") == "closed" else RequestState.OPEN,
        title=record.text("title"),
        body=record.text("body"),
        author=account(record.part("user")),
        head=head.must("sha", head.commit("sha")),
        branch=head.text("label") if ref.startswith("refs/") else ref,
        source="" if repository is None else repository.full_name("full_name"),
        into=base.text("ref"),
        url=record.text("html_url"),
        opened=record.time("created_at"),
        updated=record.time("updated_at"),
        labels=frozenset(label.text("name") for label in record.parts("labels")),
        merged_as=record.commit("merge_commit_sha") or None if merged else None,
        merged_by=account(record.part("merged_by")) if merged else None,
        draft=bool(record.truth("draft")),
    )


def comment(record: Record) -> Comment:
    """What somebody wrote."""
    author = account(record.part("user"))
    return Comment(record.number("id"), author, record.text("body"), record.time("created_at"))


def approvals(reviews: Sequence[Record]) -> list[PageApproval]:
    """Who approves: the last word of each account, if it is an approval that was not dismissed.

    Forgejo keeps every review. One that a team is asked for has no account. An answer that does not say
    whether a review was dismissed, or which commit it was about, proves nothing.
    """
    last: dict[int, Record] = {}
    for review in sorted(reviews, key=lambda review: review.number("id")):
        user = review.part("user")
        if user is not None and review.text("state") in _DECIDES:
            last[user.number("id")] = review
    return [
        PageApproval(account(review.part("user")), commit, review.time("submitted_at"))
        for review in last.values()
        if review.text("state") == "APPROVED"
        and review.truth("dismissed") is False
        and (commit := review.commit("commit_id"))
    ]
