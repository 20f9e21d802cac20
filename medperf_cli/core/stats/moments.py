"""Values of patients, and the moments and sums over them: what a result holds instead of cases.

The unit is the patient where `cases.csv` names patients, else the case. Cases are averaged within a patient
first, numerators and denominators of a ratio too, so that a patient with many cases weighs no more than
another. Of a patient's cases, those not applicable or missing are left out of that average, and failed ones
enter it with their score; a patient without any case left is not counted in n.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from medperf_cli.core.entities.benchmark import MetricDefinition, MetricKind
from medperf_cli.core.stats.cases import Cases, Mark, Value

_ENOUGH_FOR_SKEWNESS = 3
_Field = TypeVar("_Field")


@dataclass(frozen=True, slots=True)
class Term:
    """What one case or patient adds to both sums; the denominator of a mean is 1."""

    numerator: float
    denominator: float = 1.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One metric's terms by patient (or case), in the order of their ids.

    `failed` and `missing` count cases, not patients: those scored as failures, and those that should have a
    value and have none.
    """

    terms: Mapping[str, Term]
    failed: int
    missing: int


@dataclass(frozen=True, slots=True)
class Moments:
    """n, mean, sd (n-1; 0 for n = 1), and skewness (None for n < 3 or sd 0)."""

    n: int
    mean: float
    sd: float
    skewness: float | None


@dataclass(frozen=True, slots=True)
class Ratio:
    """Both sums, the patients with a denominator, the linearised terms by patient, and their sd (n-1)."""

    n: int
    support: int
    numerator: float
    denominator: float
    linearised: tuple[float, ...]
    sd: float

    @property
    def value(self) -> float | None:
        """The ratio; None if the denominator is zero."""
        return self.numerator / self.denominator if self.denominator else None


def sample(metric: MetricDefinition, cases: Cases) -> Sample:
    """The terms of a mean or ratio metric by patient.

    A failed case scores `failed_score`. For a ratio that is the ratio the case scores: its numerator is
    `failed_score` times its denominator, which is the one the cube gives or else the average of those given
    for other cases (1 if none is), so that failing never weighs less than an average case. A ratio's case
    is not applicable if either column says so, else failed if either does, else missing if either is.
    """
    pairs = _pairs(metric, cases)
    scored = _scored(pairs, _given(metric.failed_score))
    terms: dict[str, Term] = {}
    for unit, rows in cases.units.items():
        counted = [term for row in rows if isinstance(term := scored[row], Term)]
        if counted:
            terms[unit] = Term(
                average([term.numerator for term in counted]), average([term.denominator for term in counted])
            )
    return Sample(
        terms,
        failed=sum(Mark.FAILED in pair and Mark.NOT_APPLICABLE not in pair for pair in pairs),
        missing=sum(term is Mark.MISSING for term in scored),
    )


def moments(values: Sequence[float]) -> Moments:
    """Moments of at least one value.

    Skewness is the adjusted Fisher-Pearson coefficient G1 (Joanes and Gill 1998, The Statistician
    47:183-189). Sums are exact (`math.fsum`), deviations scaled by the largest, so neither order nor size
    costs digits.
    """
    n, mean = len(values), average(values)
    deviations = [value - mean for value in values]
    scale = max(map(abs, deviations))
    if scale == 0.0:
        return Moments(n, mean, 0.0, None)
    scaled = [deviation / scale for deviation in deviations]
    second = math.fsum(d * d for d in scaled) / n
    sd = scale * math.sqrt(second * n / (n - 1))
    if n < _ENOUGH_FOR_SKEWNESS:
        return Moments(n, mean, sd, None)
    third = math.fsum(d * d * d for d in scaled) / n
    return Moments(n, mean, sd, third / second**1.5 * math.sqrt(n * (n - 1)) / (n - 2))


def ratio(terms: Iterable[Term]) -> Ratio:
    """The ratio of sums over at least one patient, with its linearised terms (num - R*den) / mean(den).

    Their sd over sqrt(n) is the standard error of R (Taylor linearisation; Cochran 1977, Sampling Techniques,
    section 6.3). A denominator of zero leaves R undefined and the terms zero.
    """
    known = tuple(terms)
    n = len(known)
    numerator = math.fsum(t.numerator for t in known)
    denominator = math.fsum(t.denominator for t in known)
    support = sum(t.denominator != 0.0 for t in known)
    if denominator == 0.0:
        return Ratio(n, support, numerator, denominator, (0.0,) * n, 0.0)
    value, mean = numerator / denominator, denominator / n
    linearised = tuple((t.numerator - value * t.denominator) / mean for t in known)
    return Ratio(n, support, numerator, denominator, linearised, moments(linearised).sd)


def average(values: Sequence[float]) -> float:
    """The mean of at least one value; of equal values exactly that value."""
    first = values[0]
    if all(value == first for value in values):
        return first
    return math.fsum(values) / len(values)


def _pairs(metric: MetricDefinition, cases: Cases) -> list[tuple[Value, Value]]:
    """Numerator and denominator of every case; the denominator of a mean is 1."""
    if metric.kind is MetricKind.MEAN:
        return [(value, 1.0) for value in cases.columns[_given(metric.column)]]
    columns = cases.columns[_given(metric.numerator)], cases.columns[_given(metric.denominator)]
    return list(zip(*columns, strict=True))


def _scored(pairs: Sequence[tuple[Value, Value]], failed_score: float) -> list[Term | Mark]:
    known = [
        denominator
        for numerator, denominator in pairs
        if isinstance(denominator, float) and numerator not in (Mark.NOT_APPLICABLE, Mark.MISSING)
    ]
    instead = average(known) if known else 1.0

    def score(numerator: Value, denominator: Value) -> Term | Mark:
        if isinstance(numerator, float) and isinstance(denominator, float):
            return Term(numerator, denominator)
        if Mark.NOT_APPLICABLE in (numerator, denominator):
            return Mark.NOT_APPLICABLE
        if Mark.FAILED in (numerator, denominator):
            own = denominator if isinstance(denominator, float) else instead
            return Term(failed_score * own, own)
        return Mark.MISSING

    return [score(*pair) for pair in pairs]


def _given(field: _Field | None) -> _Field:
    if field is None:
        raise TypeError("a metric definition lacks a field of its kind, which its own validation forbids")
    return field
