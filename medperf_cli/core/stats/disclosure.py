"""Disclosure control: which numbers tell about fewer patients than may leave a site.

A cell is a denominator: n, a ratio's support, a group's n, the n of a pair, and what is left when cells are
subtracted from totals that stand beside them. An empty cell is safe. Numerators, failed and missing counts
are no cells. Messages name the cell and never its number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from medperf_cli.core.entities.result import MeanMetric, Metric, RatioMetric, ReportedMetric, Result
from medperf_cli.core.stats.wording import shown

MAX_SIDE_BY_SIDE = 256
"""More values than this in one list or mapping are case-level data, not statistics."""


def too_small(count: int, minimum_cell: int) -> bool:
    """Whether a cell of `count` patients may not leave: some, but fewer than `minimum_cell`."""
    return 0 < count < minimum_cell


def result_violations(result: Result, minimum_cell: int) -> list[str]:
    """What in a result tells about too few patients, in words; empty if nothing does.

    Of an earlier result only the path is known here, so of a pair's two complements this result's own is
    judged.
    """
    counts = {m.key: m.count for m in result.metrics if not isinstance(m, ReportedMetric)}
    paired = (
        _Cell(f"metric '{pair.key}' against '{against.result.path}'", name, count)
        for against in result.against
        for pair in against.metrics
        for name, count in (
            ("count", pair.count),
            ("count without the common patients", counts.get(pair.key, 0) - pair.count),
        )
        if too_small(count, minimum_cell)
    )
    found = [*_too_small(result.metrics, minimum_cell), *paired]
    return [cell.says(minimum_cell) for cell in found]


def violations(metrics: Sequence[Metric], minimum_cell: int) -> list[str]:
    """What in the metrics of one result tells about too few patients, in words; empty if nothing does."""
    return [cell.says(minimum_cell) for cell in _too_small(metrics, minimum_cell)]


def unsafe_groups(metrics: Sequence[Metric], minimum_cell: int) -> frozenset[str]:
    """The group columns that have a cell below the minimum in any metric.

    Such a column may only leave whole or not at all: one group left out follows from n and the others.
    """
    return frozenset(cell.column for cell in _too_small(metrics, minimum_cell) if cell.column is not None)


def statistics_violations(statistics: Mapping[str, Any], minimum_cell: int, prefix: str = "") -> list[str]:
    """What in a dataset's published counts or statistics tells about too few patients, in words.

    Refused are whole numbers from 1 up to below `minimum_cell` wherever they stand (what a whole number
    counts is not known here; a quantity that is no count is written as a float), and more than 256 values
    in one list or one mapping, as cases would be. Keys are named dotted, below `prefix`.
    """
    return list(_in_statistics(statistics, minimum_cell, prefix))


@dataclass(frozen=True, slots=True)
class _Cell:
    """A count of patients that stands in a result or follows from it; `column` is that of a group."""

    where: str
    name: str
    count: int
    column: str | None = None

    def says(self, minimum_cell: int) -> str:
        return f"{self.where}: cell '{self.name}' holds fewer than {minimum_cell} patients"


def _too_small(metrics: Sequence[Metric], minimum_cell: int) -> list[_Cell]:
    own = [cell for metric in metrics for cell in _cells(metric)]
    return [
        *(cell for cell in own if too_small(cell.count, minimum_cell)),
        *_told_apart(metrics, minimum_cell),
    ]


def _cells(metric: Metric) -> Iterator[_Cell]:
    """The cells of one metric, complements included; a reported metric has none that we know of."""
    if isinstance(metric, ReportedMetric):
        return
    where = f"metric '{metric.key}'"
    for (column, name), count in _totals(metric).items():
        yield _Cell(where, name, count, column)
    if isinstance(metric, RatioMetric):
        yield _Cell(where, "support", metric.support)
        yield _Cell(where, "count - support", metric.count - metric.support)
        return
    for column in dict.fromkeys(group.column for group in metric.groups):
        rest = metric.count - sum(group.count for group in metric.groups if group.column == column)
        yield _Cell(where, f"count - groups of {column}", rest, column)


def _totals(metric: MeanMetric | RatioMetric) -> dict[tuple[str | None, str], int]:
    """Counts that mean the same in every metric, by group column and name: n, and the n of each group."""
    totals: dict[tuple[str | None, str], int] = {(None, "count"): metric.count}
    if isinstance(metric, MeanMetric):
        totals.update({(g.column, f"count of {g.column} = {g.value}"): g.count for g in metric.groups})
    return totals


def _told_apart(metrics: Sequence[Metric], minimum_cell: int) -> Iterator[_Cell]:
    """Few patients to whom one metric applies and another does not: the difference of two totals.

    Patients whose values are missing blur that difference; up to `missing` of them may hide in either
    total. It is a cell only if it is too small whatever the missing ones are.
    """
    counted = [(metric, _totals(metric)) for metric in metrics if not isinstance(metric, ReportedMetric)]
    for (one, ours), (other, theirs) in combinations(counted, 2):
        for column, name in [total for total in ours if total in theirs]:
            apart = ours[column, name] - theirs[column, name]
            ends = (apart - other.missing, apart + one.missing)
            if all(too_small(end, minimum_cell) for end in ends) or all(
                too_small(-end, minimum_cell) for end in ends
            ):
                where = f"metrics '{one.key}' and '{other.key}'"
                yield _Cell(where, f"difference of {name}", abs(apart), column)


def _in_statistics(value: Any, minimum_cell: int, key: str) -> Iterator[str]:
    if isinstance(value, bool):
        return
    if isinstance(value, int) and too_small(value, minimum_cell):
        yield f"'{shown(key)}' may count fewer than {minimum_cell} patients"
    if not isinstance(value, Mapping | list | tuple):
        return
    if _side_by_side(value) > MAX_SIDE_BY_SIDE:
        yield f"'{shown(key) or 'statistics'}' holds more than {MAX_SIDE_BY_SIDE} values, as cases would"
    items = value.items() if isinstance(value, Mapping) else enumerate(value)
    for name, item in items:
        yield from _in_statistics(item, minimum_cell, f"{key}.{name}" if key else str(name))


def _side_by_side(value: Mapping[str, Any] | Sequence[Any]) -> int:
    """How many entries a mapping has, or how many values stand anywhere in a list."""
    return len(value) if isinstance(value, Mapping) else sum(map(_leaves, value))


def _leaves(value: Any) -> int:
    if isinstance(value, Mapping):
        return sum(map(_leaves, value.values()))
    return sum(map(_leaves, value)) if isinstance(value, list | tuple) else 1
