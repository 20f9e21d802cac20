"""Any nested mapping as readable tables: what an owner published about a dataset."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_WIDEST = 12
_DEEPEST = 6
_MOST = 1200


@dataclass(frozen=True)
class Grid:
    """A table: its caption, heads of columns (the first stands over the row heads), rows of plain values."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Any, ...]], ...]


def grids(value: Mapping[str, Any], caption: str, depth: int = 0) -> Iterator[Grid]:
    """Tables that together show all of a nested mapping: plain values first, then what lies deeper.

    Mappings with the same plain keys become the rows of one table.
    """
    plain = {k: v for k, v in value.items() if _plain(v)}
    if plain:
        yield Grid(caption, ("", "value"), tuple((k, (v,)) for k, v in sorted(plain.items())))
    deep = {k: _mapping(v) for k, v in sorted(value.items()) if k not in plain}
    columns = _shared_columns(list(deep.values()))
    if columns:
        rows = tuple((key, tuple(inner.get(c) for c in columns)) for key, inner in deep.items())
        yield Grid(caption, ("", *columns), rows)
        return
    for key, inner in deep.items():
        below = f"{caption}: {key}" if caption else key
        if depth < _DEEPEST:
            yield from grids(inner, below, depth + 1)
        else:
            yield Grid(below, ("", "value"), ((key, (str(inner),)),))


def shown_grids(value: Mapping[str, Any]) -> tuple[list[Grid], bool]:
    """The tables that fit on one page, and whether there are more."""
    made = list(grids(value, ""))
    sizes = itertools.accumulate(len(grid.rows) * len(grid.columns) for grid in made)
    shown = [grid for grid, size in zip(made, sizes, strict=True) if size <= _MOST]
    return shown, len(shown) < len(made)


def leaves(value: Mapping[str, Any], depth: int) -> dict[str, Any]:
    """The plain values down to a depth, by dotted key."""
    found: dict[str, Any] = {}
    for key, inner in sorted(value.items()):
        if isinstance(inner, Mapping):
            below = leaves(inner, depth - 1) if depth > 1 else {}
            found |= {f"{key}.{name}": leaf for name, leaf in below.items()}
        elif _plain(inner):
            found[key] = inner
    return found


def _plain(value: Any) -> bool:
    if isinstance(value, Mapping):
        return False
    if isinstance(value, Sequence) and not isinstance(value, str):
        return not any(isinstance(v, Mapping | list) for v in value)
    return True


def _mapping(value: Any) -> Mapping[str, Any]:
    """A list with lists or mappings in it as a mapping by number."""
    if isinstance(value, Mapping):
        return value
    return {str(number): inner for number, inner in enumerate(value, 1)}


def _shared_columns(inner: list[Mapping[str, Any]]) -> tuple[str, ...]:
    """The columns of one table for all of these; none where they do not fit one."""
    if len(inner) < 2 or not all(i and all(map(_plain, i.values())) for i in inner):  # noqa: PLR2004 - one is no table
        return ()
    names = sorted({name for i in inner for name in i})
    shared = sum(len(i) for i in inner) >= 0.5 * len(names) * len(inner)
    return tuple(names) if shared and len(names) <= _WIDEST else ()
