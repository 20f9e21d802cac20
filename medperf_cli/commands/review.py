"""`medperf review`: what waits for you, and deciding it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from medperf_cli.commands import console

if TYPE_CHECKING:
    from medperf_cli.flows.submitting.review import Review

app = typer.Typer(help="See and decide what waits for you.", no_args_is_help=True, rich_markup_mode=None)
Request = Annotated[str, typer.Argument(help="A request's id, or the beginning of it.")]
Reason = Annotated[str, typer.Option("--reason", "-m", help="Why; it is public for ever.")]


@app.command()
def ls(json: console.Json = False) -> None:
    """List open requests: who asks for what, and who must act."""
    from medperf_cli.commands.browse import show
    from medperf_cli.flows.submitting.desk import at_desk
    from medperf_cli.flows.submitting.review import reviews

    with at_desk(console.deps()) as desk:
        rows = [_row(item) for item in reviews(desk)]
    show(rows, json=json, columns=("request", "verdict", "author", "title", "waits"))


@app.command("show")
def show_request(request: Request) -> None:
    """Show a request: every file in it, and what the check says."""
    from medperf_cli.flows.submitting.desk import at_desk
    from medperf_cli.flows.submitting.review import review
    from medperf_cli.render.findings import as_text
    from medperf_cli.render.table import one_line, plain

    with at_desk(console.deps()) as desk:
        found = review(desk, request)
    for path in sorted(p for p in found.files if p.endswith(".yml")):
        console.write(f"--- registry/{path}\n{plain(found.files[path].decode('utf-8', 'replace'))}")
    title = one_line(found.title)
    console.note(f"{found.verdict.name}: {title} (decided by: {', '.join(found.decided) or 'nobody'})")
    console.note(as_text(found.findings).rstrip())


@app.command()
def approve(
    request: Request, reason: Reason = "approved", yes: console.Yes = False, dry_run: console.DryRun = False
) -> None:
    """Sign your approval of what a request asks for; the last one needed merges it."""
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


def _row(item: Review) -> dict[str, str]:
    # The title says what is asked for: with the path, whom it waits for would not fit.
    waits = "; ".join(dict.fromkeys(f.message for f in item.findings if f.severity))
    return {
        "request": item.id,
        "verdict": item.verdict.name,
        "author": item.author,
        "title": item.title,
        "waits": waits,
    }
