"""Results as figures for pages: a model's on all sites, a dataset's of all models, with a small picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from medperf_cli.core.figures import decimals
from medperf_cli.core.names import Kind, parse_path
from medperf_cli.core.scores import Cell, cell
from site_generator.plot import Dot, Plot, dot_plot
from site_generator.records import Entity, Records, result_ids

_CELLS = 300
"""Values that one page shows of a benchmark; the rest stands in the list of its results."""


@dataclass(frozen=True)
class ShownMetric:
    """A metric as a column: its definition, and how many decimals its standard errors support."""

    definition: Mapping[str, Any]
    decimals: int


@dataclass(frozen=True)
class Score:
    """One result in force: its file, its figures, and the model or dataset that the row is named after."""

    entity: Entity
    cell: Cell
    other: str


@dataclass(frozen=True)
class Scores:
    """The results in force of one benchmark, a row each; `hidden` more are not shown."""

    benchmark: Entity
    metrics: tuple[ShownMetric, ...]
    rows: tuple[Score, ...]
    hidden: int
    plot: Plot | None


def scores(records: Records, results: Iterable[Entity], other: Literal["model", "dataset"]) -> list[Scores]:
    """Results in force by benchmark, the rows named after the model or the dataset."""
    place = ("benchmark", "model", "dataset").index(other)
    found: dict[str, list[Score]] = {}
    for result in results:
        if result["in_force"]:
            ids = result_ids(result)
            score = Score(result, cell(parse_path(result["path"]), result["document"]), ids[place])
            found.setdefault(ids[0], []).append(score)
    made = ((records.shown(Kind.BENCHMARK, name), rows) for name, rows in sorted(found.items()))
    return [_scores(benchmark, rows) for benchmark, rows in made if benchmark is not None]


def _scores(benchmark: Entity, rows: list[Score]) -> Scores:
    rows.sort(key=lambda r: r.other)
    metrics = shown_metrics(benchmark["document"]["metrics"], [r.cell for r in rows])
    primary = metrics[0]
    key = primary.definition["key"]
    shown = rows[: max(1, _CELLS // len(metrics))]
    values = ((r.other, r.cell.values.get(key)) for r in shown)
    dots = [Dot("", label, value) for label, value in values if value is not None]
    plot = dot_plot(dots, primary.definition, primary.decimals)
    return Scores(benchmark, metrics, tuple(shown), len(rows) - len(shown), plot)


def shown_metrics(definitions: Iterable[Mapping[str, Any]], cells: Sequence[Cell]) -> tuple[ShownMetric, ...]:
    """The metrics, the primary one first, with the decimals that their smallest standard errors support."""
    found = []
    for definition in definitions:
        values = [c.values[definition["key"]] for c in cells if definition["key"] in c.values]
        found.append(
            ShownMetric(definition, decimals(min((v.error for v in values if v.error), default=None)))
        )
    return tuple(sorted(found, key=lambda m: not m.definition["primary"]))
