"""The metrics of one run as they may leave a site: computed from cases, or else reported by the cube."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from medperf_cli.core.entities.benchmark import Benchmark, Group, MetricDefinition, MetricKind
from medperf_cli.core.entities.result import GroupMean, MeanMetric, Metric, RatioMetric, ReportedMetric
from medperf_cli.core.stats.cases import Cases, Mark
from medperf_cli.core.stats.disclosure import unsafe_groups
from medperf_cli.core.stats.groups import group_means
from medperf_cli.core.stats.moments import Sample, moments, ratio, sample
from medperf_cli.core.stats.results_file import number_at
from medperf_cli.core.stats.rounding import round_significant, round_sum
from medperf_cli.errors import ContainerError

AGREEMENT = 1e-6
"""How far, relatively, the cube's own number may be from ours; also absolutely, for numbers near zero."""
_HINT = "the metrics cube says so; tell its owner, and run its task again with a corrected cube"


@dataclass(frozen=True)
class Summary:
    """What a result says about one run.

    `failed_cases` counts cases that failed in any metric; `partial` says that some value is missing;
    `not_applicable` names metrics that apply to no case here, `withheld_groups` the group columns that stay
    behind because a cell is too small; `unit` is what n counts (None without cases).
    """

    metrics: tuple[Metric, ...]
    failed_cases: int
    partial: bool
    unit: Literal["patient", "case"] | None
    not_applicable: tuple[str, ...] = ()
    withheld_groups: tuple[str, ...] = ()


def summarise(
    benchmark: Benchmark, results: Mapping[str, Any], cases: Cases | None, *, minimum_cell: int | None = None
) -> Summary:
    """Summarise one run as the benchmark asks, rounded to its significant digits.

    Counts, and sums that are whole numbers, are exact. Without cases every metric is `reported`. With
    cases, mean and ratio are computed from them, and the cube's own number, where it gives one, has to
    agree; it is not compared where it may rightly differ (patients with several cases, failed or missing
    cases). Whether the cells are large enough to leave is judged by `disclosure`; only groups are withheld
    here, by column.

    Args:
        benchmark: the benchmark.
        results: the results file, parsed.
        cases: the table of cases, if the cube wrote one.
        minimum_cell: the site's own minimum, in patients; the larger of it and the benchmark's counts.

    Raises:
        ContainerError: naming the metric that is missing, no number, out of range, or told in two ways.

    """
    digits = benchmark.disclosure.significant_digits
    if cases is None:
        metrics = tuple(_reported(metric, results, digits) for metric in benchmark.metrics)
        return Summary(metrics, failed_cases=0, partial=False, unit=None)
    found = {m.key: _metric(m, benchmark.groups, results, cases, digits) for m in benchmark.metrics}
    present = [metric for metric in found.values() if metric is not None]
    if not present:
        raise ContainerError("no metric of the benchmark applies to any case", hint=_HINT)
    minimum = max(minimum_cell or 0, benchmark.disclosure.minimum_cell)
    withheld = unsafe_groups(present, minimum)
    return Summary(
        metrics=tuple(_without(metric, withheld) for metric in present),
        failed_cases=_failed_cases(cases),
        partial=any(not isinstance(m, ReportedMetric) and m.missing > 0 for m in present),
        unit=cases.unit,
        not_applicable=tuple(key for key, metric in found.items() if metric is None),
        withheld_groups=tuple(sorted(withheld)),
    )


def _metric(
    metric: MetricDefinition, groups: Sequence[Group], results: Mapping[str, Any], cases: Cases, digits: int
) -> Metric | None:
    """One metric; None if it applies to no case."""
    if metric.kind is MetricKind.REPORTED:
        return _reported(metric, results, digits)
    found = sample(metric, cases)
    if not found.terms:
        if found.missing:
            raise ContainerError(f"metric '{metric.key}' is missing in every case it applies to", hint=_HINT)
        return None
    record, value = (
        _mean(metric, found, group_means(groups, cases, found, digits), digits)
        if metric.kind is MetricKind.MEAN
        else _ratio(metric, found, digits)
    )
    if value is not None:
        _in_range(metric, value)
        told = number_at(results, metric.path, metric.key)
        if told is not None and not found.failed and not found.missing and _one_case_each(cases):
            _agree(metric, told, value)
    return record


def _mean(
    metric: MetricDefinition, found: Sample, groups: tuple[GroupMean, ...], digits: int
) -> tuple[MeanMetric, float]:
    """The metric as it leaves, and its unrounded value."""
    computed = moments([term.numerator for term in found.terms.values()])
    record = MeanMetric(
        key=metric.key,
        kind="mean",
        count=computed.n,
        mean=round_significant(computed.mean, digits),
        sd=round_significant(computed.sd, digits),
        skewness=None if computed.skewness is None else round_significant(computed.skewness, digits),
        failed=found.failed,
        missing=found.missing,
        groups=groups,
    )
    return record, computed.mean


def _ratio(metric: MetricDefinition, found: Sample, digits: int) -> tuple[RatioMetric, float | None]:
    """The metric as it leaves, and its unrounded value (None if the denominator is zero)."""
    computed = ratio(found.terms.values())
    record = RatioMetric(
        key=metric.key,
        kind="ratio",
        count=computed.n,
        support=computed.support,
        numerator=round_sum(computed.numerator, digits),
        denominator=round_sum(computed.denominator, digits),
        sd=round_significant(computed.sd, digits),
        failed=found.failed,
        missing=found.missing,
    )
    return record, computed.value


def _reported(metric: MetricDefinition, results: Mapping[str, Any], digits: int) -> ReportedMetric:
    value = number_at(results, metric.path, metric.key)
    if value is None:
        raise ContainerError(
            f"metric '{metric.key}' is not in the results file at '{metric.path}'", hint=_HINT
        )
    _in_range(metric, value)
    error = number_at(results, metric.error, metric.key) if metric.error else None
    if error is not None and error < 0:
        raise ContainerError(
            f"metric '{metric.key}' has a negative standard error at '{metric.error}'", hint=_HINT
        )
    return ReportedMetric(
        key=metric.key,
        kind="reported",
        value=round_significant(value, digits),
        error=None if error is None else round_significant(error, digits),
    )


def _in_range(metric: MetricDefinition, value: float) -> None:
    low, high = metric.minimum, metric.maximum
    if (low is not None and value < low) or (high is not None and value > high):
        asked = " and ".join(
            f"{word} {bound:g}" for word, bound in (("at least", low), ("at most", high)) if bound is not None
        )
        raise ContainerError(f"metric '{metric.key}' is {value:.9g}, where {asked} is possible", hint=_HINT)


def _agree(metric: MetricDefinition, told: float, computed: float) -> None:
    """A cube may not say one number and count another."""
    if not math.isclose(computed, told, rel_tol=AGREEMENT, abs_tol=AGREEMENT):
        raise ContainerError(
            f"metric '{metric.key}' is {told:.9g} in the results file and {computed:.9g} by cases.csv",
            hint=_HINT,
        )


def _one_case_each(cases: Cases) -> bool:
    return len(cases.units) == len(cases.ids)


def _failed_cases(cases: Cases) -> int:
    return sum(Mark.FAILED in row for row in zip(*cases.columns.values(), strict=True))


def _without(metric: Metric, columns: frozenset[str]) -> Metric:
    if not isinstance(metric, MeanMetric) or not columns:
        return metric
    return metric.model_copy(update={"groups": tuple(g for g in metric.groups if g.column not in columns)})
