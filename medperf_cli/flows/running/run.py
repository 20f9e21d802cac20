"""`benchmark run` from names: resolve them in the verified index, then run the cells; works offline."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from medperf_cli.adapters.executor.base import Observer
from medperf_cli.core.names import Kind
from medperf_cli.errors import ConfigurationError, UsageError
from medperf_cli.flows.deps import Deps
from medperf_cli.flows.reading.verified_index import reading
from medperf_cli.flows.running.benchmark_run import RunSummary, run_benchmark
from medperf_cli.flows.running.workbench import open_workbench

_MAX_LIST = 1 << 20


def run_models(
    deps: Deps,
    benchmark: str,
    dataset: str,
    models: Sequence[str] | None,
    *,
    no_cache: bool,
    observer: Observer | None = None,
) -> RunSummary:
    """Run the models of a benchmark on my dataset (raises as `run_benchmark`)."""
    with reading(deps.settings, at_work=True) as (index, _), open_workbench(deps) as workbench:
        return run_benchmark(
            workbench,
            index,
            index.resolve(Kind.BENCHMARK, benchmark),
            index.resolve(Kind.DATASET, dataset),
            models or None,
            no_cache=no_cache,
            observer=observer,
        )


def models_in(file: Path) -> list[str]:
    """Ids of models from a file: between commas, spaces or lines; what follows `#` is a remark.

    Raises:
        ConfigurationError: it cannot be read.
        UsageError: it names none.

    """
    try:
        with file.open("rb") as opened:
            text = opened.read(_MAX_LIST).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"list of models '{file}' cannot be read: {error}", hint="name a text file with ids of models"
        ) from None
    found = re.sub(r"#.*", "", text).replace(",", " ").split()
    if not found:
        raise UsageError(f"'{file}' names no model", hint="write one id of a model on each line")
    return found
