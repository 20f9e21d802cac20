"""One result as figures: values with standard errors, and differences on the same patients."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from medperf_cli.core.names import EntityPath, parse_path

Facts = Mapping[str, Any]
"""An entity's file, or an entity of a snapshot, as plain data."""
FEW = 50
"""Below this many patients a standard error says little about itself."""


@dataclass(frozen=True)
class Value:
    """One metric of one result.

    `error` is the standard error (sd / sqrt(count); for a reported metric the cube's own). `value` is None
    for a ratio whose denominator is zero.
    """

    value: float | None
    error: float | None = None
    count: int | None = None
    support: int | None = None
    numerator: float | None = None
    denominator: float | None = None
    failed: int = 0
    missing: int = 0

    @property
    def few(self) -> bool:
        """Whether it rests on fewer than 50."""
        base = self.count if self.support is None else self.support
        return base is not None and base < FEW

    @property
    def weight(self) -> float | None:
        """In a case-weighted estimate: the count of a mean, the denominator of a ratio; else None."""
        return self.denominator if self.denominator is not None else self.count


@dataclass(frozen=True)
class Difference:
    """One metric of a result minus that of another model's on the same patients, with its standard error."""

    key: str
    other: str
    path: str
    count: int
    difference: float
    error: float | None


@dataclass(frozen=True)
class Cell:
    """One result: a model at a site; `unit` is what counts count (`patient` or `case`)."""

    path: str
    dataset: str
    unit: str | None
    partial: bool
    failed_cases: int
    values: Mapping[str, Value]
    differences: tuple[Difference, ...]

    def completed(self, key: str) -> bool:
        """Whether all cases ran and the metric has a value."""
        found = self.values.get(key)
        return not self.partial and found is not None and found.value is not None


def cell(path: EntityPath, document: Facts) -> Cell:
    """A result's file as figures."""
    return Cell(
        path=str(path),
        dataset="/".join(path.parts[4:]),
        unit=document.get("unit"),
        partial=document["partial"],
        failed_cases=document["failed_cases"],
        values={m["key"]: value_of(m) for m in document["metrics"]},
        differences=tuple(
            Difference(
                key=m["key"],
                other="/".join(parse_path(against["result"]["path"]).parts[2:4]),
                path=against["result"]["path"],
                count=m["count"],
                difference=m["difference"],
                error=_standard_error(m["sd"], m["count"]),
            )
            for against in document.get("against", ())
            for m in against["metrics"]
        ),
    )


def value_of(metric: Facts) -> Value:
    """One metric of a result's file as a value with its standard error.

    A ratio's sd is that of its linearised terms, sd / sqrt(count) being its standard error (first order).
    """
    if metric["kind"] == "reported":
        return Value(metric["value"], metric.get("error"))
    count = metric["count"]
    common = {"count": count, "failed": metric["failed"], "missing": metric["missing"]}
    error = _standard_error(metric["sd"], count)
    if metric["kind"] == "mean":
        return Value(metric["mean"], error, **common)
    numerator, denominator = metric["numerator"], metric["denominator"]
    ratio = numerator / denominator if denominator else None
    return Value(
        ratio,
        error,
        support=metric["support"],
        numerator=numerator,
        denominator=denominator,
        **common,
    )


def _standard_error(sd: float, count: int) -> float | None:
    return sd / math.sqrt(count) if count else None
