"""Means by group, such as sex or scanner, over patients."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from medperf_cli.core.entities.benchmark import Group
from medperf_cli.core.entities.result import GroupMean
from medperf_cli.core.stats.cases import Cases
from medperf_cli.core.stats.moments import Sample, moments
from medperf_cli.core.stats.rounding import round_significant


def group_means(groups: Iterable[Group], cases: Cases, sample: Sample, digits: int) -> tuple[GroupMean, ...]:
    """n, mean and sd of every declared group that has patients, in the order of the declaration.

    Groups of one column do not overlap: a patient whose cases carry different values is in none of them, as
    is one whose value is not declared.
    """
    return tuple(
        found
        for group in groups
        if group.column in cases.groups
        for found in _means(group, cases, sample, digits)
    )


def _means(group: Group, cases: Cases, sample: Sample, digits: int) -> Iterator[GroupMean]:
    texts = cases.groups[group.column]
    members: dict[str, list[float]] = {value: [] for value in group.values}
    for unit, term in sample.terms.items():
        carried = {texts[row] for row in cases.units[unit]}
        if len(carried) == 1 and (value := carried.pop()) in members:
            members[value].append(term.numerator)
    for value, numbers in members.items():
        if numbers:
            found = moments(numbers)
            yield GroupMean(
                column=group.column,
                value=value,
                count=found.n,
                mean=round_significant(found.mean, digits),
                sd=round_significant(found.sd, digits),
            )
