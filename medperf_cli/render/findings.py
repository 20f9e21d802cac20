"""Findings as text, as Markdown for a request's comment, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from medperf_cli.core.quoting import code, one_line

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


def exact(finding: Finding, request: object) -> Finding:
    """The same with the request's id in the command that repairs it, ready to be typed."""
    if finding.repair != "medperf review approve":
        return finding
    return replace(finding, repair=f"{finding.repair} {request}")


def as_markdown(report: Report) -> str:
    """A verdict and a list, hostile text fenced in code spans."""
    lines = [f"**{report.verdict.name}**\n\n"]
    lines += [f"{markdown_line(finding)}\n" for finding in report.findings]
    return "".join(lines)


def markdown_line(finding: Finding) -> str:
    """One finding as an item of a list."""
    repair = f" ({code(finding.repair)})" if finding.repair else ""
    return f"- `{finding.rule}` {code(finding.path)}: {code(finding.message)}{repair}"


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
