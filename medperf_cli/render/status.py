"""The merge bot's comment below a request, as Markdown; every word of a stranger stands in a code span."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized
from typing import TYPE_CHECKING

from medperf_cli.core.quoting import code
from medperf_cli.render.findings import exact, markdown_line

if TYPE_CHECKING:
    from medperf_cli.flows.hosting.hosted_status import Status

_MOST, _ODD = 25, 10
"""Findings, and odd comments, that are shown; a page takes no comment of any length."""
_WORDS = {
    "merged": "everything it needs is there, so the merge bot merges it",
    "waits": "it is sound, and waits for people",
    "rejected": "it cannot enter main as it is",
    "closed": "everything in it stands in main already",
}


def as_comment(status: Status) -> str:
    """The whole comment: verdict, whom it waits for, findings with repairs, and what does not count."""
    return "\n\n".join(block for block in _blocks(status) if block) + "\n"


def _blocks(status: Status) -> Iterator[str]:
    yield f"**{_heading(status)}**: {_said(status)}."
    yield _listed((markdown_line(exact(f, status.number)) for f in status.findings[:_MOST]), status.findings)
    if status.recorded:
        yield f"Approvals in this page that count: {_names(status.recorded)}."
    if status.left_out:
        yield f"Decisions that do not count any more: {_names(status.left_out)}."
    if status.odd:
        yield "Comments that look like decisions and are none:"
        yield _listed((f"- by {code(who)}: {code(why)}" for who, why in status.odd[:_ODD]), status.odd)
    yield "\n".join(_next(status))


def _listed(items: Iterable[str], everything: Sized) -> str:
    lines = list(items)
    left = len(everything) - len(lines)
    return "\n".join([*lines, *([f"- and {left} more"] if left > 0 else [])])


def _heading(status: Status) -> str:
    if status.commit is not None:
        return "MERGED"
    return {"waits": "REVIEW", "closed": "CLOSED"}.get(status.fate, status.verdict.name)


def _said(status: Status) -> str:
    closing = status.closing
    if closing is not None:
        return f"{closing.verdict} by {code(closing.member)} on {closing.time[:10]}: {code(closing.reason)}"
    if status.commit is not None:
        return f"it stands in main, as {code(status.commit)}"
    if status.taken:
        return "a path in it is taken for good, so this request is closed"
    return _WORDS[status.fate]


def _next(status: Status) -> Iterator[str]:
    if status.fate == "waits":
        number = status.number
        yield f"To decide: `medperf review show {number}`, then `medperf review approve {number}` or"
        yield f"`medperf review reject {number} --reason ...`. A comment in words decides nothing."
        if status.page:
            yield "An approving review of the newest commit counts too, of who must decide and has this"
            yield "account in the member file: the root of this registry takes the forge's word for it."
    elif status.taken:
        yield "Take the version named above, and submit again: that is another request."
    elif status.fate == "rejected":
        yield "Repair what is named above, and submit again: nothing is lost by asking anew."


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(code(name) for name in names)
