"""The board of a benchmark: who scored what at which site, from results in force; no intervals, no ranks.

It works on entities as plain mappings (`path`, `document`, `in_force`), which is what the index and
`snapshot.json` hold; trust is a fact here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from medperf_cli.core.figures import decimals, figure
from medperf_cli.core.names import EntityPath, Kind, parse_path
from medperf_cli.core.scores import Cell, Difference, Facts, cell
from medperf_cli.errors import UnknownIdError

_NAMED = 10
"""Models that a summary names."""


@dataclass(frozen=True)
class Metric:
    """One metric as the benchmark defines it; `decimals` fits the smallest standard error on the board."""

    key: str
    name: str
    kind: str
    unit: str
    better: str
    primary: bool
    decimals: int


@dataclass(frozen=True)
class Pooled:
    """The primary metric over the sites that all ordered models completed."""

    value: float
    sites: int
    count: int | None


@dataclass(frozen=True)
class Line:
    """One model: its result at each site, and its place's estimate if it completed the common sites."""

    model: str
    reference: bool
    cells: Mapping[str, Cell]
    pooled: Pooled | None


@dataclass(frozen=True)
class Board:
    """A benchmark's results in force; `lines` are in order, those without an estimate last, by name.

    `sites` are the datasets that take part; `common` are those over which the estimates are made.
    `weighting` is how: `cases` or `sites`.
    """

    benchmark: str
    path: str
    metrics: tuple[Metric, ...]
    sites: tuple[str, ...]
    common: tuple[str, ...]
    weighting: str
    lines: tuple[Line, ...]

    @property
    def primary(self) -> Metric:
        """The metric that the order is by."""
        return next(metric for metric in self.metrics if metric.primary)


def board(entities: Iterable[Facts], benchmark: str) -> Board:
    """The board of the benchmark with that id.

    Models are the reference model and those with an association in force; sites are datasets with one.

    Raises:
        UnknownIdError: no version of it is in force.

    """
    in_force = [(parse_path(e["path"]), e["document"]) for e in entities if e["in_force"]]
    found = [(p, d) for p, d in in_force if (p.kind, p.id) == (Kind.BENCHMARK, benchmark)]
    if not found:
        raise UnknownIdError(f"no benchmark '{benchmark}' is in force")
    ((path, document),) = found
    reference = parse_path(document["cubes"]["reference_model"]["path"]).id
    models = {reference, *_associated(in_force, benchmark, "models")}
    sites = _associated(in_force, benchmark, "datasets")
    cells = _cells(in_force, benchmark, models, set(sites))
    metrics = _metrics(document["metrics"], [c for of in cells.values() for c in of.values()])
    primary = next(m for m in metrics if m.primary)
    common = _common(cells, primary.key)
    weighting = _weighting(document["ranking"]["weighting"], primary)
    lines = [
        Line(m, m == reference, cells.get(m, {}), _pooled(cells.get(m, {}), common, primary.key, weighting))
        for m in sorted(models)
    ]
    lines.sort(key=lambda line: _place(line, primary))
    return Board(benchmark, str(path), metrics, tuple(sites), common, weighting, tuple(lines))


@dataclass(frozen=True)
class Comparison:
    """A paired difference between two results that both stand on the board."""

    model: str
    site: str
    path: str
    metric: Metric
    difference: Difference


def comparisons(board: Board) -> list[Comparison]:
    """All paired differences on a board, in its order of models, sites and metrics."""
    shown = {cell.path for line in board.lines for cell in line.cells.values()}
    return [
        Comparison(line.model, site, line.cells[site].path, metric, difference)
        for line in board.lines
        for site in board.sites
        if site in line.cells
        for metric in board.metrics
        for difference in line.cells[site].differences
        if difference.key == metric.key and difference.path in shown
    ]


def _associated(in_force: Iterable[tuple[EntityPath, Facts]], benchmark: str, folder: str) -> list[str]:
    prefix = f"{benchmark}/{folder}/"
    found = (p.id.removeprefix(prefix) for p, _ in in_force if p.kind is Kind.ASSOCIATION)
    return sorted(i for i in found if i.count("/") == 1)


def _cells(
    in_force: Iterable[tuple[EntityPath, Facts]], benchmark: str, models: set[str], sites: set[str]
) -> dict[str, dict[str, Cell]]:
    """Results in force by model and dataset, of those that take part."""
    found: dict[str, dict[str, Cell]] = {}
    for path, document in in_force:
        if path.kind is not Kind.RESULT or "/".join(path.parts[:2]) != benchmark:
            continue
        model, dataset = "/".join(path.parts[2:4]), "/".join(path.parts[4:])
        if model in models and dataset in sites:
            found.setdefault(model, {})[dataset] = cell(path, document)
    return found


def _metrics(definitions: Iterable[Facts], cells: Sequence[Cell]) -> tuple[Metric, ...]:
    """The metrics, the primary one first."""
    found = []
    for d in definitions:
        errors = [c.values[d["key"]].error for c in cells if d["key"] in c.values]
        smallest = min((e for e in errors if e), default=None)
        shown = (d["key"], d["name"], d["kind"], d["unit"], d["better"], d["primary"])
        found.append(Metric(*shown, decimals(smallest)))
    return tuple(sorted(found, key=lambda m: not m.primary))


def _common(cells: Mapping[str, Mapping[str, Cell]], key: str) -> tuple[str, ...]:
    """The sites to order on: all models that are ordered completed all of them.

    Of the sets of sites that some model completed, the one with the most results of models that completed
    all of it; then the one with more models. So neither a model that ran at one site only nor a site that has
    just begun takes the others off the board.
    """
    done = {m: frozenset(s for s, c in of.items() if c.completed(key)) for m, of in cells.items()}
    best: tuple[int, int, list[str]] = (0, 0, [])
    for sites in sorted(set(done.values()), key=sorted):
        models = sum(sites <= other for other in done.values())
        if (models * len(sites), models) > best[:2]:
            best = (models * len(sites), models, sorted(sites))
    return tuple(best[2])


def _weighting(wanted: str, primary: Metric) -> str:
    """A reported number has no count, so its estimate is the mean of the sites' numbers."""
    return "sites" if primary.kind == "reported" else wanted


def _pooled(cells: Mapping[str, Cell], common: Sequence[str], key: str, weighting: str) -> Pooled | None:
    if not common or not all(site in cells and cells[site].completed(key) for site in common):
        return None
    values = [cells[site].values[key] for site in common]
    weights = [1.0 if weighting == "sites" else v.weight or 0.0 for v in values]
    total = math.fsum(weights)
    if not total:
        return None
    mean = math.fsum(w * (v.value or 0.0) for w, v in zip(weights, values, strict=True)) / total
    counts = [v.count for v in values if v.count is not None]
    return Pooled(mean, len(common), sum(counts) if len(counts) == len(values) else None)


def _place(line: Line, primary: Metric) -> tuple[bool, float, str]:
    if line.pooled is None:
        return True, 0.0, line.model
    return False, -line.pooled.value if primary.better == "higher" else line.pooled.value, line.model


def summary(board: Board) -> str:
    """What the board says, in one or two sentences, and no more than it knows."""
    named = [(line.model, line.pooled) for line in board.lines if line.pooled]
    if not named:
        return "No model has a complete result here yet."
    primary = board.primary
    shown = _enumerated([f"{model} {figure(pooled.value, primary.decimals)}" for model, pooled in named])
    count = named[0][1].count
    sites = f"{len(board.common)} {'site' if len(board.common) == 1 else 'sites'}"
    where = sites if count is None else f"{count} {_unit(board)} at {sites}"
    rest = [line.model for line in board.lines if not line.pooled]
    left = f" Incomplete, so not in the order: {_enumerated(rest)}." if rest else ""
    if len(named) == 1:
        return f"{primary.name} over {where}: {shown}. With one model there is nothing to compare yet.{left}"
    return (
        f"{primary.name} ({primary.better} is better) over {where}: {shown}.{left} "
        "This is the order by the primary metric, not a ranking: it does not say that the models differ. "
        "Intervals and rank sets come with a later version."
    )


def _enumerated(texts: Sequence[str]) -> str:
    """The first ones by name, the others by number: a sentence stays one that can be read."""
    more = f" and {len(texts) - _NAMED:,} more" if len(texts) > _NAMED else ""
    return ", ".join(texts[:_NAMED]) + more


def _unit(board: Board) -> str:
    units = {c.unit for line in board.lines for c in line.cells.values()}
    return "cases" if units != {"patient"} else "patients"
