"""Judging a change: rules, findings, verdicts."""
