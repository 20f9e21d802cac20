"""GitLab's answers as our records, and texts that GitLab takes for nothing but text."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from medperf_cli.adapters.forge.api import Account, Comment, PageApproval, Pull
from medperf_cli.adapters.forge.base import RequestState
from medperf_cli.core.carried import MARK

Row = Mapping[str, Any]
_STATES = {
    "opened": RequestState.OPEN,
    "locked": RequestState.OPEN,  # while GitLab is merging it
    "merged": RequestState.MERGED,
    "closed": RequestState.CLOSED,
}
_ACTION = re.compile(r"\A(\s*)(\\*/)")
_QUIET = re.compile(r"\A(\s*)\\(\\*/)")
_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?\Z")
_FENCE = re.compile(r"`{3,}")
_APPROVED, _UNAPPROVED = "approved this merge request", "unapproved this merge request"


def account(row: Row) -> Account:
    """A user as GitLab shows it below a merge request or note."""
    return Account(_text(row, "username"), _number(row, "id"))


def pull(row: Row, source: str) -> Pull:
    """A merge request; `source` is the full path of the project with its branch."""
    state = _STATES[_text(row, "state")]
    merged = state is RequestState.MERGED
    merger = row.get("merge_user") or row.get("merged_by")
    head = _commit(row, "sha")
    return Pull(
        number=_number(row, "iid"),
        state=state,
        title=_text(row, "title"),
        body=plain(row["description"] or ""),
        author=account(row["author"]),
        head=head,
        branch=_text(row, "source_branch"),
        source=source,
        into=_text(row, "target_branch"),
        url=_text(row, "web_url"),
        opened=time(row, "created_at"),
        updated=time(row, "updated_at"),
        labels=frozenset(str(label) for label in row["labels"]),
        # Merged without a merge commit (fast-forward): the head itself entered main.
        merged_as=(_commit(row, "merge_commit_sha") or _commit(row, "squash_commit_sha") or head)
        if merged
        else None,
        merged_by=account(merger) if merged and merger else None,
        draft=row.get("draft") is True,
    )


def comment(row: Row) -> Comment:
    """A note that somebody wrote."""
    return Comment(
        _number(row, "id"), account(row["author"]), plain(_text(row, "body")), time(row, "created_at")
    )


def bound(
    approved: Sequence[Row], versions: Sequence[Row], notes: Sequence[Row], head: str
) -> list[PageApproval]:
    """The approvals that were given to a head, and surely to that one.

    GitLab does not name the commit that was approved. An approval counts when the newest version of the merge
    request has this head and the approval is younger than that version; on a GitLab that does not say when it
    was approved, the newest system note by the approver must say that it was, and counts as the time.
    What cannot be told from both is left out. Not closed: somebody who presses the button of a page that was
    loaded before the newest push, and not renewed since, approves a head that he did not see.
    """
    newest = max(versions, key=lambda row: _number(row, "id"), default=None)
    if newest is None or newest["head_commit_sha"] != head:
        return []
    since, found = time(newest, "created_at"), []
    for row in approved:
        who = account(row["user"])
        when = time(row, "approved_at") if row.get("approved_at") else _noted(notes, who)
        if when is not None and when > since:
            found.append(PageApproval(who, head, when))
    return found


def _noted(notes: Sequence[Row], who: Account) -> dt.datetime | None:
    told = [
        (time(row, "created_at"), _number(row, "id"), row["body"] == _APPROVED)
        for row in notes
        if row["system"] and account(row["author"]) == who and row["body"] in (_APPROVED, _UNAPPROVED)
    ]
    when, _, yes = max(told, default=(None, 0, False))
    return when if yes else None


def time(row: Row, name: str) -> dt.datetime:
    """A point in time of an answer (raises ValueError: it names no time zone)."""
    found = dt.datetime.fromisoformat(_text(row, name))
    if found.tzinfo is None:
        raise ValueError(name)
    return found


def quiet(text: str) -> str:
    """Text in which GitLab sees no quick action (a line like `/merge`, carried out in the poster's name).

    A backslash goes before the slash; `plain` takes it away again. Files in a comment that carries signed
    ones stay as they are, to the byte: whoever posts them has signed them.
    """
    return "\n".join(
        line if carried else _ACTION.sub(r"\1\\\2", line, count=1) for line, carried in _lines(text)
    )


def plain(text: str) -> str:
    """The text that `quiet` was given."""
    return "\n".join(
        line if carried else _QUIET.sub(r"\1\2", line, count=1) for line, carried in _lines(text)
    )


def _lines(text: str) -> Iterator[tuple[str, bool]]:
    """Each line, and whether it is inside a carried file."""
    fence, carrying = "", text.lstrip().startswith(MARK)
    for line in text.split("\n"):
        yield line, bool(fence)
        match = _FENCE.match(line)
        if fence:
            fence = "" if line.rstrip() == fence else fence
        elif match and carrying and " registry/" in line:
            fence = match[0]


def _commit(row: Row, name: str) -> str:
    """A commit id; '' where GitLab has none."""
    found = row[name] or ""
    if found and not _COMMIT.match(found):
        raise ValueError(name)
    return str(found)


def _text(row: Row, name: str) -> str:
    found = row[name]
    if not isinstance(found, str):
        raise TypeError(name)
    return found


def _number(row: Row, name: str) -> int:
    found = row[name]
    if not isinstance(found, int):
        raise TypeError(name)
    return found
