"""The board of a benchmark from the verified index; reads neither git nor pydantic models."""

from __future__ import annotations

import dataclasses

from medperf_cli.adapters.store.index_rows import Filter
from medperf_cli.core.board import Board, board
from medperf_cli.core.names import Kind
from medperf_cli.flows.deps import Deps
from medperf_cli.flows.reading.verified_index import reading


def benchmark_board(deps: Deps, benchmark: str) -> Board:
    """The board of the benchmark that `benchmark` (an id or a unique part of one) means.

    Raises:
        ConfigurationError: no registry is in use, or it was never synced.
        UnknownIdError: nothing or more than one thing fits, or no version of it is in force.

    """
    with reading(deps.settings) as (index, _):
        found = index.resolve(Kind.BENCHMARK, benchmark)
        kinds = (Kind.BENCHMARK, Kind.ASSOCIATION, Kind.RESULT)
        rows = [row for kind in kinds for row in index.entities(kind, Filter(benchmark=found))]
    return board([dataclasses.asdict(row) for row in rows], found)
