"""Paired differences between two results on the same data: models compared patient by patient."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from medperf_cli.core.entities.benchmark import MetricDefinition, MetricKind
from medperf_cli.core.entities.result import PairedDifference
from medperf_cli.core.stats.cases import Cases
from medperf_cli.core.stats.disclosure import too_small
from medperf_cli.core.stats.moments import Sample, Term, moments, ratio, sample
from medperf_cli.core.stats.rounding import round_significant


def compare(
    metrics: Iterable[MetricDefinition], now: Cases, earlier: Cases, *, minimum_cell: int, digits: int
) -> tuple[PairedDifference, ...]:
    """Differences (now - earlier) over the patients both have, rounded to significant `digits`.

    mean: the mean of the patients' differences and its sd (n-1). ratio: the difference of the ratios of the
    common patients, and the sd of the difference of their linearised terms. A patient's value is the one it
    has in each result by itself, so over all patients the difference is that of the results.

    Left out, because with the totals of both results they would tell about fewer than `minimum_cell`
    patients: metrics with too few common patients; metrics where one result has some patients, but too few,
    that the other has not (total minus common is theirs alone); ratios where the same is so for patients
    with a denominator. Leaving out says only that some cell is too small, not which. Also left out:
    `reported` metrics, ratios without denominator, and everything if one table counts patients and the
    other cases.
    """
    if now.unit != earlier.unit:
        return ()
    return tuple(
        PairedDifference(
            key=metric.key,
            count=pair.n,
            difference=round_significant(pair.difference, digits),
            sd=round_significant(pair.sd, digits),
        )
        for metric in metrics
        if metric.kind is not MetricKind.REPORTED
        and (pair := _pair(metric, sample(metric, now), sample(metric, earlier), minimum_cell))
    )


@dataclass(frozen=True, slots=True)
class _Pair:
    n: int
    difference: float
    sd: float


def _pair(metric: MetricDefinition, now: Sample, earlier: Sample, minimum_cell: int) -> _Pair | None:
    common = sorted(now.terms.keys() & earlier.terms.keys())
    if not common or any(too_small(cell, minimum_cell) for cell in _cells(common, now, earlier)):
        return None
    ours, theirs = [now.terms[unit] for unit in common], [earlier.terms[unit] for unit in common]
    return _of_means(ours, theirs) if metric.kind is MetricKind.MEAN else _of_ratios(ours, theirs)


def _cells(common: Sequence[str], *samples: Sample) -> Iterable[int]:
    """Patients, and patients with a denominator: common ones, and those only one result has."""
    yield len(common)
    for one in samples:
        yield len(one.terms) - len(common)
        support = sum(one.terms[unit].denominator != 0.0 for unit in common)
        yield support
        yield sum(term.denominator != 0.0 for term in one.terms.values()) - support


def _of_means(now: Sequence[Term], earlier: Sequence[Term]) -> _Pair:
    differences = [a.numerator - b.numerator for a, b in zip(now, earlier, strict=True)]
    found = moments(differences)
    return _Pair(found.n, found.mean, found.sd)


def _of_ratios(now: Sequence[Term], earlier: Sequence[Term]) -> _Pair | None:
    ours, theirs = ratio(now), ratio(earlier)
    if ours.value is None or theirs.value is None:
        return None
    terms = [a - b for a, b in zip(ours.linearised, theirs.linearised, strict=True)]
    return _Pair(len(now), ours.value - theirs.value, moments(terms).sd)
