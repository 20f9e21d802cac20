"""`medperf rules`: what a change is judged by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from medperf_cli.commands import console

if TYPE_CHECKING:
    from medperf_cli.core.check.rules.table import Rule

app = typer.Typer(help="List the rules that a change is judged by.", rich_markup_mode=None)


@app.command()
def rules(
    rule: Annotated[str | None, typer.Argument(help="One rule's id, such as SIG001; else all.")] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown, as on the site.")] = False,
    json: console.Json = False,
) -> None:
    """List every rule: id, what it does (consensus, decisions, hold, note), and what it says.

    With the id that a finding names, show that rule in full: what it is for, and what repairs a finding.
    """
    from medperf_cli.core.check.engine import rules as table
    from medperf_cli.render import rules as render
    from medperf_cli.render.table import as_json

    asked = _asked(table(), rule)
    if json:
        console.page(as_json([render.document(found) for found in asked]))
    elif markdown:
        console.page(render.as_markdown(asked) if rule is None else render.entry(*asked))
    else:
        console.page(render.as_table(asked) if rule is None else render.as_text(*asked))


def _asked(table: tuple[Rule, ...], rule_id: str | None) -> tuple[Rule, ...]:
    from medperf_cli.errors import UnknownIdError

    asked = tuple(rule for rule in table if rule_id is None or rule.id == rule_id.upper())
    if not asked:
        raise UnknownIdError(f"there is no rule '{rule_id}'", hint="`medperf rules` lists them all")
    return asked
