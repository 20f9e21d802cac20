"""`medperf rules`: what a change is judged by."""

from __future__ import annotations

import typer

from medperf_cli.commands import console

app = typer.Typer(help="List the rules that a change is judged by.", rich_markup_mode=None)


@app.command()
def rules(json: console.Json = False) -> None:
    """List every rule: id, what it does (consensus, decisions, hold, note), and what it says."""
    from medperf_cli.commands.browse import show
    from medperf_cli.core.check.engine import rules as table

    rows = [{"rule": r.id, "sort": r.sort, "title": r.title, "text": r.text} for r in table()]
    show(rows, json=json, columns=("rule", "sort", "title"))
