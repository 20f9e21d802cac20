"""`medperf outbox`: what was signed and has not arrived; sending it, and having it carried."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medperf_cli.commands import console

if TYPE_CHECKING:
    from collections.abc import Sequence

    from medperf_cli.flows.submitting.outbox_send import Tried

app = typer.Typer(
    help="See, send and carry what was signed and has not arrived.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Items = Annotated[
    list[str] | None, typer.Argument(metavar="[ITEM]...", help="Items, or beginnings of their names.")
]
COLUMNS = ("item", "what", "since", "why")
IMPORT = """\
Carry '{file}' to a machine that reaches the registry. There, in a copy of the same registry:
  medperf outbox import {name}
It shows what it holds and who signed it, asks, and sends it; it stays the signer's. Without this tool:
  git bundle verify {name}
"""


@app.command()
def ls(json: console.Json = False) -> None:
    """List what was signed and has not arrived: since when, why, and what to do next."""
    from medperf_cli.flows.submitting.outbox_rows import rows
    from medperf_cli.render.table import WIDTH, as_json, table

    found = rows(console.deps())
    if json:
        console.write(as_json(found))
        return
    shown = [{**row, "since": row["since"][:10]} for row in found]
    console.page(table(shown, COLUMNS, width=WIDTH))
    for row in found:
        console.note(f"{row['item']}: {row['why']}\n  next: {row['next']}")


@app.command()
def send(item: Items = None, yes: console.Yes = False, dry_run: console.DryRun = False) -> None:
    """Send what waits (or these items) to the registry as it is now: the same bytes, the same request.

    What cannot be sent stays, and says why: see medperf outbox ls.
    """
    from medperf_cli.flows.submitting.outbox_send import send_waiting

    tried = send_waiting(console.deps(yes=yes, dry_run=dry_run), item or ())
    _tell(tried, "nothing was sent")


@app.command()
def drop(
    item: Annotated[str, typer.Argument(help="An item, or the beginning of its name.")],
    yes: console.Yes = False,
    dry_run: console.DryRun = False,
) -> None:
    """Forget what was signed and not sent, because nobody wants it any more."""
    from medperf_cli.flows.submitting.outbox_send import drop as run

    done = run(console.deps(yes=yes, dry_run=dry_run), item)
    console.note(f"'{done.id}' is forgotten" if done else "nothing was forgotten")


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="The file to write, such as requests.bundle.")],
    item: Items = None,
) -> None:
    """Write what waits (or these items) into a git bundle that anybody may carry to where there is a network.

    The items stay in the outbox; they go once they are seen in the registry.
    """
    from medperf_cli.flows.submitting.outbox_export import export as run

    for found in run(console.deps(), file, item or ()):
        console.write(f"{found.id}")
    console.note(IMPORT.format(file=file, name=file.name).rstrip())


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="A bundle that `medperf outbox export` wrote.")],
    yes: console.Yes = False,
    dry_run: console.DryRun = False,
) -> None:
    """Send what somebody else signed, from a bundle that was carried here; it stays the signer's.

    Every file and signature in it is checked first, and shown. You sign nothing, and need to be no member.
    """
    from medperf_cli.flows.submitting.outbox_import import import_bundle

    _tell(import_bundle(console.deps(yes=yes, dry_run=dry_run), file), "nothing was sent")


def _tell(tried: Sequence[Tried], nothing: str) -> None:
    """Say what became of each item; the first failure alone, or that some failed, is the exit code's."""
    from medperf_cli.flows.submitting.outbox_send import expect_done

    if not tried:
        console.note(nothing)
    for one in tried:
        if one.done is not None:
            console.tell(one.done)
        elif one.error is None:
            console.note(f"'{one.item.id}' had arrived already")
        elif len(tried) > 1:
            console.note(f"'{one.item.id}' stays: {one.error.message}; next: {one.error.hint}")
    expect_done(tried)
