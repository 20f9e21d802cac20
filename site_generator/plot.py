"""Geometry of the dot plot of one metric: a row a model and site, bars of one standard error."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from medperf_cli.core.board import Board
from medperf_cli.core.figures import figure
from medperf_cli.core.scores import Value

WIDTH = 560
_LEFT, _RIGHT = 12.0, 548.0
_TOP, _ROW, _FOOT = 8, 46, 44
_TICKS = 8
_PADDING = 0.08


@dataclass(frozen=True)
class Tick:
    """A mark of the axis."""

    x: float
    label: str


@dataclass(frozen=True)
class Row:
    """One value: its label above, its dot and bar below (coordinates in the drawing's units)."""

    label: str
    text: str
    baseline: float
    y: float
    x: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Plot:
    """What the template draws."""

    title: str
    axis: str
    description: str
    height: float
    bottom: float
    ticks: tuple[Tick, ...]
    rows: tuple[Row, ...]


def dot_plot(board: Board, definition: Mapping[str, Any]) -> Plot | None:
    """The primary metric at every site, in the board's order; None where there is nothing to draw.

    Args:
        board: the board.
        definition: the primary metric in the benchmark's file, for its range.

    """
    metric = board.primary
    values = list(_values(board))
    if not values:
        return None
    low, high = _range([v for _, v in values], definition)
    scale = (_RIGHT - _LEFT) / (high - low)

    def x(value: float) -> float:
        return round(_LEFT + (min(high, max(low, value)) - low) * scale, 1)

    rows = []
    for number, (label, value) in enumerate(values):
        centre, error = value.value or 0.0, value.error
        top = _TOP + number * _ROW
        bars = (None, None) if error is None else (x(centre - error), x(centre + error))
        shown = figure(centre, metric.decimals)
        text = shown if error is None else f"{shown} ± {figure(error, metric.decimals)}"
        rows.append(Row(label, text, top + 16, top + 30, x(centre), *bars))
    bottom = _TOP + len(rows) * _ROW
    ticks = tuple(Tick(x(value), label) for value, label in _ticks(low, high))
    said = "; ".join(f"{row.label}: {row.text}" for row in rows)
    axis = f"{metric.name} ({metric.unit}, {metric.better} is better)"
    return Plot(f"{metric.name} by model and site", axis, said, bottom + _FOOT, bottom, ticks, tuple(rows))


def _values(board: Board) -> Iterator[tuple[str, Value]]:
    key = board.primary.key
    for line in board.lines:
        for site in board.sites:
            cell = line.cells.get(site)
            found = cell.values.get(key) if cell else None
            if found is not None and found.value is not None:
                yield f"{line.model} at {site}", found


def _range(values: list[Value], definition: Mapping[str, Any]) -> tuple[float, float]:
    """From the lowest to the highest bar with some space, within what the metric can be."""
    ends = [(v.value or 0.0) + sign * (v.error or 0.0) for v in values for sign in (-1, 1)]
    low, high = min(ends), max(ends)
    space = max((high - low) * _PADDING, abs(high) * 1e-3, 1e-9)
    low, high = low - space, high + space
    low = max(low, definition.get("minimum", low))
    high = min(high, definition.get("maximum", high))
    return (low, high) if high > low else (low - space, high + space)


def _ticks(low: float, high: float) -> list[tuple[float, str]]:
    """Round values, 1, 2 or 5 times a power of ten apart."""
    rough = (high - low) / _TICKS
    power = math.floor(math.log10(rough))
    step = next(m * 10.0**power for m in (1, 2, 5, 10) if m * 10.0**power >= rough * (1 - 1e-9))
    places = max(0, -math.floor(math.log10(step) + 1e-9))
    first = math.ceil(low / step - 1e-9)
    count = math.floor(high / step + 1e-9) - first + 1
    return [((first + n) * step, figure((first + n) * step, places)) for n in range(count)]
