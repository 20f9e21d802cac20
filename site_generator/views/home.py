"""The first page: what this is, how to take part, the benchmarks, what happened lately, where it stands."""

from __future__ import annotations

from medperf_cli.core.board import summary
from medperf_cli.core.names import Kind
from site_generator import addresses
from site_generator.events import events
from site_generator.records import Entity, Records
from site_generator.views.page import Page

_RECENT = 12
_BENCHMARKS = 12


def home(records: Records) -> Page:
    """The first page."""
    benchmarks = records.names(Kind.BENCHMARK)
    running = [b for b in benchmarks if b["in_force"]]
    happened = events(records.entities)
    given = {
        "benchmarks": [card(records, b) for b in running[:_BENCHMARKS]],
        "more": len(benchmarks) - min(len(running), _BENCHMARKS),
        "recent": happened[:_RECENT],
        "counts": {
            "members": _counting(records, Kind.MEMBER),
            "benchmarks": len(running),
            "models": sum(c["in_force"] for c in records.cubes(models=True)),
            "datasets": _counting(records, Kind.DATASET),
            "results": _counting(records, Kind.RESULT),
            "pending": len(records.pending),
        },
        "last": happened[0] if happened else None,
    }
    return Page(addresses.HOME, "home.html", records.registry["title"], "home", given)


def card(records: Records, benchmark: Entity) -> dict[str, object]:
    """A benchmark in short: its file, its board and what that says."""
    board = records.board(benchmark["id"])
    return {"entity": benchmark, "board": board, "summary": "" if board is None else summary(board)}


def _counting(records: Records, kind: Kind) -> int:
    return len(records.in_force(kind))
