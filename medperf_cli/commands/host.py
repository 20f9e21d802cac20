"""`medperf registry doctor` and `protect`: whether a registry's host is as it must be, and making it so."""

from __future__ import annotations

from typing import Annotated

import typer

from medperf_cli.commands import console
from medperf_cli.errors import ExitCode

Bot = Annotated[
    list[str] | None,
    typer.Option(help="Who alone may push: the login, app or key of the merge bot (of an admin); repeat."),
]
Root = Annotated[str | None, typer.Option(help="sha256:... of root/1.yml; else what is pinned here.")]


def add_hosting(app: typer.Typer) -> None:
    """Add `doctor` and `protect` to the group of registries."""
    app.command("doctor")(doctor)
    app.command("protect")(protect)


def doctor(
    url: Annotated[str | None, typer.Argument(help="Its address, or the folder of a bare one.")] = None,
    root: Root = None,
    bot: Bot = None,
    json: console.Json = False,
) -> None:
    """Compare how a registry is hosted with what it needs; each check says ok, warn or fail, and the repair.

    On a hosted forge: the rules of main, owners of code, workflows, the pinned root; a token that may
    administer the repository tells most. On a bare repository of this machine: hooks, their Python, settings,
    permissions. Without an address it is the registry in use. Exit code 1 if something fails.
    """
    from medperf_cli.flows.doctor.checkup import rows_of, worst
    from medperf_cli.flows.doctor.finding import State
    from medperf_cli.flows.doctor.registry_host import host_checkup
    from medperf_cli.render.doctor import as_text
    from medperf_cli.render.table import as_json

    found = host_checkup(console.deps(), url, root, frozenset(bot or ()))
    rows = rows_of(found)
    console.write(as_json(rows) if json else as_text(rows))
    if worst(found) is State.FAIL:
        raise typer.Exit(ExitCode.FAILED)


def protect(
    url: Annotated[str, typer.Argument(help="Its address on a hosted forge.")],
    bot: Bot = None,
    yes: console.Yes = False,
    dry_run: console.DryRun = False,
) -> None:
    """Set the rules of main on a hosted forge as a registry needs them, and say what is left to do by hand.

    It takes a token that may administer the repository, and a main that was pushed. Rules that are there for
    main are replaced. `registry doctor` says how it stands.

    Example: medperf registry protect https://github.com/ORG/breast.git --bot "breast-merge[bot]"
    """
    from medperf_cli.core.quoting import one_line
    from medperf_cli.flows.founding.protecting import protect as run

    left = run(console.deps(yes=yes, dry_run=dry_run), url, frozenset(bot or ()))
    if left is None:
        console.note("nothing was changed")
        return
    console.note("main is protected" + ("; what is left to do by hand:" if left else ""))
    for step in left:
        console.write(f"- {one_line(step)}")
