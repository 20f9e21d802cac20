"""A board as text for the terminal: one row a model and site, the numbers beside their standard errors."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from medperf_cli.core.board import comparisons, summary
from medperf_cli.core.figures import figure
from medperf_cli.render.table import table

if TYPE_CHECKING:
    from medperf_cli.core.board import Board, Line, Metric
    from medperf_cli.core.scores import Cell, Value

_NOTES = "(number): standard error, not a confidence interval. <50: fewer than 50, too few to trust it.\n"


def board_text(board: Board) -> str:
    """The board: what it says, the numbers, differences on the same patients, and how to read them."""
    columns = ["model", "site", "n", "failed_cases", *(m.name for m in board.metrics)]
    parts = [f"{board.benchmark}\n\n{summary(board)}\n\n", table(list(_rows(board)), columns), _NOTES]
    differences = list(_differences(board))
    if differences:
        named = ["model", "minus", "site", "metric", "n", "difference"]
        parts += ["\nDifferences on the same patients\n", table(differences, named)]
    return "".join(parts)


def as_data(board: Board) -> dict[str, Any]:
    """The board as plain data, with its summary and comparisons."""
    found = [dataclasses.asdict(c) for c in comparisons(board)]
    return {**dataclasses.asdict(board), "summary": summary(board), "comparisons": found}


def _rows(board: Board) -> Iterator[dict[str, Any]]:
    for line in board.lines:
        name = f"{line.model} (reference)" if line.reference else line.model
        if line.pooled and line.pooled.sites > 1:
            pooled = figure(line.pooled.value, board.primary.decimals)
            where = f"{line.pooled.sites} sites, by {board.weighting}"
            yield {"model": name, "site": where, "n": line.pooled.count, board.primary.name: pooled}
        for site in board.sites:
            yield {"model": name, **_row(board, line, site)}


def _row(board: Board, line: Line, site: str) -> dict[str, Any]:
    cell = line.cells.get(site)
    if cell is None:
        return {"site": site, "n": "not run"}
    figures = {m.name: _figure(cell, m) for m in board.metrics}
    partial = {"failed_cases": f"{cell.failed_cases} (partial)"} if cell.partial else {}
    return {"site": site, "n": _count(cell), "failed_cases": str(cell.failed_cases), **partial, **figures}


def _figure(cell: Cell, metric: Metric) -> str | None:
    found = cell.values.get(metric.key)
    if found is None:
        return None
    error = "" if found.error is None else f" ({figure(found.error, metric.decimals)})"
    return f"{figure(found.value, metric.decimals)}{error}{_few(found)}"


def _few(value: Value) -> str:
    return " <50" if value.few else ""


def _count(cell: Cell) -> str | None:
    counts = sorted({v.count for v in cell.values.values() if v.count is not None})
    return None if not counts else str(counts[0]) if len(counts) == 1 else f"{counts[0]}-{counts[-1]}"


def _differences(board: Board) -> Iterator[dict[str, Any]]:
    for found in comparisons(board):
        d, places = found.difference, found.metric.decimals
        error = "" if d.error is None else f" ({figure(d.error, places)})"
        yield {
            "model": found.model,
            "minus": d.other,
            "site": found.site,
            "metric": found.metric.name,
            "n": d.count,
            "difference": f"{figure(d.difference, places, signed=True)}{error}",
        }
