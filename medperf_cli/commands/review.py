"""`medperf review`: what waits for you, and deciding it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from medperf_cli.commands import console
from medperf_cli.errors import UsageError

if TYPE_CHECKING:
    from medperf_cli.flows.reading.asked import Asked
    from medperf_cli.flows.reading.review_list import Wanted

app = typer.Typer(help="See and decide what waits for you.", no_args_is_help=True, rich_markup_mode=None)
Request = Annotated[str, typer.Argument(help="A request's number, or its id or the beginning of it.")]
Reason = Annotated[str, typer.Option("--reason", "-m", help="Why; it is public for ever.")]


@app.command()
def ls(
    mine: Annotated[bool, typer.Option("--mine", help="Only what I asked for.")] = False,
    for_me: Annotated[bool, typer.Option("--for-me", help="Only what waits for me.")] = False,
    owner: Annotated[str | None, typer.Option(help="Only what this member asked for.")] = None,
    name: Annotated[str | None, typer.Option(help="Only with this in a path.")] = None,
    benchmark: Annotated[
        str | None, typer.Option("--benchmark", "-b", help="Only about this benchmark.")
    ] = None,
    closed: Annotated[bool, typer.Option("--closed", help="Those rejected or taken back.")] = False,
    offline: Annotated[bool, typer.Option("--offline", help="As of the last contact.")] = False,
    json: console.Json = False,
) -> None:
    """List open requests: who asks for what, since when (as they say), and who must act."""
    from medperf_cli.flows.reading.review_list import Wanted
    from medperf_cli.flows.submitting.what_waits import known_requests

    deps = console.deps()
    me = deps.settings.member if mine or for_me else None
    if (mine or for_me) and me is None:
        raise UsageError("no member is chosen", hint="`medperf profile set member NAME` says who you are")
    wanted = Wanted(me if mine else owner, me if for_me else None, name, benchmark)
    _list(known_requests(deps, online=not offline), wanted, closed=closed, json=json)


def _list(asked: Asked, wanted: Wanted, *, closed: bool, json: bool) -> None:
    from medperf_cli.commands.browse import show
    from medperf_cli.flows.reading import review_list as rows

    found = rows.closed_rows(asked, wanted) if closed else rows.open_rows(asked, wanted)
    columns = rows.CLOSED_COLUMNS if closed else rows.COLUMNS
    show(found if json else list(rows.shortened(found)), json=json, columns=columns)
    if asked.unseen and not closed:
        console.note(asked.unseen)


@app.command("show")
def show_request(request: Request) -> None:
    """Show a request: every file in it, and what the check says."""
    from medperf_cli.core.quoting import one_line
    from medperf_cli.flows.submitting.desk import at_desk
    from medperf_cli.flows.submitting.review import review
    from medperf_cli.flows.submitting.votes import votes_on
    from medperf_cli.render.findings import as_text, exact
    from medperf_cli.render.table import plain

    with at_desk(console.deps()) as desk:
        found = review(desk, request)
        votes = votes_on(desk, found)
    for path in sorted(p for p in found.files if p.endswith(".yml")):
        console.write(f"--- registry/{path}\n{plain(found.files[path].decode('utf-8', 'replace'))}")
    for line in found.changes:
        console.note(f"changes: {line}")
    title = one_line(found.title)
    decided = ", ".join(found.decided) or "nobody"
    console.note(f"{found.verdict.name}: {title} (since {found.since:%Y-%m-%d}, decided by: {decided})")
    if found.url:
        console.note(found.url)
    for vote in votes:
        console.note(f"{vote.verdict}: {vote.says} (registry/{vote.path})")
    console.note(as_text(exact(finding, found.id) for finding in found.findings).rstrip())


@app.command()
def approve(
    request: Request, reason: Reason = "approved", yes: console.Yes = False, dry_run: console.DryRun = False
) -> None:
    """Sign your approval of what a request asks for; the last one needed merges it.

    Under a new root it is your signature as admin; an admin then merges it by hand.
    """
    from medperf_cli.flows.submitting.desk import at_desk
    from medperf_cli.flows.submitting.review import approve as run

    with at_desk(console.deps(yes=yes, dry_run=dry_run)) as desk:
        console.tell(run(desk, request, reason))


@app.command()
def merge(
    request: Request, reason: Reason = "approved", yes: console.Yes = False, dry_run: console.DryRun = False
) -> None:
    """Approve if you may, then merge a request yourself (a held one too: you are the person asked)."""
    from medperf_cli.flows.submitting.desk import at_desk
    from medperf_cli.flows.submitting.review import merge as run

    with at_desk(console.deps(yes=yes, dry_run=dry_run)) as desk:
        console.tell(run(desk, request, reason))


@app.command()
def reject(
    request: Request,
    reason: Annotated[str, typer.Option("--reason", "-m", help="Why; others read it.")],
    yes: console.Yes = False,
    dry_run: console.DryRun = False,
) -> None:
    """Close a request with a reason: reject it if you decide about it, take it back if it is yours."""
    from medperf_cli.flows.submitting.desk import at_desk
    from medperf_cli.flows.submitting.reject import reject as run

    with at_desk(console.deps(yes=yes, dry_run=dry_run)) as desk:
        console.tell(run(desk, request, reason))
