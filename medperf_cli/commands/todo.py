"""`medperf todo`: what waits for you."""

from __future__ import annotations

import typer

from medperf_cli.commands import console

app = typer.Typer(help="See what waits for you, and what to type.", rich_markup_mode=None)


@app.command()
def todo(json: console.Json = False) -> None:
    """List what waits for you, with the command to type: requests, runs, results, things in development.

    It says what was known at the last contact; `medperf registry sync` brings what is new.
    """
    from medperf_cli.flows.submitting.what_waits import known_requests, what_waits
    from medperf_cli.render.table import as_json
    from medperf_cli.render.todo import as_text

    deps = console.deps()
    items, asked = what_waits(deps), known_requests(deps, online=False)
    if not asked.time:
        console.note("open requests are not known yet: run `medperf registry sync`")
    if asked.unseen:
        console.note(asked.unseen)
    console.write(as_json([item.document() for item in items]) if json else as_text(items))
