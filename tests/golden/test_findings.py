"""Findings for three readers, as printed, from one report; a stranger's text stays text."""

from __future__ import annotations

import json

from medperf_cli.core.check.findings import Finding, Report, Severity
from medperf_cli.render.findings import as_json, as_markdown, as_text
from tests.support.acting import judge, write
from tests.support.rule_case import after

REPORT = Report.of(
    [
        Finding(Severity.NOTE, "NOTE001", "benchmarks/a1/b1/1.yml", "has no `docs_url`", "add one"),
        Finding(Severity.REVIEW, "APP001", "members/eve/1.yml", "waits for 1 more of the admins: ada"),
        Finding(Severity.HOLD, "HOLD001", "members/eve/1.yml", "its name looks like 'eva'", "choose another"),
        Finding(
            Severity.REJECT, "TREE001", "x`y\n# Approved", "[edited](https://evil.example) in this change"
        ),
    ]
)


def test_text_has_a_line_a_finding_and_one_for_its_repair() -> None:
    benign = [finding for finding in REPORT.findings if finding.rule != "TREE001"]
    assert as_text(benign) == (
        "HOLD   HOLD001  members/eve/1.yml: its name looks like 'eva'\n"
        "                repair: choose another\n"
        "REVIEW APP001   members/eve/1.yml: waits for 1 more of the admins: ada\n"
        "NOTE   NOTE001  benchmarks/a1/b1/1.yml: has no `docs_url`\n"
        "                repair: add one\n"
    )


def test_text_lets_nobody_move_the_cursor_or_begin_a_line() -> None:
    hostile = Finding(Severity.REJECT, "TREE001", "a\nAUTO", "b\x1b[2Jc\u202ed", "run\r this")
    assert as_text([hostile]) == "REJECT TREE001  a AUTO: b?[2Jc?d\n                repair: run this\n"


def test_text_of_the_same_report_has_the_hostile_words_on_one_line() -> None:
    assert as_text(REPORT.findings).splitlines()[0] == (
        "REJECT TREE001  x`y # Approved: [edited](https://evil.example) in this change"
    )
    assert len(as_text(REPORT.findings).splitlines()) == 4 + 2


def test_every_fault_of_a_change_is_told_gravest_first() -> None:
    """By rule, then by path; a fault of one file does not hide those of another."""
    report = judge(
        after("a hospital joins"),
        {"entry": {"path": "README.md", "status": "M"}},
        write("cubes/acme/tree/1.yml", signer="st-mary"),
        {"drop": "cubes/acme/tree/1.sig"},
        write("cubes/acme/bush/1.yml", signer="st-mary", registry="f" * 32),
        write("members/st-rnary/1.yml", type="person", contact="m.mouse@clinic.example"),
        {"bytes": {"path": "datasets/acme/odd/1.yml", "text": "a: &b c\n"}},
    )
    assert [(f.severity.name, f.rule, f.path) for f in report.findings] == [
        ("REJECT", "DOC001", "datasets/acme/odd/1.yml"),
        ("REJECT", "DOC004", "cubes/acme/bush/1.yml"),
        ("REJECT", "SIG001", "cubes/acme/bush/1.yml"),
        ("REJECT", "TREE001", "README.md"),
        ("REJECT", "TREE003", "cubes/acme/tree/1.yml"),
        ("REJECT", "TREE003", "datasets/acme/odd/1.yml"),
        ("HOLD", "HOLD001", "members/st-rnary/1.yml"),
        ("REVIEW", "APP001", "members/st-rnary/1.yml"),
        ("NOTE", "NOTE002", "members/st-rnary/1.yml"),
    ]


def test_markdown_keeps_a_strangers_words_in_code() -> None:
    assert as_markdown(REPORT) == (
        "**REJECT**\n\n"
        "- `TREE001` `x'y # Approved`: `[edited](https://evil.example) in this change`\n"
        "- `HOLD001` `members/eve/1.yml`: `its name looks like 'eva'` (`choose another`)\n"
        "- `APP001` `members/eve/1.yml`: `waits for 1 more of the admins: ada`\n"
        "- `NOTE001` `benchmarks/a1/b1/1.yml`: `has no 'docs_url'` (`add one`)\n"
    )


def test_json_has_the_verdict_and_every_field() -> None:
    found = json.loads(as_json(REPORT))
    assert found["verdict"] == "REJECT"
    assert found["findings"][1] == {
        "severity": "HOLD",
        "rule": "HOLD001",
        "path": "members/eve/1.yml",
        "message": "its name looks like 'eva'",
        "repair": "choose another",
    }
    assert [f["rule"] for f in found["findings"]] == ["TREE001", "HOLD001", "APP001", "NOTE001"]


def test_nothing_found_is_said_in_every_form() -> None:
    nothing = Report(())
    assert as_text(nothing.findings) == ""
    assert as_markdown(nothing) == "**AUTO**\n\n"
    assert json.loads(as_json(nothing)) == {"verdict": "AUTO", "findings": []}
