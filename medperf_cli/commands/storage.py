"""`medperf storage`: what is kept on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from medperf_cli.commands import console
from medperf_cli.errors import UsageError

app = typer.Typer(
    help="See, move and clean up what is kept on disk.", no_args_is_help=True, rich_markup_mode=None
)
Ask = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first.")]
Look = Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and stop.")]


@app.command()
def ls(json: console.Json = False) -> None:
    """List the parts of what is kept, where each stands, its size, and whether it may be removed."""
    from medperf_cli.commands.browse import show
    from medperf_cli.flows.storage.parts import cut_short, listed

    settings = console.deps().settings
    rows = listed(settings)
    show(rows, json=json, columns=("part", "path", "bytes", "files", "is", "may be removed"))
    if left := cut_short(settings.home):
        console.note(left)


@app.command()
def move(
    part: Annotated[str, typer.Argument(help="assets, data, runs, or all of these.")] = "all",
    place: Annotated[Path | None, typer.Argument(metavar="TARGET", help="A folder on another disk.")] = None,
    target: Annotated[
        Path | None, typer.Option("--target", "-t", help="The same, as MedPerf has it.")
    ] = None,
    yes: Ask = False,
    dry_run: Look = False,
) -> None:
    """Move what is large to another disk; every file is read back before the old one is removed.

    A link stays in its place, so nothing else changes, and an interrupted move is run again. With
    ~/.medperf as the target a part comes back. Example: medperf storage move runs /mnt/large/medperf
    """
    from medperf_cli.flows.storage.move import move as run
    from medperf_cli.flows.storage.move import wanted

    if (place is None) == (target is None):
        raise UsageError("a move has one target", hint="give the folder as TARGET or with --target")
    moved = run(console.deps(yes=yes, dry_run=dry_run), wanted(part), place or target or Path())
    for one in moved:
        console.note(f"{one.part} {'is there already' if one.already else 'is moved'}")
        console.write(str(one.path))
    if not moved:
        console.note("nothing was moved")


@app.command()
def cleanup(yes: Ask = False, dry_run: Look = False) -> None:
    """Remove what nothing needs: scratch, data of demos and tests, failed attempts, unused files.

    Keys, salts, results and what is in use always stay. It shows everything with its size, and asks.
    """
    from medperf_cli.flows.storage.cleanup import cleanup as run

    gone = run(console.deps(yes=yes, dry_run=dry_run))
    console.note(f"{sum(item.amount.size for item in gone):,} bytes are free again")
