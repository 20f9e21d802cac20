"""`benchmark run` from names: resolve them in the verified index, then run the cells; works offline."""

from __future__ import annotations

from collections.abc import Sequence

from medperf_cli.core.names import Kind
from medperf_cli.flows.deps import Deps
from medperf_cli.flows.reading.registry import reading
from medperf_cli.flows.running.benchmark_run import RunSummary, run_benchmark
from medperf_cli.flows.running.workbench import open_workbench


def run_models(
    deps: Deps, benchmark: str, dataset: str, models: Sequence[str] | None, *, no_cache: bool
) -> RunSummary:
    """Run the models of a benchmark on my dataset (raises as `run_benchmark`)."""
    with reading(deps.settings) as (index, _), open_workbench(deps) as workbench:
        wanted = None if not models else [index.resolve(Kind.CUBE, model) for model in models]
        return run_benchmark(
            workbench,
            index,
            index.resolve(Kind.BENCHMARK, benchmark),
            index.resolve(Kind.DATASET, dataset),
            wanted,
            no_cache=no_cache,
        )
