"""`medperf result`: see, check and submit results."""

from __future__ import annotations

from typing import Annotated

import typer

from medperf_cli.commands import console
from medperf_cli.commands.browse import add_browsing, show
from medperf_cli.commands.ending import add_ending
from medperf_cli.commands.run import run as run_one
from medperf_cli.core.names import Kind

app = typer.Typer(help="See, check and submit results.", no_args_is_help=True, rich_markup_mode=None)
add_browsing(app, Kind.RESULT)
add_ending(app, Kind.RESULT, "committee")
app.command("create")(run_one)


@app.command("show_local_results")
def show_local_results(json: console.Json = False) -> None:
    """List what was run at this site, submitted or not."""
    from medperf_cli.flows.submitting.submit_result import shown_results

    columns = ("uid", "model", "dataset", "state", "when", "submitted_as")
    show(shown_results(console.deps()), json=json, columns=columns)


@app.command("view_local")
def view_local(uid: Annotated[str, typer.Argument(help="A local result's uid, or its beginning.")]) -> None:
    """Show the numbers of a local result; they have not left this site."""
    from medperf_cli.flows.submitting.submit_result import local_result
    from medperf_cli.render.table import as_json

    console.write(as_json(local_result(console.deps(), uid)))


@app.command()
def submit(
    result: Annotated[
        list[str] | None, typer.Option("--result", "-r", "--result_uid", help="A local result's uid; repeat.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All that were not submitted yet.")] = False,
    yes: console.Yes = False,
    dry_run: console.DryRun = False,
) -> None:
    """Show the exact file that would leave, ask, sign it and submit it.

    Only declared metrics leave, as moments and sums; a number about too few patients is refused.
    """
    from medperf_cli.flows.submitting.submit_result import submit_results

    console.tell(submit_results(console.deps(yes=yes, dry_run=dry_run), result or (), every=every))
