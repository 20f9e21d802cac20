"""The check: every rule over one change, all findings collected."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from medperf_cli.core.check.findings import Finding, Report
from medperf_cli.core.check.rules import (
    approvals,
    decisions,
    documents,
    freezing,
    genesis,
    holds,
    members,
    notes,
    participation,
    recorded,
    redactions,
    references,
    results,
    roots,
    signatures,
    tree,
    versions,
)
from medperf_cli.core.check.rules.table import RULES, Rule, Sort
from medperf_cli.core.check.submission import Submission
from medperf_cli.core.snapshot import Change

MODULES = (
    tree,
    documents,
    signatures,
    genesis,
    roots,
    versions,
    references,
    members,
    decisions,
    recorded,
    redactions,
    freezing,
    participation,
    results,
    approvals,
    holds,
    notes,
)
"""Importing a module enters its rules into the table."""

NEWER_FORMAT = "DOC006"
"""Where it finds something, no other rule is asked."""
TOO_LARGE = "TREE004"
"""Where it finds something, whoever asks for strangers asks no other rule."""
CONSENSUS = frozenset({Sort.CONSENSUS})
EVERYTHING = frozenset(Sort)


def rules() -> tuple[Rule, ...]:
    """All rules, by id."""
    return _sorted(tuple(RULES.values()))


@lru_cache(maxsize=1)
def _sorted(found: tuple[Rule, ...]) -> tuple[Rule, ...]:
    return tuple(sorted(found, key=lambda rule: rule.id))


def check(change: Change, *, sorts: frozenset[Sort] = EVERYTHING) -> Report:
    """Judge a change against its base; pure.

    Args:
        change: what to judge.
        sorts: which rules; replay of history uses `CONSENSUS` only.

    """
    return judge(Submission(change), sorts)


def check_bounded(change: Change, *, sorts: frozenset[Sort] = EVERYTHING) -> Report:
    """As `check`, but of a change larger than the root allows only that is said; pure.

    For whoever is asked by anybody: comparing thousands of new files with each other takes minutes.
    """
    submission = Submission(change)
    large = Report.of(RULES[TOO_LARGE].apply(submission))
    return large if large.findings else judge(submission, sorts)


def judge(submission: Submission, sorts: frozenset[Sort]) -> Report:
    """Judge what was prepared before, so that the caller may use its entities afterwards; pure."""
    return Report.of(_findings(submission, sorts))


def _findings(submission: Submission, sorts: frozenset[Sort]) -> Iterator[Finding]:
    stop = list(RULES[NEWER_FORMAT].apply(submission))
    if stop:  # what the other rules would say of a format they were not written for means nothing
        yield from stop
        return
    for rule in rules():
        applies = rule.since <= submission.format and (rule.genesis or not submission.genesis)
        if rule.sort in sorts and applies:
            yield from rule.apply(submission)
