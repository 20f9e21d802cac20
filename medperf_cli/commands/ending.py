"""`withdraw` and `revoke`, the same for every kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from medperf_cli.commands import console
from medperf_cli.core.names import Kind

Entity = Annotated[str, typer.Argument(help="An id, or any unique part of one.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it is public for ever.")]


def add_ending(
    app: typer.Typer, kind: Kind, by: str, *, word: str | None = None, withdrawn: bool = True
) -> None:
    """Add `revoke` (by `by`: the admins, the committee) and, unless told otherwise, `withdraw` to a group."""
    name = word or str(kind)
    if withdrawn:
        text = f"End a {name} of yours: it leaves lists and boards, and stays in history."
        app.command("withdraw", help=text)(_withdrawing(kind))
    text = f"Vote to end a {name} in force; the last vote needed of the {by} ends it."
    app.command("revoke", help=text)(_revoking(kind))


def _withdrawing(kind: Kind) -> Callable[..., None]:
    def withdraw(
        entity: Entity, reason: Reason, yes: console.Yes = False, dry_run: console.DryRun = False
    ) -> None:
        from medperf_cli.flows.submitting.end import withdraw as run

        console.tell(run(console.deps(yes=yes, dry_run=dry_run), kind, entity, reason))

    return withdraw


def _revoking(kind: Kind) -> Callable[..., None]:
    def revoke(
        entity: Entity, reason: Reason, yes: console.Yes = False, dry_run: console.DryRun = False
    ) -> None:
        from medperf_cli.flows.submitting.end import revoke as run

        console.tell(run(console.deps(yes=yes, dry_run=dry_run), kind, entity, reason))

    return revoke
