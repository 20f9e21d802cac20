"""`medperf doctor`: what is amiss on this machine."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from medperf_cli.commands import console
from medperf_cli.errors import ExitCode

app = typer.Typer(help="Find out what is amiss on this machine, and how to repair it.", rich_markup_mode=None)


@app.command()
def doctor(
    offline: Annotated[bool, typer.Option("--offline", help="Ask nothing beyond this machine.")] = False,
    json: console.Json = False,
) -> None:
    """Check programs, key, registry, clock, engine, disks and proxy; each says ok, warn or fail.

    What it finds wrong it never changes: it says the repair. Exit code 1 if something fails.
    """
    from medperf_cli.flows.doctor.checkup import checkup, rows_of, worst
    from medperf_cli.flows.doctor.finding import State, World
    from medperf_cli.render.doctor import as_text
    from medperf_cli.render.table import as_json

    deps, trouble = console.deps_in_trouble()
    found = checkup(World(deps, os.environ, offline, trouble))
    rows = rows_of(found)
    console.write(as_json(rows) if json else as_text(rows))
    if worst(found) is State.FAIL:
        raise typer.Exit(ExitCode.FAILED)
