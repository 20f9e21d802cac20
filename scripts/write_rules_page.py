"""Writes `site_generator/content/rules.md` from the table of rules; a test compares the two."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

from medperf_cli.core.check.engine import rules
from medperf_cli.core.check.rules.table import Rule, Sort

PAGE = Path(__file__).resolve().parents[1] / "site_generator" / "content" / "rules.md"

_INTRODUCTION = """\
# Rules

What `check` judges a change by, from the table that it runs through; `medperf rules` prints the same. A
finding names its rule, the file and the repair.
"""
_CONSENSUS = """\
A finding rejects the change. Every reader enforces these when replaying history; they change only with a root
of a higher `format`."""
_SORTS = {
    Sort.CONSENSUS: ("Consensus rules", _CONSENSUS),
    Sort.DECISIONS: (
        "Missing decisions",
        "A finding says who must still decide. The change is lawful and waits.",
    ),
    Sort.HOLD: (
        "Holds",
        "A finding stops the automatic merge and asks people. Replay of history ignores them.",
    ),
    Sort.NOTE: ("Notes", "A finding advises and changes nothing."),
}


def page() -> str:
    """The page: rules by what their findings do, then by id."""
    return "\n".join([_INTRODUCTION, *(part for sort in _SORTS for part in _section(sort))])


def _section(sort: Sort) -> Iterator[str]:
    title, text = _SORTS[sort]
    yield f"## {title}\n\n{text}\n"
    for rule in rules():
        if rule.sort is sort:
            yield _entry(rule)


def _entry(rule: Rule) -> str:
    judged = "\n\nJudges the first commit of a registry too." if rule.genesis else ""
    since = f"\n\nSince format {rule.since}." if rule.since > 1 else ""
    return f"### {rule.id}: {rule.title}\n\n{_escaped(inspect.cleandoc(rule.text))}{judged}{since}\n"


def _escaped(text: str) -> str:
    """Angle brackets outside of code spans would be read as HTML."""
    spans = text.split("`")
    spans[::2] = [span.replace("<", "&lt;") for span in spans[::2]]
    return "`".join(spans)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE}")
