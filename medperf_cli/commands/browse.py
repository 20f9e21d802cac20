"""`ls` and `view`, the same for every kind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from medperf_cli.commands import console
from medperf_cli.core.names import Kind

if TYPE_CHECKING:
    from medperf_cli.flows.deps import Deps

State = Literal["development", "operation"]
Standing = Literal["requested", "pending", "effective", "revoked", "withdrawn"]


def add_browsing(app: typer.Typer, kind: Kind, *, sort: str | None = None) -> None:
    """Add `ls` and `view` of a kind to a command group; `sort` keeps to one type of cube."""
    word = sort or str(kind)
    app.command("ls", help=f"List every {word} in the registry, and those asked for: who must act.")(
        _listing(kind, sort)
    )
    app.command("view", help=f"Show one {word}: the exact signed file and its standing.")(_viewing(kind))


def _listing(kind: Kind, sort: str | None) -> Callable[..., None]:
    def ls(
        mine: Annotated[bool, typer.Option("--mine", help="Only what my member owns.")] = False,
        owner: Annotated[str | None, typer.Option(help="Only of this member.")] = None,
        name: Annotated[str | None, typer.Option(help="Only ids that contain this.")] = None,
        state: Annotated[State | None, typer.Option(help="Only what is in this state.")] = None,
        benchmark: Annotated[
            str | None, typer.Option("--benchmark", "-b", help="Only of this benchmark.")
        ] = None,
        standing: Annotated[
            Standing | None, typer.Option(help="Only what counts so; effective ones include superseded ones.")
        ] = None,
        every: Annotated[bool, typer.Option("--all", help="All versions, not only those in force.")] = False,
        json: console.Json = False,
    ) -> None:
        from medperf_cli.adapters.store.index_rows import Filter
        from medperf_cli.flows.reading.listing import columns, listed
        from medperf_cli.render.table import as_json

        deps = console.deps()
        where = Filter(
            in_force=None if every or standing else True,
            owner=_my_name(deps) if mine else owner,
            name=name,
            state=state,
            type=sort,
            benchmark=benchmark,
            standing=standing,
        )
        rows = listed(deps, kind, where, asked=True, evidence=json and kind is Kind.ASSOCIATION)
        console.page(as_json(rows) if json else _tables(rows, columns(kind)))

    return ls


def _my_name(deps: Deps) -> str:
    from medperf_cli.flows.identity import me

    return me(deps.settings)


def _tables(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> str:
    """What is there, and below it what waits, for whom."""
    from medperf_cli.flows.reading.requested import WAITING, waiting_rows
    from medperf_cli.render.table import WIDTH, table

    waiting = waiting_rows(rows)
    below = f"\n{table(waiting, WAITING)}" if waiting else ""
    return table(rows, columns, width=WIDTH) + below


def _viewing(kind: Kind) -> Callable[..., None]:
    def view(
        entity: Annotated[str, typer.Argument(help="An id, or any unique part of one.")],
        version: Annotated[int | None, typer.Option(help="A version; else the one in force.")] = None,
        form: Annotated[
            Literal["yaml", "json"], typer.Option("--format", "-f", help="How to print.")
        ] = "yaml",
        output: Annotated[Path | None, typer.Option("--output", "-o", help="Write to this file.")] = None,
    ) -> None:
        from medperf_cli.flows.reading.listing import viewed
        from medperf_cli.render.entity import entity_text

        stored, votes = viewed(console.deps(), kind, entity, version)
        console.write_to(output, entity_text(stored, form, votes))

    return view


def show(rows: list[dict[str, Any]], *, json: bool, columns: tuple[str, ...]) -> None:
    """Print rows as a table or as JSON."""
    from medperf_cli.render.table import as_json, table

    console.page(as_json(rows) if json else table(rows, columns))
