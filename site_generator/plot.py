"""Geometry of the dot plot of one metric: a group a model, a row a site, bars of one standard error."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from medperf_cli.core.figures import figure
from medperf_cli.core.scores import Value

WIDTH = 680
_LEFT, _RIGHT = 250.0, 540.0
_TOP, _HEAD, _ROW, _FOOT = 6, 25, 22, 46
_TICKS = 5
_PADDING = 0.08
_LETTERS = 32
MOST = 60
"""Rows beyond which a picture says less than its table."""


@dataclass(frozen=True)
class Dot:
    """A value to draw: the group it belongs to, what its row is called, and the value."""

    group: str
    label: str
    value: Value


@dataclass(frozen=True)
class Tick:
    """A mark of the axis."""

    x: float
    label: str


@dataclass(frozen=True)
class Row:
    """One value, or the head of a group (no `x`); coordinates in the drawing's units."""

    label: str
    baseline: float
    text: str = ""
    y: float = 0.0
    x: float | None = None
    low: float | None = None
    high: float | None = None
    few: bool = False


@dataclass(frozen=True)
class Plot:
    """What the template draws."""

    title: str
    axis: str
    description: str
    height: float
    bottom: float
    middle: float
    ticks: tuple[Tick, ...]
    rows: tuple[Row, ...]


def dot_plot(dots: Sequence[Dot], definition: Mapping[str, Any], places: int) -> Plot | None:
    """One metric's values in the order given; None where there is nothing to draw, or too much.

    Args:
        dots: the values; those of one group stand together.
        definition: the metric in the benchmark's file, for its name, unit and range.
        places: decimals to show.

    """
    drawn = [d for d in dots if d.value.value is not None]
    if not drawn or len(drawn) > MOST:
        return None
    low, high = _range([d.value for d in drawn], definition)
    rows = tuple(_rows(drawn, low, high, places))
    bottom = max(row.baseline for row in rows) + 9
    ticks = tuple(Tick(_x(value, low, high), label) for value, label in _ticks(low, high))
    name, better = definition["name"], definition["better"]
    said = "; ".join(f"{d.group} {d.label}: {_text(d.value, places)}".strip() for d in drawn)
    axis = f"{_short(name, 60)} ({_short(definition['unit'], 30)}, {better} is better)"
    middle = (_LEFT + _RIGHT) / 2
    return Plot(name, axis, said, bottom + _FOOT, bottom, middle, ticks, rows)


def _rows(dots: Sequence[Dot], low: float, high: float, places: int) -> Iterator[Row]:
    top, group = float(_TOP), ""
    for dot in dots:
        if dot.group != group:
            group = dot.group
            yield Row(group, top + 18)
            top += _HEAD
        centre, error = dot.value.value or 0.0, dot.value.error
        ends = [] if error is None else [_x(centre - error, low, high), _x(centre + error, low, high)]
        low_end, high_end = (ends[0], ends[1]) if ends else (None, None)
        text, few = _text(dot.value, places), dot.value.few
        yield Row(
            _short(dot.label, _LETTERS),
            top + 15,
            text,
            top + 11,
            _x(centre, low, high),
            low_end,
            high_end,
            few,
        )
        top += _ROW


def _x(value: float, low: float, high: float) -> float:
    return round(_LEFT + (min(high, max(low, value)) - low) * (_RIGHT - _LEFT) / (high - low), 1)


def _text(value: Value, places: int) -> str:
    shown = figure(value.value, places)
    return shown if value.error is None else f"{shown} ± {figure(value.error, places)}"


def _short(text: str, letters: int) -> str:
    """A label that fits beside the axis; the table has the whole one."""
    return text if len(text) <= letters else f"{text[: letters - 1]}…"


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
