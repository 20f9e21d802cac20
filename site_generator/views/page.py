"""A page, and a list that goes on over several sheets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from site_generator import addresses

SHEET = 100
"""Rows of one sheet of a list."""


@dataclass(frozen=True)
class Page:
    """One page: its address in the output, its template, its title and what the template is given."""

    address: str
    template: str
    title: str
    section: str
    given: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Sheet:
    """The part of a list that stands on one page; the sheets before and after it, if there are."""

    items: Sequence[Any]
    first: int
    total: int
    number: int
    sheets: int
    before: str | None
    after: str | None


def sheets(address: str, items: Sequence[Any], size: int = SHEET) -> Iterator[tuple[str, Sheet]]:
    """A list cut into sheets, each with its address; an empty list has one sheet."""
    count = max(1, -(-len(items) // size))
    for number in range(1, count + 1):
        first = (number - 1) * size
        before = addresses.sheet(address, number - 1) if number > 1 else None
        after = addresses.sheet(address, number + 1) if number < count else None
        part = items[first : first + size]
        yield addresses.sheet(address, number), Sheet(part, first, len(items), number, count, before, after)


def titled(title: str, sheet: Sheet) -> str:
    """The title of one sheet."""
    return title if sheet.number == 1 else f"{title}, page {sheet.number}"
