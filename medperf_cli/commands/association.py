"""`medperf association`: see and decide who takes part in a benchmark."""

from __future__ import annotations

from typing import Annotated

import typer

from medperf_cli.commands import console
from medperf_cli.commands.browse import add_browsing
from medperf_cli.core.names import Kind

app = typer.Typer(
    help="See and decide who takes part in a benchmark.", no_args_is_help=True, rich_markup_mode=None
)
add_browsing(app, Kind.ASSOCIATION)


@app.command()
def approve(
    benchmark: Annotated[str, typer.Option("--benchmark", "-b", "--benchmark_uid", help="The benchmark.")],
    dataset: Annotated[str | None, typer.Option("--dataset", "-d", "--data_uid", help="Its dataset.")] = None,
    model: Annotated[str | None, typer.Option("--model", "-m", "--model_uid", help="Its model.")] = None,
    reason: Annotated[str, typer.Option(help="Why; it is public for ever.")] = "approved",
    yes: console.Yes = False,
    dry_run: console.DryRun = False,
) -> None:
    """Sign your approval of a dataset or model; the last one needed admits it."""
    from medperf_cli.flows.submitting.association import approve_association

    deps = console.deps(yes=yes, dry_run=dry_run)
    console.tell(approve_association(deps, benchmark, dataset=dataset, model=model, reason=reason))
