"""A benchmark's page: what it says, the board, who takes part, how it is measured, what happened."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from medperf_cli.core.board import Board, Line, comparisons, summary
from medperf_cli.core.names import Kind
from site_generator import addresses
from site_generator.events import events
from site_generator.grids import leaves
from site_generator.plot import Dot, Plot, dot_plot
from site_generator.records import Entity, Records, newest_first
from site_generator.views.lists import ended
from site_generator.views.page import Page, sheets, titled

_HISTORY = 40
_ROWS = 30
_LINES = 50
_COLUMNS = 8
_MOST_CELLS = 120
_MOST_VALUES = 240
_MOST_DOTS = 150
_MOST_DIFFERENCES = 60
_CASE_MIX = 6


def benchmark_pages(records: Records, benchmark: Entity) -> Iterator[Page]:
    """The page of a benchmark, and the sheets on which a long board goes on."""
    board = records.board(benchmark["id"])
    address = addresses.name_page(Kind.BENCHMARK, benchmark["id"])
    document = benchmark["document"]
    for place, sheet in sheets(address, [] if board is None else board.lines, _LINES):
        lines = [_model(records, benchmark["id"], line) for line in sheet.items]
        wide = board is not None and len(board.sites) <= _COLUMNS
        given: dict[str, Any] = {"entity": benchmark, "board": board, "sheet": sheet}
        given |= {"lines": lines, "wide": wide}
        title = titled(document["title"], sheet)
        if sheet.number > 1:
            yield Page(place, "board-sheet.html", title, "benchmarks", given)
        else:
            given |= _whole(records, benchmark, board)
            yield Page(place, "benchmark.html", title, "benchmarks", given)


def _whole(records: Records, benchmark: Entity, board: Board | None) -> dict[str, Any]:
    about = records.about_benchmark(benchmark["id"])
    happened = events(about)
    gone = ended(about)
    aside = _aside(records, benchmark, board)
    pending = newest_first(e for e in about if e["standing"] == "pending")
    return {
        **({} if board is None else _board(records, board, benchmark)),
        "pending": pending[:_ROWS],
        "more_pending": max(0, len(pending) - _ROWS),
        "ended": gone[:_ROWS],
        "more_ended": max(0, len(gone) - _ROWS),
        "aside": aside[:_ROWS],
        "more_aside": max(0, len(aside) - _ROWS),
        "history": happened[:_HISTORY],
        "more_history": max(0, len(happened) - _HISTORY),
        "versions": newest_first(records.versions(Kind.BENCHMARK, benchmark["id"])),
    }


def _board(records: Records, board: Board, benchmark: Entity) -> dict[str, Any]:
    small = len(board.lines) * max(1, len(board.sites)) <= _MOST_CELLS
    found = [d for d in comparisons(board) if d.metric.primary] if small else []
    reference = next(line.model for line in board.lines if line.reference)
    direct = [d for d in found if reference in (d.model, d.difference.other)]
    others = [d for d in found if d not in direct]
    sites = [_site(records, board, site) for site in board.sites]
    return {
        "summary": summary(board),
        "small": small,
        "detailed": small and len(board.lines) * len(board.sites) * len(board.metrics) <= _MOST_VALUES,
        "plots": _plots(board, benchmark) if small else [],
        "differences": [
            ("with the reference model", direct),
            ("between the others", others[:_MOST_DIFFERENCES]),
        ],
        "sites": sites,
        "case_mix": _case_mix([site["leaves"] for site in sites]),
    }


def _model(records: Records, benchmark: str, line: Line) -> dict[str, Any]:
    cube = records.shown(Kind.CUBE, line.model)
    association = records.association(benchmark, "model", line.model)
    return {"line": line, "cube": cube, "association": association}


def _site(records: Records, board: Board, site: str) -> dict[str, Any]:
    """A dataset that takes part, with what its owner published about it."""
    association = records.association(board.benchmark, "dataset", site)
    pinned = None if association is None else records.pinned(association["document"]["subject"])
    dataset = pinned or records.shown(Kind.DATASET, site)
    prepared = {} if dataset is None else dataset["document"].get("prepared", {})
    published = leaves(prepared.get("statistics", {}), 2)
    counts = prepared.get("counts", {})
    mix = {key: value for key, value in published.items() if key not in counts}
    results = sum(site in line.cells for line in board.lines)
    shown = {"dataset": dataset, "association": association, "counts": counts}
    return {"id": site, **shown, "leaves": mix, "results": results}


def _case_mix(found: Sequence[dict[str, Any]]) -> list[str]:
    """The published keys to show side by side: those that most sites have."""
    keys = sorted({key for site in found for key in site})
    keys.sort(key=lambda key: -sum(key in site for site in found))
    return keys[:_CASE_MIX]


def _plots(board: Board, benchmark: Entity) -> list[Plot]:
    """A picture of each metric, the primary one first, as many as one page can bear."""
    definitions = {d["key"]: d for d in benchmark["document"]["metrics"]}
    made = (
        dot_plot(list(_dots(board, metric.key)), definitions[metric.key], metric.decimals)
        for metric in board.metrics
    )
    plots = [plot for plot in made if plot is not None]
    sizes = itertools.accumulate(len(plot.rows) for plot in plots)
    return [plot for plot, size in zip(plots, sizes, strict=True) if size <= _MOST_DOTS]


def _dots(board: Board, key: str) -> Iterator[Dot]:
    for line in board.lines:
        for site in board.sites:
            cell = line.cells.get(site)
            value = cell.values.get(key) if cell else None
            if value is not None:
                yield Dot(line.model, site, value)


def _aside(records: Records, benchmark: Entity, board: Board | None) -> list[Entity]:
    """Results that did not end and yet are not on the board: superseded, or of who takes no part any more."""
    shown = set() if board is None else {c.path for line in board.lines for c in line.cells.values()}
    results = records.results_of("benchmark", benchmark["id"])
    return newest_first(r for r in results if r["path"] not in shown and r["standing"] == "effective")
