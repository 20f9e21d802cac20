"""`medperf verify`: explain one claim."""

from __future__ import annotations

from typing import Annotated

import typer

from medperf_cli.commands import console

app = typer.Typer(help="Explain one claim: file, signer, key, admission, root.", rich_markup_mode=None)


@app.command()
def verify(
    claim: Annotated[
        str, typer.Argument(help="A path, an id or a unique part of one, a file, or a page's address.")
    ],
    json: console.Json = False,
) -> None:
    """Check one claim again, offline, and say why it counts: who signed, who decided, under which root.

    Bytes and signatures are verified anew. A file that somebody sent must be, to the last byte, one of the
    registry's. The address of a page means the claim that it shows; nothing is fetched.

    Example: medperf verify results/clara/breast-cancer/acme/random-forest/st-mary/aspirates/1
    """
    from medperf_cli.flows.reading.explain import explain
    from medperf_cli.render.proof import proof_text
    from medperf_cli.render.table import as_json

    found = explain(console.deps(), claim)
    console.write(as_json(found.document()) if json else proof_text(found))
