"""What doctor found: a line for each check, and below it the repair."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from medperf_cli.core.quoting import one_line


def as_text(rows: Sequence[dict[str, Any]]) -> str:
    """Aligned lines, each with its repair below, and a count at the end."""
    width = max((len(row["check"]) for row in rows), default=0)
    lines = []
    for row in rows:
        lines.append(f"{row['state']:<4}  {row['check']:<{width}}  {one_line(row['found'])}")
        if row["repair"]:
            lines.append(f"{'':<4}  {'':<{width}}  next: {one_line(row['repair'])}")
    count = {state: sum(row["state"] == state for row in rows) for state in ("ok", "warn", "fail")}
    return "\n".join(lines) + f"\n\n{count['ok']} ok, {count['warn']} to look at, {count['fail']} to repair\n"
