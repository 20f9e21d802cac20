"""The table of rules as printed: a line each, one in full, Markdown, plain data."""

from __future__ import annotations

from collections.abc import Iterator

from medperf_cli.core.check.rules.table import Fault, Rule, Sort
from medperf_cli.core.check.submission import Submission
from medperf_cli.render.rules import as_markdown, as_table, as_text, document, entry


def _none(submission: Submission) -> Iterator[Fault]:
    del submission
    yield from ()


SIGNED = Rule(
    "SIG001", "a file is signed", Sort.CONSENSUS, True, 1, "The path says `who`.\n\n    Not <you>.", _none
)
NOTED = Rule("NOTE001", "it is documented", Sort.NOTE, False, 2, "Owners decide by it.", _none)


def test_a_line_a_rule() -> None:
    assert as_table([SIGNED, NOTED]) == (
        "RULE     SORT       TITLE\n"
        "SIG001   consensus  a file is signed\n"
        "NOTE001  note       it is documented\n"
    )


def test_one_rule_in_full() -> None:
    assert as_text(SIGNED) == (
        "SIG001 (consensus): a file is signed\n\n"
        "The path says `who`.\n\nNot <you>.\n\n"
        "A finding rejects the change. Every reader enforces these when replaying history; they change only\n"
        "with a root of a higher `format`.\n"
        "It judges the first commit of a registry too.\n"
        "repair: sign the file again with a key that is valid now\n"
    )


def test_one_rule_as_markdown_lets_no_html_through() -> None:
    assert entry(SIGNED) == (
        "### SIG001: a file is signed\n\nThe path says `who`.\n\nNot &lt;you>.\n\n"
        "Judges the first commit of a registry too.\n\n"
        "Repair: sign the file again with a key that is valid now.\n"
    )


def test_the_page_has_rules_by_what_their_findings_do() -> None:
    page = as_markdown([NOTED, SIGNED])
    headings = [line for line in page.splitlines() if line.startswith("#")]
    assert headings == [
        "# Rules",
        "## Consensus rules",
        "### SIG001: a file is signed",
        "## Missing decisions",
        "## Holds",
        "## Notes",
        "### NOTE001: it is documented",
    ]


def test_a_rule_as_data() -> None:
    assert document(NOTED) == {
        "rule": "NOTE001",
        "sort": "note",
        "genesis": False,
        "since_format": 2,
        "title": "it is documented",
        "text": "Owners decide by it.",
        "repair": "add one with the next version",
    }
