"""`medperf member`: register yourself or your organisation."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from medperf_cli.commands import console
from medperf_cli.commands.browse import add_browsing
from medperf_cli.core.names import Kind

app = typer.Typer(help="Register yourself or your organisation.", no_args_is_help=True, rich_markup_mode=None)
add_browsing(app, Kind.MEMBER)


@app.command()
def register(
    member: Annotated[str, typer.Argument(help="Your name in paths: 2 to 32 of a-z, 0-9 and hyphens.")],
    contact: Annotated[str, typer.Option(help="A role mailbox; it is public for ever.")],
    name: Annotated[str | None, typer.Option(help="Your name for people.")] = None,
    person: Annotated[bool, typer.Option("--person", help="A person, not an organisation.")] = False,
    label: Annotated[str, typer.Option(help="What your key is called.")] = "first key",
    yes: console.Yes = False,
    dry_run: console.DryRun = False,
) -> None:
    """Ask to become a member, with the key in use; an admin decides.

    Example: medperf member register st-mary --name "St Mary Hospital" --contact ai@st-mary.example
    """
    from medperf_cli.flows.submitting.members import register as run

    kind: Literal["person", "organisation"] = "person" if person else "organisation"
    deps = console.deps(yes=yes, dry_run=dry_run)
    console.tell(run(deps, member, name=name or member, kind=kind, contact=contact, label=label))
