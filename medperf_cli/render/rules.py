"""The table of rules as the page of the site, as text, and as plain data: one source for all three."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from medperf_cli.render.table import table

if TYPE_CHECKING:
    from medperf_cli.core.check.rules.table import Rule

_INTRODUCTION = """\
# Rules

What `check` judges a change by, from the table that it runs through; `medperf rules` prints the same. A
finding names its rule, the file and the repair. Which attack each of them stops stands among the
[threats](threats.md).
"""
_CONSENSUS = """\
A finding rejects the change. Every reader enforces these when replaying history; they change only
with a root of a higher `format`."""
_SORTS = {
    "consensus": (
        "Consensus rules",
        _CONSENSUS,
    ),
    "decisions": (
        "Missing decisions",
        "A finding says who must still decide. The change is lawful and waits.",
    ),
    "hold": (
        "Holds",
        "A finding stops the automatic merge and asks people. Replay of history ignores them.",
    ),
    "note": ("Notes", "A finding advises and changes nothing."),
}


def document(rule: Rule) -> dict[str, Any]:
    """A rule as plain values, its text without the indentation of the code."""
    return {
        "rule": rule.id,
        "sort": rule.sort.value,
        "genesis": rule.genesis,
        "since_format": rule.since,
        "title": rule.title,
        "text": inspect.cleandoc(rule.text),
        "repair": rule.repair,
    }


def as_table(rules: Sequence[Rule]) -> str:
    """A line a rule."""
    return table([document(rule) for rule in rules], ("rule", "sort", "title"))


def as_text(rule: Rule) -> str:
    """One rule in full: what it says, why, what a finding of it does, and what repairs it."""
    given = document(rule)
    genesis = "It judges the first commit of a registry too.\n" if rule.genesis else ""
    genesis += f"Since format {rule.since}.\n" if rule.since > 1 else ""
    effect = _SORTS[given["sort"]][1]
    return (
        f"{rule.id} ({given['sort']}): {rule.title}\n\n{given['text']}\n\n{effect}\n{genesis}"
        f"repair: {rule.repair}\n"
    )


def as_markdown(rules: Sequence[Rule]) -> str:
    """The page: rules by what their findings do, then by id."""
    return "\n".join([_INTRODUCTION, *(part for sort in _SORTS for part in _section(sort, rules))])


def _section(sort: str, rules: Sequence[Rule]) -> Iterator[str]:
    title, text = _SORTS[sort]
    yield f"## {title}\n\n{text}\n"
    for rule in rules:
        if rule.sort == sort:
            yield entry(rule)


def entry(rule: Rule) -> str:
    """One rule as a section in Markdown."""
    judged = "\n\nJudges the first commit of a registry too." if rule.genesis else ""
    judged += f"\n\nSince format {rule.since}." if rule.since > 1 else ""
    text = _escaped(inspect.cleandoc(rule.text))
    return f"### {rule.id}: {rule.title}\n\n{text}{judged}\n\nRepair: {_escaped(rule.repair)}.\n"


def _escaped(text: str) -> str:
    """Angle brackets outside of code spans would be read as HTML."""
    spans = text.split("`")
    spans[::2] = [span.replace("<", "&lt;") for span in spans[::2]]
    return "`".join(spans)
