"""A new root that is short of signatures: rejected as it stands, while the admins' signatures come in."""

from __future__ import annotations

from medperf_cli.core.check.findings import Finding, Report, Severity, Verdict

_SIGNATURES = "SIG002"


def short_of_signatures(finding: Finding) -> bool:
    """Whether it says that a new root wants more signatures; a bad one is named by its own path."""
    return finding.rule == _SIGNATURES and finding.path.endswith(".yml")


def barred(report: Report) -> tuple[Finding, ...]:
    """The rejections that nothing delivered beside the request repairs."""
    return tuple(f for f in report.at(Severity.REJECT) if not short_of_signatures(f))


def verdict_of_request(report: Report) -> Verdict:
    """The verdict on a request that may wait: REVIEW where only signatures of a new root are missing."""
    found = report.verdict
    return Verdict.REVIEW if found is Verdict.REJECT and not barred(report) else found
