"""`medperf check`: judge a working tree or a range of commits."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from medperf_cli.commands import console
from medperf_cli.errors import ExitCode

app = typer.Typer(help="Judge a working tree or a range of commits.", rich_markup_mode=None)


@app.command()
def check(
    path: Annotated[Path, typer.Option("--path", "-C", help="The repository.")] = Path(),
    base: Annotated[str | None, typer.Option(help="The commit before the change.")] = None,
    head: Annotated[str | None, typer.Option(help="The commit with the change.")] = None,
    form: Annotated[
        Literal["text", "markdown", "json"], typer.Option("--format", help="How to print.")
    ] = "text",
) -> None:
    """Judge what is not committed in a working tree, or what --head adds to --base.

    Exits with 0 (may be merged by the bot), 3 (people must decide) or 1 (rejected).
    """
    from medperf_cli.core.check.findings import Verdict
    from medperf_cli.flows.reading.check_change import check_range, check_worktree
    from medperf_cli.render import findings

    report = check_worktree(path) if head is None else check_range(path, base or f"{head}^1", head)
    render = {
        "text": lambda r: findings.as_text(r.findings) + f"{r.verdict.name}\n",
        "markdown": findings.as_markdown,
        "json": findings.as_json,
    }[form]
    console.write(render(report))
    codes = {
        Verdict.AUTO: ExitCode.OK,
        Verdict.REVIEW: ExitCode.NEEDS_REVIEW,
        Verdict.REJECT: ExitCode.FAILED,
    }
    raise typer.Exit(codes[report.verdict])
