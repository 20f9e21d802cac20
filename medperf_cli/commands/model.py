"""`medperf model`: a model is a cube of type model."""

from __future__ import annotations

from typing import Annotated

import typer

from medperf_cli.commands import console, cube
from medperf_cli.commands.browse import add_browsing
from medperf_cli.commands.ending import add_ending
from medperf_cli.core.names import Kind

app = typer.Typer(
    help="Submit models and take part in benchmarks with them.", no_args_is_help=True, rich_markup_mode=None
)
add_browsing(app, Kind.CUBE, sort="model")
add_ending(app, Kind.CUBE, "admins", word="model")
app.command("set_operational")(cube.set_operational)


@app.command()
def submit(
    name: cube.Name,
    config: cube.Config,
    about: cube.About = None,
    archive: cube.Archive = None,
    parameters: cube.Parameters = None,
    files: cube.Files = None,
    urls: cube.Urls = None,
    share: cube.Share = None,
    operational: cube.Operational = False,
    yes: console.Yes = False,
    dry_run: console.DryRun = False,
) -> None:
    """Submit a model; `--about` holds its card: intended use, training data overlap."""
    cube.send(
        name,
        "model",
        config,
        about,
        archive,
        parameters,
        files,
        urls,
        share,
        operational=operational,
        yes=yes,
        dry_run=dry_run,
    )


@app.command()
def associate(
    benchmark: Annotated[str, typer.Option("--benchmark", "-b", "--benchmark_uid", help="The benchmark.")],
    model: Annotated[str, typer.Option("--model", "-m", "--model_uid", help="Your model.")],
    message: Annotated[str | None, typer.Option(help="A word to the committee.")] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Test again.")] = False,
    yes: console.Yes = False,
    dry_run: console.DryRun = False,
) -> None:
    """Test a model on the benchmark's demo dataset, then ask the committee to admit it."""
    from medperf_cli.flows.submitting.associate import associate_model

    deps = console.deps(yes=yes, dry_run=dry_run)
    console.tell(associate_model(deps, benchmark, model, message=message, no_cache=no_cache))
