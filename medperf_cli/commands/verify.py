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
    from medperf_cli.commands.browse import show
    from medperf_cli.flows.reading.explain import explain

    rows = [{"what": link.what, "why": link.why} for link in explain(console.deps(), claim)]
    show(rows, json=json, columns=("what", "why"))
