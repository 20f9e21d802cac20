"""`medperf bot`: the merge bot of a bare registry."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from medperf_cli.commands import console

app = typer.Typer(
    help="Merge what needs no (more) decisions, on a bare registry.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.callback()
def group() -> None:
    """Merge what needs no (more) decisions, on a bare registry."""


@app.command()
def run(
    repository: Annotated[Path, typer.Argument(help="The bare repository.")],
    once: Annotated[bool, typer.Option("--once", help="One round, then stop (the only way so far).")] = True,
    json: console.Json = False,
) -> None:
    """Merge every open request that may be merged; safe to run twice at once and to kill."""
    from medperf_cli.adapters.store.repository import GitStore
    from medperf_cli.commands.browse import show
    from medperf_cli.flows.hosting.merge_bot import run_once

    del once
    with GitStore(repository) as store:
        outcomes = run_once(store, console.utc_now)
    rows = [{"request": o.id, "fate": o.fate, "commit": o.commit} for o in outcomes]
    show(rows, json=json, columns=("request", "fate", "commit"))
