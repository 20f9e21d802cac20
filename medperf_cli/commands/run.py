"""`medperf run`: one model of a benchmark on one dataset of yours."""

from __future__ import annotations

from typing import Annotated

import typer

from medperf_cli.commands import console, running

app = typer.Typer(rich_markup_mode=None)


@app.command()
def run(
    benchmark: running.Benchmark,
    dataset: running.Dataset,
    model: Annotated[str, typer.Option("--model", "-m", "--model_uid", help="A model that takes part.")],
    no_cache: running.NoCache = False,
    json: console.Json = False,
) -> None:
    """Run one model of a benchmark on your data, here; nothing leaves. Run it again to resume.

    `medperf benchmark run` runs all of them. Example: medperf run -b breast-cancer -d aspirates -m forest
    """
    running.run_and_show(benchmark, dataset, [model], no_cache=no_cache, json=json)
