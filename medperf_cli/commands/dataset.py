"""`medperf dataset`: register, prepare and associate your data; it never leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from medperf_cli.commands import console
from medperf_cli.commands.browse import add_browsing
from medperf_cli.commands.ending import add_ending
from medperf_cli.core.names import Kind

app = typer.Typer(
    help="Register, prepare and associate your data; it never leaves.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
add_browsing(app, Kind.DATASET)
add_ending(app, Kind.DATASET, "admins")
Dataset = Annotated[str, typer.Option("--dataset", "-d", "--data_uid", help="Your dataset's id, or a part.")]


@app.command()
def submit(
    name: Annotated[str, typer.Argument(help="The dataset's name; your member name is put before it.")],
    benchmark: Annotated[str, typer.Option("--benchmark", "-b", help="The benchmark it is prepared for.")],
    data: Annotated[Path, typer.Option("--data_path", "-d", help="Folder with the raw data.")],
    labels: Annotated[Path, typer.Option("--labels_path", "-l", help="Folder with the labels.")],
    description: Annotated[str, typer.Option(help="What the data are; public for ever.")],
    location: Annotated[str, typer.Option(help="Where they are, for people.")],
    ethics_approval: Annotated[str, typer.Option("--ethics-approval", help="Reference of the approval.")],
    metadata: Annotated[Path | None, typer.Option("--metadata_path", help="Folder with metadata.")] = None,
    as_prepared: Annotated[
        bool, typer.Option("--submit-as-prepared", help="The folders hold prepared data already.")
    ] = False,
    yes: console.Yes = False,
    dry_run: console.DryRun = False,
) -> None:
    """Register a dataset: its description is published, its paths stay on this machine."""
    from medperf_cli.flows.running.dataset_folder import Source
    from medperf_cli.flows.submitting.datasets import NewDataset, submit_dataset

    source = Source(data, labels, metadata, as_prepared)
    new = NewDataset(name, benchmark, source, description, location, ethics_approval)
    console.tell(submit_dataset(console.deps(yes=yes, dry_run=dry_run), new))


@app.command()
def prepare(
    dataset: Dataset,
    again: Annotated[bool, typer.Option("--again", help="Begin anew; finished work is set aside.")] = False,
    rehash: Annotated[bool, typer.Option("--rehash", help="Read every prepared file again.")] = False,
) -> None:
    """Run the benchmark's data-preparator here; interrupted work goes on where it stopped."""
    from medperf_cli.flows.submitting.datasets import prepare as run

    done = run(console.deps(), dataset, again=again, rehash=rehash)
    console.note(", ".join(f"{count} {what}" for what, count in done.counts.items()) + " prepared")
    console.write(done.hash)


@app.command("set_operational")
def set_operational(
    dataset: Dataset,
    without: Annotated[
        list[str] | None, typer.Option(help="A statistic to leave out, as a.b; repeat.")
    ] = None,
    yes: console.Yes = False,
    dry_run: console.DryRun = False,
) -> None:
    """Publish salted hash, counts and statistics of your prepared data, and freeze them."""
    from medperf_cli.flows.submitting.datasets import set_operational as run

    console.tell(run(console.deps(yes=yes, dry_run=dry_run), dataset, without=tuple(without or ())))


@app.command()
def associate(
    dataset: Dataset,
    benchmark: Annotated[str, typer.Option("--benchmark", "-b", "--benchmark_uid", help="The benchmark.")],
    message: Annotated[str | None, typer.Option(help="A word to the committee.")] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Test again.")] = False,
    yes: console.Yes = False,
    dry_run: console.DryRun = False,
) -> None:
    """Run the reference model on your data here, then ask the committee to admit the dataset."""
    from medperf_cli.flows.submitting.associate import associate_dataset

    deps = console.deps(yes=yes, dry_run=dry_run)
    console.tell(associate_dataset(deps, benchmark, dataset, message=message, no_cache=no_cache))
