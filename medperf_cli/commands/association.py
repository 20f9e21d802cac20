"""`medperf association`: see and decide who takes part in a benchmark."""

from __future__ import annotations

from typing import Annotated

import typer

from medperf_cli.commands import console
from medperf_cli.commands.browse import add_browsing
from medperf_cli.commands.ending import Reason
from medperf_cli.core.names import Kind

app = typer.Typer(
    help="See and decide who takes part in a benchmark.", no_args_is_help=True, rich_markup_mode=None
)
add_browsing(app, Kind.ASSOCIATION)

Benchmark = Annotated[str, typer.Option("--benchmark", "-b", "--benchmark_uid", help="The benchmark.")]
Dataset = Annotated[str | None, typer.Option("--dataset", "-d", "--data_uid", help="Its dataset.")]
Model = Annotated[str | None, typer.Option("--model", "-m", "--model_uid", help="Its model.")]


@app.command()
def approve(
    benchmark: Benchmark,
    dataset: Dataset = None,
    model: Model = None,
    reason: Annotated[str, typer.Option(help="Why; it is public for ever.")] = "approved",
    yes: console.Yes = False,
    dry_run: console.DryRun = False,
) -> None:
    """Sign your approval of a dataset or model; the last one needed admits it."""
    from medperf_cli.flows.submitting.association import approve_association

    deps = console.deps(yes=yes, dry_run=dry_run)
    console.tell(approve_association(deps, benchmark, dataset=dataset, model=model, reason=reason))


@app.command()
def reject(
    benchmark: Benchmark,
    reason: Reason,
    dataset: Dataset = None,
    model: Model = None,
    yes: console.Yes = False,
    dry_run: console.DryRun = False,
) -> None:
    """Close the request of a dataset or model, with a reason; anybody may ask anew."""
    from medperf_cli.flows.submitting.association import reject_association

    deps = console.deps(yes=yes, dry_run=dry_run)
    console.tell(reject_association(deps, benchmark, dataset=dataset, model=model, reason=reason))


@app.command()
def withdraw(
    benchmark: Benchmark,
    reason: Reason,
    dataset: Dataset = None,
    model: Model = None,
    yes: console.Yes = False,
    dry_run: console.DryRun = False,
) -> None:
    """Take your dataset or model out of a benchmark; its results stay in history."""
    from medperf_cli.flows.submitting.end import withdraw_association

    deps = console.deps(yes=yes, dry_run=dry_run)
    console.tell(withdraw_association(deps, benchmark, dataset=dataset, model=model, reason=reason))


@app.command()
def revoke(
    benchmark: Benchmark,
    reason: Reason,
    dataset: Dataset = None,
    model: Model = None,
    yes: console.Yes = False,
    dry_run: console.DryRun = False,
) -> None:
    """Vote to end an association in force; the last vote needed of the committee ends it."""
    from medperf_cli.flows.submitting.end import revoke_association

    deps = console.deps(yes=yes, dry_run=dry_run)
    console.tell(revoke_association(deps, benchmark, dataset=dataset, model=model, reason=reason))


@app.command("set_priority")
def set_priority(
    benchmark: Benchmark,
    model: Annotated[str, typer.Option("--model", "-m", "--model_uid", help="A model that takes part.")],
    priority: Annotated[int, typer.Option("--priority", "-p", help="-1000 to 1000; higher runs earlier.")],
    yes: console.Yes = False,
    dry_run: console.DryRun = False,
) -> None:
    """Say how early data owners should run a model, in a benchmark of yours."""
    from medperf_cli.flows.submitting.change_benchmark import set_priority as run

    console.tell(run(console.deps(yes=yes, dry_run=dry_run), benchmark, model, priority))
