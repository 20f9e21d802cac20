"""`medperf member`: register yourself or your organisation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from medperf_cli.commands import console
from medperf_cli.commands.browse import add_browsing
from medperf_cli.commands.ending import add_ending
from medperf_cli.core.names import Kind

app = typer.Typer(help="Register yourself or your organisation.", no_args_is_help=True, rich_markup_mode=None)
add_browsing(app, Kind.MEMBER)
add_ending(app, Kind.MEMBER, "admins", withdrawn=False)


@app.command()
def register(
    member: Annotated[str, typer.Argument(help="Your name in paths: 2 to 32 of a-z, 0-9 and hyphens.")],
    contact: Annotated[str, typer.Option(help="A role mailbox; it is public for ever.")],
    name: Annotated[str | None, typer.Option(help="Your name for people.")] = None,
    person: Annotated[bool, typer.Option("--person", help="A person, not an organisation.")] = False,
    label: Annotated[str, typer.Option(help="What your key is called.")] = "first key",
    login: Annotated[
        bool, typer.Option("--login", help="Name the account of your token too: it may approve in the page.")
    ] = False,
    yes: console.Yes = False,
    dry_run: console.DryRun = False,
) -> None:
    """Ask to become a member, with the key in use; an admin decides.

    Example: medperf member register st-mary --name "St Mary Hospital" --contact ai@st-mary.example
    """
    from medperf_cli.flows.submitting.members import register as run

    kind: Literal["person", "organisation"] = "person" if person else "organisation"
    deps = console.deps(yes=yes, dry_run=dry_run)
    name = name or member
    console.tell(run(deps, member, name=name, kind=kind, contact=contact, label=label, login=login))


@app.command("add-login")
def add_login(yes: console.Yes = False, dry_run: console.DryRun = False) -> None:
    """Ask the admins to name your account on the registry's forge in your member file.

    Then an approving review of yours in its page counts, where the root lets recorded approvals suffice. The
    account is that of your token; its name and number are public for ever.
    """
    from medperf_cli.flows.submitting.logins import add_login as run

    console.tell(run(console.deps(yes=yes, dry_run=dry_run)))


@app.command("rotate-key")
def rotate_key(
    key: Annotated[Path | None, typer.Argument(help="The new key's file; else the key in use.")] = None,
    old: Annotated[
        Path | None, typer.Option(help="The old key's file, which signs; else the one in use.")
    ] = None,
    label: Annotated[str, typer.Option(help="What the new key is called.")] = "next key",
    lost: Annotated[
        bool,
        typer.Option("--lost", help="No valid key is left: the new one signs, the old are revoked."),
    ] = False,
    yes: console.Yes = False,
    dry_run: console.DryRun = False,
) -> None:
    """Ask the admins to add a new key to you, signed with the old one; both are valid then.

    Whose keys are all lost asks with the new one: medperf member rotate-key next --lost. An admin under the
    root needs the next root too: medperf registry renew-root, by another admin.

    Example: medperf key new --file next, then medperf member rotate-key --old id_ed25519
    """
    from medperf_cli.flows.submitting.member_keys import rotate_key as run

    found = run(console.deps(yes=yes, dry_run=dry_run), key, old, label, lost=lost)
    console.tell(found.done)
    if found.done.sent:
        console.note(f"once it is merged: `medperf key use {found.new}`")
    if found.done.sent and not lost:
        console.note(f"then: `medperf member revoke-key {found.old} --reason retired`")


@app.command("revoke-key")
def revoke_key(
    key: Annotated[
        str | None, typer.Argument(help="The key's fingerprint, or its file; else the key in use.")
    ] = None,
    reason: Annotated[
        Literal["retired", "lost", "compromised"], typer.Option(help="Why it signs nothing any more.")
    ] = "retired",
    since: Annotated[str | None, typer.Option(help="Since when, such as 2026-01-31; else now.")] = None,
    yes: console.Yes = False,
    dry_run: console.DryRun = False,
) -> None:
    """Revoke a key of yours, at once and for ever; what it signed before stands."""
    from medperf_cli.flows.submitting.member_keys import revoke_key as run

    done, left = run(console.deps(yes=yes, dry_run=dry_run), key, reason, since)
    console.tell(done)
    if done.merged:
        console.note(f"valid keys left: {left}")
