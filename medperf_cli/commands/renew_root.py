"""`medperf registry renew-root`: the next version of the root."""

from __future__ import annotations

from typing import Annotated

import typer

from medperf_cli.commands import console
from medperf_cli.errors import UsageError

Admin = Annotated[
    list[str] | None,
    typer.Option(help="NAME or NAME=SHA256:...: becomes an admin, or signs with another key; repeat."),
]
Expires = Annotated[str | None, typer.Option(help="Until when it holds, such as 2031-01-31; else --years.")]
Years = Annotated[
    int | None,
    typer.Option(help="How many years from today it holds; else 5, and at least a day longer than now."),
]
Kinds = Annotated[
    list[str] | None,
    typer.Option("--recorded-kind", help="Kind that recorded evidence suffices for, or none."),
]
Recorder = Annotated[
    str | None, typer.Option(help="The merge bot's public key file for recorded evidence, or none.")
]
Limit = Annotated[
    list[str] | None,
    typer.Option(help="seen_commits=N, change_entities=N or change_bytes=N; repeat."),
]


def add_renewing(app: typer.Typer) -> None:
    """Add `renew-root` to the group of registries."""
    app.command("renew-root")(renew_root)


def renew_root(
    years: Years = None,
    expires: Expires = None,
    title: Annotated[str | None, typer.Option(help="What the registry is called.")] = None,
    admin: Admin = None,
    remove_admin: Annotated[list[str] | None, typer.Option(help="Is no admin any more; repeat.")] = None,
    threshold: Annotated[int | None, typer.Option(help="How many admins decide together.")] = None,
    form: Annotated[int | None, typer.Option("--format", help="A higher format of the rules.")] = None,
    minimum_tool: Annotated[str | None, typer.Option(help="The oldest tool that may be used.")] = None,
    recorder: Recorder = None,
    recorded_kind: Kinds = None,
    limit: Limit = None,
    yes: console.Yes = False,
    dry_run: console.DryRun = False,
) -> None:
    """Ask for the next root: a later expiry, and whatever else you name; all else stays as it is.

    As many admins as the old root and the new one require must sign it: you now, the others with
    `medperf review approve`. Then one merges it: `medperf review merge`. An expired root is renewed so too.

    Example: medperf registry renew-root --admin grace --threshold 2
    """
    from medperf_cli.flows.submitting.renew_root import NextRoot
    from medperf_cli.flows.submitting.renew_root import renew_root as run

    wanted = NextRoot(
        years=years,
        expires=expires,
        title=title,
        admins=admin or (),
        without=remove_admin or (),
        threshold=threshold,
        format=form,
        minimum_tool=minimum_tool,
        recorder=recorder,
        recorded_kinds=recorded_kind or (),
        limits=dict(_limit(word) for word in limit or ()),
    )
    console.tell(run(console.deps(yes=yes, dry_run=dry_run), wanted))


def _limit(word: str) -> tuple[str, int]:
    name, _, number = word.partition("=")
    if not number.isdecimal():
        raise UsageError(f"'{word}' is not a limit", hint="write NAME=NUMBER, such as change_entities=100")
    return name, int(number)
