"""`medperf site`: the pages of the registry in use, as static files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from medperf_cli.commands import console

app = typer.Typer(help="Build the leaderboard pages.", rich_markup_mode=None)

Out = Annotated[Path, typer.Option("--out", "-o", help="A new folder, or one that this made before.")]


@app.callback()
def site() -> None:
    """Build the leaderboard pages from the verified state, and look at them."""


@app.command()
def build(
    out: Out = Path("site"),
    base_url: Annotated[
        str | None, typer.Option("--base-url", help="Where it will be published: https://...")
    ] = None,
    json: console.Json = False,
) -> None:
    """Write the pages: boards, models, datasets, and the proof of every number. They work from any folder."""
    from medperf_cli.flows.reading.export import export_snapshot
    from medperf_cli.render.table import as_json
    from site_generator.build import build as build_site

    deps = console.deps()
    report = build_site(export_snapshot(deps), out, base_url, deps.talk.progress)
    for page in report.heavy:
        deps.talk.say(f"note: page '{page}' is larger than 150 kB")
    deps.talk.say(f"{report.pages} pages, {report.bytes / 1e6:.1f} MB")
    home = str(report.home)
    console.write(as_json({"home": home, "pages": report.pages}) if json else home)


@app.command()
def serve(
    out: Out = Path("site"),
    port: Annotated[int, typer.Option(help="On this machine only; 0 takes any free one.")] = 8000,
) -> None:
    """Show a site that was built, at http://127.0.0.1, until Ctrl-C."""
    from site_generator.serve import server

    with server(out, port) as running:
        console.deps().talk.say(f"http://127.0.0.1:{running.server_port}/ (Ctrl-C ends it)")
        running.serve_forever()
