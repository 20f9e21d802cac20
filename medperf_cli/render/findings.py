"""Findings as text, as Markdown for a request's comment, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from medperf_cli.render.table import one_line

if TYPE_CHECKING:
    from medperf_cli.core.check.findings import Finding, Report


def as_text(findings: Iterable[Finding]) -> str:
    """One block a finding: severity, rule, path, message, repair."""
    lines = []
    for finding in findings:
        text = one_line(f"{finding.path}: {finding.message}")
        lines.append(f"{finding.severity.name:<6} {finding.rule:<8} {text}\n")
        if finding.repair:
            lines.append(f"{'':15} repair: {one_line(finding.repair)}\n")
    return "".join(lines)


def as_markdown(report: Report) -> str:
    """A verdict and a list, hostile text fenced in code spans."""
    lines = [f"**{report.verdict.name}**\n\n"]
    for finding in report.findings:
        lines.append(f"- `{finding.rule}` {_code(finding.path)}: {_code(finding.message)}")
        lines.append(f" ({_code(finding.repair)})\n" if finding.repair else "\n")
    return "".join(lines)


def as_json(report: Report) -> str:
    """The verdict and all findings."""
    findings = [
        {
            "severity": f.severity.name,
            "rule": f.rule,
            "path": f.path,
            "message": f.message,
            "repair": f.repair,
        }
        for f in report.findings
    ]
    return json.dumps({"verdict": report.verdict.name, "findings": findings}, indent=2)


def _code(text: str) -> str:
    clean = one_line(text).replace("`", "'")
    return f"`{clean}`"
