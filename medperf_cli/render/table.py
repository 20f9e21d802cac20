"""Rows as an aligned table for people, or as JSON for machines."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from medperf_cli.core.quoting import one_line

_WIDEST = 100
"""Characters of one cell; paths and fingerprints fit."""
WIDTH = 100
"""Characters of a line that lists keep to."""
_NARROWEST = 20


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], *, width: int | None = None) -> str:
    """Aligned columns with a header; `-` where there is nothing. A cell is one line, long text is cut.

    `width` cuts the last column, the free text of a list, to what that many characters leave for it.
    """
    cells = [[column.replace("_", " ").upper() for column in columns]]
    cells += [[_cell(row.get(column)) for column in columns] for row in rows]
    if width is not None:
        _cut_last(cells, width)
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    lines = ["  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)) for line in cells]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _cut_last(cells: list[list[str]], width: int) -> None:
    others = sum(max(len(line[i]) for line in cells) + 2 for i in range(len(cells[0]) - 1))
    room = max(width - others, _NARROWEST)
    for line in cells:
        if len(line[-1]) > room:
            line[-1] = f"{line[-1][: room - 1]}\N{HORIZONTAL ELLIPSIS}"


def plain(text: str) -> str:
    """Text of a stranger with its lines, without what moves a terminal's cursor."""
    return "".join(c if c.isprintable() or c == "\n" else "?" for c in text)


def as_json(data: Any) -> str:
    """Indented JSON with a final newline."""
    return json.dumps(data, indent=2, ensure_ascii=False, default=str) + "\n"


def _cell(value: Any) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = one_line(str(value))
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}\N{HORIZONTAL ELLIPSIS}"
