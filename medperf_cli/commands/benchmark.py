"""`medperf benchmark`: define benchmarks and run them on your data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from medperf_cli.commands import console, running
from medperf_cli.commands.browse import add_browsing
from medperf_cli.commands.ending import add_ending
from medperf_cli.core.names import Kind

app = typer.Typer(
    help="Define benchmarks and run them on your data.", no_args_is_help=True, rich_markup_mode=None
)
add_browsing(app, Kind.BENCHMARK)
add_ending(app, Kind.BENCHMARK, "admins")

Mode = Literal["never", "always", "allow-list"]
Preparator = Annotated[
    str, typer.Option("--data-preparator", "--data_preparation_container", "-p", help="Cube id.")
]
Reference = Annotated[
    str, typer.Option("--reference-model", "--reference_model_container", "-m", help="Cube id.")
]
Metrics = Annotated[str, typer.Option("--metrics", "--evaluator_container", "-e", help="Cube id.")]


@app.command()
def submit(
    name: Annotated[str, typer.Argument(help="The benchmark's name; your member name is put before it.")],
    config: Annotated[Path, typer.Option(help="YAML with texts, metrics, ranking, disclosure, release.")],
    demo_dataset: Annotated[Path, typer.Option("--demo-dataset", help="The demo dataset (.tar.gz).")],
    data_preparator: Preparator,
    reference_model: Reference,
    metrics: Metrics,
    committee: Annotated[list[str], typer.Option(help="A member of the committee; once for each.")],
    threshold: Annotated[int, typer.Option(help="How many of the committee decide together.")] = 1,
    datasets: Annotated[Mode, typer.Option(help="Which datasets take part without a decision.")] = "never",
    models: Annotated[Mode, typer.Option(help="Which models take part without a decision.")] = "never",
    allow_dataset: Annotated[
        list[str] | None, typer.Option(help="Member on the datasets' allow-list.")
    ] = None,
    allow_model: Annotated[list[str] | None, typer.Option(help="Member on the models' allow-list.")] = None,
    demo_url: Annotated[list[str] | None, typer.Option(help="Where others find the demo dataset.")] = None,
    share: Annotated[Path | None, typer.Option(help="Also copy the demo dataset into this folder.")] = None,
    operational: Annotated[bool, typer.Option("--operational", help="In operation at once.")] = False,
    yes: console.Yes = False,
    dry_run: console.DryRun = False,
) -> None:
    """Test the reference model on the demo dataset, then ask the admins to admit the benchmark."""
    from medperf_cli.flows.submitting.submit_benchmark import submit_benchmark
    from medperf_cli.flows.submitting.write_benchmark import BenchmarkFiles, Roles, admission

    files = BenchmarkFiles(config, demo_dataset, tuple(demo_url or ()))
    roles = Roles(
        data_preparator=data_preparator,
        reference_model=reference_model,
        metrics=metrics,
        committee=tuple(committee),
        threshold=threshold,
        datasets=admission(datasets, allow_dataset or ()),
        models=admission(models, allow_model or ()),
    )
    deps = console.deps(yes=yes, dry_run=dry_run)
    console.tell(submit_benchmark(deps, name, files, roles, share=share, operational=operational))


Admit = Literal["never", "always", "allow-list", "allowlist"]


DatasetMode = Annotated[
    Admit | None,
    typer.Option(
        "--dataset_auto_approve_mode",
        case_sensitive=False,
        help="Which datasets take part without a decision.",
    ),
]
ModelMode = Annotated[
    Admit | None,
    typer.Option(
        "--model_auto_approve_mode", case_sensitive=False, help="Which models take part without a decision."
    ),
]
DatasetFile = Annotated[
    Path | None, typer.Option("--dataset_auto_approve_file", help="The members allowed, one a line.")
]
ModelFile = Annotated[
    Path | None, typer.Option("--model_auto_approve_file", help="The members allowed, one a line.")
]


@app.command("update_associations_policy")
def update_associations_policy(
    benchmark: Annotated[str, typer.Option("--benchmark", "-b", "--benchmark_uid", help="Your benchmark.")],
    dataset_mode: DatasetMode = None,
    dataset_file: DatasetFile = None,
    model_mode: ModelMode = None,
    model_file: ModelFile = None,
    allow_dataset: Annotated[
        list[str] | None, typer.Option(help="Member on the datasets' allow-list; repeat.")
    ] = None,
    allow_model: Annotated[
        list[str] | None, typer.Option(help="Member on the models' allow-list; repeat.")
    ] = None,
    yes: console.Yes = False,
    dry_run: console.DryRun = False,
) -> None:
    """Ask the committee to change who is admitted without a decision; what was decided stays.

    Example: medperf benchmark update_associations_policy -b breast-cancer
    --dataset_auto_approve_mode allow-list --allow-dataset st-mary
    """
    from medperf_cli.flows.submitting.change_benchmark import allowed_members, update_policy

    changes = {
        "datasets": (_mode(dataset_mode), allowed_members(dataset_file, allow_dataset)),
        "models": (_mode(model_mode), allowed_members(model_file, allow_model)),
    }
    console.tell(update_policy(console.deps(yes=yes, dry_run=dry_run), benchmark, changes))


def _mode(given: str | None) -> str | None:
    """MedPerf writes `allowlist`."""
    return "allow-list" if given == "allowlist" else given


@app.command("set_operational")
def set_operational(
    benchmark: Annotated[str, typer.Argument(help="A benchmark's id, or any unique part of it.")],
    yes: console.Yes = False,
    dry_run: console.DryRun = False,
) -> None:
    """Freeze cubes, metrics and rules, so that datasets and models may take part; admins decide."""
    from medperf_cli.flows.submitting.submit_cube import set_operational as run

    console.tell(run(console.deps(yes=yes, dry_run=dry_run), Kind.BENCHMARK, benchmark))


@app.command()
def run(
    benchmark: running.Benchmark,
    dataset: running.Dataset,
    model: Annotated[
        list[str] | None, typer.Option("--model", "-m", "--model_uid", help="Only this model; repeat.")
    ] = None,
    models_from_file: Annotated[
        Path | None, typer.Option("--models-from-file", "-f", help="Only the models whose ids stand in it.")
    ] = None,
    no_cache: running.NoCache = False,
    json: console.Json = False,
) -> None:
    """Run every associated model on your data, here; nothing leaves. Run it again to resume.

    A model that fails does not stop the others: the summary names it, its log's end and its folder.
    """
    from medperf_cli.flows.running.run import models_in

    models = [*(model or ()), *(models_in(models_from_file) if models_from_file else ())]
    running.run_and_show(benchmark, dataset, models, no_cache=no_cache, json=json)


@app.command()
def board(
    benchmark: Annotated[str, typer.Argument(help="A benchmark's id, or any unique part of it.")],
    json: console.Json = False,
) -> None:
    """Show the leaderboard: per-site numbers of every result in force."""
    from medperf_cli.flows.reading.benchmark_board import benchmark_board
    from medperf_cli.render.board import as_data, board_text
    from medperf_cli.render.table import as_json

    found = benchmark_board(console.deps(), benchmark)
    console.write(as_json(as_data(found)) if json else board_text(found))
