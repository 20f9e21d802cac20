"""`medperf test`: try cubes before you submit them, and see what earlier tests gave."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from medperf_cli.commands import console, running
from medperf_cli.commands.browse import show

app = typer.Typer(
    help="Try cubes on a demo dataset or your data before you submit them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

OTHER = "by id, or the folder of one that is not submitted yet."
Benchmark = Annotated[
    str | None,
    typer.Option("--benchmark", "-b", "--benchmark_uid", help="Test with its cubes and demo dataset."),
]
Model = Annotated[str | None, typer.Option("--model", "-m", "--model_uid", help=f"Another model, {OTHER}")]
Preparator = Annotated[
    str | None,
    typer.Option("--data_preparator", "-p", "--data_preparation", help=f"Another preparator, {OTHER}"),
]
Evaluator = Annotated[
    str | None, typer.Option("--evaluator", "-e", "--metrics", help=f"Another metrics cube, {OTHER}")
]
Dataset = Annotated[
    str | None, typer.Option("--dataset", "-d", "--data_uid", help="Test on your prepared dataset.")
]
Demo = Annotated[Path | None, typer.Option("--demo_dataset", help="Test on this demo dataset (.tar.gz).")]
Data = Annotated[Path | None, typer.Option("--data_path", help="Test on the raw data in this folder.")]
Labels = Annotated[Path | None, typer.Option("--labels_path", help="The labels of these data.")]
Config = Annotated[
    Path | None, typer.Option("--config", help="A benchmark's YAML: see that its metrics come out.")
]
AsPrepared = Annotated[
    bool, typer.Option("--skip-demo-data-preparation", help="The data are prepared already.")
]


@app.command()
def run(
    benchmark: Benchmark = None,
    model: Model = None,
    preparator: Preparator = None,
    evaluator: Evaluator = None,
    dataset: Dataset = None,
    demo_dataset: Demo = None,
    data: Data = None,
    labels: Labels = None,
    config: Config = None,
    as_prepared: AsPrepared = False,
    no_cache: running.NoCache = False,
    json: console.Json = False,
) -> None:
    """Prepare, infer, evaluate and look at the metrics, here; nothing is sent.

    With -b only what differs is named; without it all three cubes and the data. What passed is kept for
    `associate` and `submit`. Example: medperf test run -b breast-cancer -m ./my-model
    """
    from medperf_cli.flows.submitting.trial import Trial

    cubes = (benchmark, preparator, model, evaluator)
    trial = Trial(*cubes, dataset, demo_dataset, data, labels, config, as_prepared)
    running.try_and_show(trial, no_cache=no_cache, json=json)


@app.command()
def ls(json: console.Json = False) -> None:
    """List the tests at this site, the newest last; also those of `associate` and `benchmark submit`."""
    from medperf_cli.flows.running.tests_kept import all_kept
    from medperf_cli.render.test import COLUMNS

    show(all_kept(console.deps().settings), json=json, columns=COLUMNS)


@app.command()
def view(
    uid: Annotated[str, typer.Argument(help="A test's uid, or its beginning.")], json: console.Json = False
) -> None:
    """Show one test: cubes, data, metrics, when, where its logs are; and why it failed."""
    from medperf_cli.flows.running.tests_kept import one_kept
    from medperf_cli.render.table import as_json
    from medperf_cli.render.test import record_text

    record = one_kept(console.deps().settings, uid)
    console.write(as_json(record) if json else record_text(record))
