"""`medperf verify`: explain one claim."""

from __future__ import annotations

from typing import Annotated

import typer

from medperf_cli.commands import console

app = typer.Typer(help="Explain one claim: file, signer, key, admission, root.", rich_markup_mode=None)


@app.command()
def verify(
    claim: Annotated[str, typer.Argument(help="A file of the registry, such as results/.../1.yml.")],
    json: console.Json = False,
) -> None:
    """Check one file again, offline, and say why it counts: who signed, who decided, under which root."""
    from medperf_cli.flows.reading.explain import explain
    from medperf_cli.render.table import as_json, one_line

    rows = [{"what": link.what, "why": link.why} for link in explain(console.deps(), claim)]
    # No table: it would cut digests and paths, which are there to be compared.
    lines = "".join(f"{one_line(row['what'])}\n    {one_line(row['why'])}\n" for row in rows)
    console.write(as_json(rows) if json else lines)
