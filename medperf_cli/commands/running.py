"""What the commands share that run models on a dataset: their options, the table, the summary."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from medperf_cli.commands import console
from medperf_cli.commands.talk import speak

if TYPE_CHECKING:
    from medperf_cli.flows.running.benchmark_run import RunSummary
    from medperf_cli.flows.submitting.trial import Trial

Benchmark = Annotated[str, typer.Option("--benchmark", "-b", "--benchmark_uid", help="The benchmark.")]
Dataset = Annotated[str, typer.Option("--dataset", "-d", "--data_uid", help="Your dataset.")]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Run finished ones again.")]


def run_and_show(
    benchmark: str, dataset: str, models: Sequence[str] | None, *, no_cache: bool, json: bool
) -> None:
    """Run models, show them while they run, then MedPerf's summary; raises what the run ends with."""
    from medperf_cli.commands.live import watching
    from medperf_cli.flows.running.run import run_models

    with watching(console.deps()) as (deps, observer):
        summary = run_models(deps, benchmark, dataset, models, no_cache=no_cache, observer=observer)
    _show(summary, json=json)
    if summary.failure:
        raise summary.failure


def _show(summary: RunSummary, *, json: bool) -> None:
    from medperf_cli.commands.browse import show
    from medperf_cli.render.run import COLUMNS, brief, failures, rows

    found = rows(summary)
    show(found if json else brief(found), json=json, columns=COLUMNS)
    sys.stdout.flush()
    speak(failures(summary))


def try_and_show(trial: Trial, *, no_cache: bool, json: bool) -> None:
    """Test cubes, show them while they run, then what came out; raises what the test ends with."""
    from medperf_cli.commands.live import watching
    from medperf_cli.flows.submitting.try_cubes import try_cubes
    from medperf_cli.render.table import as_json
    from medperf_cli.render.test import record_text

    with watching(console.deps()) as (deps, observer):
        record = try_cubes(deps, trial, no_cache=no_cache, observer=observer)
    console.write(as_json(record) if json else record_text(record))
