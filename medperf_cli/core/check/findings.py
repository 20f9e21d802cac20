"""Findings and verdicts: what the check says of a change."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass


class Severity(enum.IntEnum):
    """How much a finding weighs, mildest first."""

    NOTE = 0
    REVIEW = 1
    HOLD = 2
    REJECT = 3


class Verdict(enum.IntEnum):
    """What may happen to a change, mildest first, so that `max()` is right."""

    AUTO = 0
    REVIEW = 1
    REJECT = 2


_VERDICTS = {
    Severity.NOTE: Verdict.AUTO,
    Severity.REVIEW: Verdict.REVIEW,
    Severity.HOLD: Verdict.REVIEW,
    Severity.REJECT: Verdict.REJECT,
}


@dataclass(frozen=True, order=True)
class Finding:
    """One thing a rule has to say: about which path, what is so, and what repairs it."""

    severity: Severity
    rule: str
    path: str
    message: str
    repair: str = ""


@dataclass(frozen=True)
class Report:
    """All findings about one change, gravest first."""

    findings: tuple[Finding, ...]

    @classmethod
    def of(cls, findings: Iterable[Finding]) -> Report:
        """Order findings: gravest first, then by rule and path."""
        return cls(tuple(sorted(set(findings), key=lambda f: (-f.severity, f.rule, f.path, f.message))))

    @property
    def verdict(self) -> Verdict:
        """AUTO, REVIEW or REJECT."""
        return max((_VERDICTS[f.severity] for f in self.findings), default=Verdict.AUTO)

    def at(self, severity: Severity) -> tuple[Finding, ...]:
        """The findings of one severity."""
        return tuple(f for f in self.findings if f.severity is severity)
