"""What waits for a member, as text: one block for each sort, with the command to type."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from medperf_cli.core.quoting import one_line

if TYPE_CHECKING:
    from medperf_cli.flows.reading.todo import Item

HEADINGS = {
    "unsent": "Signed, and has not arrived",
    "decide": "Waits for you",
    "rejected": "Was rejected: change it and ask again",
    "run": "To be run on your data",
    "submit": "To be submitted",
    "development": "In development: nobody can build on it yet",
    "waits": "Yours, waits for others",
    "key": "Your key",
    "expires": "Expires",
}
_WIDEST = 300


def as_text(items: Sequence[Item]) -> str:
    """Blocks in the order of the headings; one line if nothing waits."""
    if not items:
        return "nothing waits for you\n"
    blocks = []
    for sort, heading in HEADINGS.items():
        lines = [_lines(item) for item in items if item.sort == sort]
        if lines:
            blocks.append(f"{heading}:\n{''.join(lines)}")
    return "\n".join(blocks)


def _lines(item: Item) -> str:
    since = f" (since {item.since[:10]})" if item.since else ""
    command = f"      {item.command}\n" if item.command else ""
    return f"  - {one_line(item.what)[:_WIDEST]}{since}\n{command}"
