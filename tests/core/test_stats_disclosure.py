"""Which numbers tell about too few patients, in results and in published statistics."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medperf_cli.core.entities.result import (
    GroupMean,
    MeanMetric,
    Metric,
    RatioMetric,
    ReportedMetric,
    Result,
)
from medperf_cli.core.stats.disclosure import (
    result_violations,
    statistics_violations,
    too_small,
    unsafe_groups,
    violations,
)


def _mean(n: int, key: str = "dice", missing: int = 0, **sexes: int) -> MeanMetric:
    groups = tuple(
        GroupMean(column="sex", value=sex, count=size, mean=0.5, sd=0.1) for sex, size in sexes.items()
    )
    return MeanMetric(
        key=key, kind="mean", count=n, mean=0.5, sd=0.1, failed=3, missing=missing, groups=groups
    )


def _ratio(n: int, support: int, key: str = "rate", missing: int = 0) -> RatioMetric:
    return RatioMetric(
        key=key,
        kind="ratio",
        count=n,
        support=support,
        numerator=3.0,
        denominator=float(support),
        sd=0.1,
        failed=2,
        missing=missing,
    )


REPORTED = ReportedMetric(key="auroc", kind="reported", value=0.9)


@pytest.mark.parametrize(
    "metrics",
    [
        [_mean(11)],
        [_mean(0)],
        [_mean(40, f=11, m=29)],
        [_mean(40, f=11, m=18)],  # eleven of unknown sex
        [_mean(40, f=40)],
        [_ratio(40, 11)],
        [_ratio(40, 29)],
        [_ratio(40, 40)],
        [_ratio(40, 0)],
        [REPORTED],
        [_mean(40), _ratio(40, 20), _mean(29, "hd95"), REPORTED],
        [_mean(40), _mean(0, "hd95")],
        [_mean(40), _mean(37, "hd95", missing=3)],  # the three may all be missing
    ],
)
def test_large_and_empty_cells_may_leave(metrics: list[Metric]) -> None:
    assert violations(metrics, 11) == []


@pytest.mark.parametrize(
    ("metrics", "says"),
    [
        ([_mean(10)], ["metric 'dice': cell 'count'"]),
        ([_mean(1)], ["metric 'dice': cell 'count'"]),
        ([_mean(40, f=10, m=30)], ["metric 'dice': cell 'count of sex = f'"]),
        ([_mean(40, f=20, m=17)], ["metric 'dice': cell 'count - groups of sex'"]),
        ([_mean(40, f=37)], ["metric 'dice': cell 'count - groups of sex'"]),
        ([_ratio(40, 10)], ["metric 'rate': cell 'support'"]),
        ([_ratio(40, 30)], ["metric 'rate': cell 'count - support'"]),
        ([_mean(40), _ratio(37, 20)], ["metrics 'dice' and 'rate': cell 'difference of count'"]),
        ([_mean(37), _mean(40, "hd95")], ["metrics 'dice' and 'hd95': cell 'difference of count'"]),
        (
            [_mean(40), _mean(36, "hd95", missing=3)],
            ["metrics 'dice' and 'hd95': cell 'difference of count'"],
        ),
        (
            [_mean(60, f=30, m=30), _mean(40, "hd95", f=27, m=13)],
            ["metrics 'dice' and 'hd95': cell 'difference of count of sex = f'"],
        ),
    ],
)
def test_small_cells_and_what_follows_from_others_are_found(metrics: list[Metric], says: list[str]) -> None:
    assert violations(metrics, 11) == [f"{text} holds fewer than 11 patients" for text in says]


@settings(deadline=None, max_examples=100)
@given(st.integers(0, 60), st.integers(0, 60), st.integers(11, 30))
def test_one_ratio_is_judged_by_its_three_cells(n: int, support: int, minimum: int) -> None:
    if support > n:
        n, support = support, n
    found = violations([_ratio(n, support)], minimum)
    assert len(found) == sum(too_small(cell, minimum) for cell in (n, support, n - support))


def test_unsafe_groups_are_those_with_a_small_cell_in_any_metric() -> None:
    assert unsafe_groups([_mean(40, f=20, m=20)], 11) == frozenset()
    assert unsafe_groups([_mean(40, f=20, m=20), _mean(28, "hd95", f=20, m=8)], 11) == {"sex"}
    assert unsafe_groups([_mean(60, f=30, m=30), _mean(40, "hd95", f=27, m=13)], 11) == {"sex"}
    assert unsafe_groups([_mean(5)], 11) == frozenset()


def _result(n: int, pair: int) -> Result:
    pin = {"path": "cubes/ward/cube/1.yml", "sha256": "a" * 64}
    earlier = {"path": "results/ward/task/lab/net/ward/data/1.yml", "sha256": "c" * 64}
    task = {
        "task": "infer",
        "cube": pin,
        "image": f"sha256:{'a' * 64}",
        "applied": ["no-network"],
        "started": "2026-11-22T10:00:00Z",
        "duration_seconds": 1.0,
    }
    difference = {"key": "dice", "count": pair, "difference": 0.1, "sd": 0.2}
    return Result.model_validate(
        {
            "schema": "result/1",
            "registry": "b" * 32,
            "version": 1,
            "benchmark": {"path": "benchmarks/ward/task/1.yml", "sha256": "a" * 64},
            "model": pin,
            "dataset": {"path": "datasets/ward/data/1.yml", "sha256": "a" * 64},
            "cubes": {"data_preparator": pin, "metrics": pin},
            "unit": "patient",
            "metrics": [_mean(n).document(), REPORTED.document()],
            "against": [{"result": earlier, "metrics": [difference]}],
            "partial": False,
            "failed_cases": 0,
            "execution": {
                "tool": "medperf 0.1.0",
                "contract": 1,
                "engine": {"name": "docker", "version": "20", "rootless": False},
                "hardware": {"cpu": "a processor", "cpus": 2, "memory_bytes": 1},
                "tasks": [task],
            },
        }
    )


@pytest.mark.parametrize(
    ("n", "pair", "cells"),
    [
        (40, 40, []),
        (40, 29, []),
        (40, 10, ["count"]),
        (40, 37, ["count without the common patients"]),
    ],
)
def test_pairs_are_judged_against_their_result(n: int, pair: int, cells: list[str]) -> None:
    where = "metric 'dice' against 'results/ward/task/lab/net/ward/data/1.yml'"
    assert result_violations(_result(n, pair), 11) == [
        f"{where}: cell '{cell}' holds fewer than 11 patients" for cell in cells
    ]


def test_a_results_own_cells_are_judged_too() -> None:
    assert (
        result_violations(_result(10, 10), 11)[0]
        == "metric 'dice': cell 'count' holds fewer than 11 patients"
    )


@pytest.mark.parametrize(
    "statistics",
    [
        {},
        {"n": 11, "empty": 0, "below": -3},
        {"age": {"mean": 3.0, "quartiles": [1.0, 2.0, 3.0]}},
        {"complete": True, "scanner": "brand 3"},
        {"histogram": [20] * 256},
        {"a": {"h": [20] * 200}, "b": {"h": [20] * 200}, "c": [20] * 200},
    ],
)
def test_large_counts_and_quantities_may_be_published(statistics: dict[str, Any]) -> None:
    assert statistics_violations(statistics, 11) == []


@pytest.mark.parametrize(
    ("statistics", "says"),
    [
        ({"n": 7}, "'n' may count fewer than 11 patients"),
        ({"sex": {"f": 30, "m": 7}}, "'sex.m' may count fewer than 11 patients"),
        ({"ages": [20, {"old": 7}]}, "'ages.1.old' may count fewer than 11 patients"),
        ({"score": [0.5] * 257}, "'score' holds more than 256 values, as cases would"),
        ({"score": [[0.5, 1.5]] * 129}, "'score' holds more than 256 values, as cases would"),
        (
            {"by_case": {f"c{i}": 0.5 for i in range(257)}},
            "'by_case' holds more than 256 values, as cases would",
        ),
        ({"by_case": [{"age": 40.0}] * 257}, "'by_case' holds more than 256 values, as cases would"),
        (
            {"by_case": {f"c{i}": {"age": 40.0} for i in range(257)}},
            "'by_case' holds more than 256 values, as cases would",
        ),
        ({f"c{i}": "x" for i in range(257)}, "'statistics' holds more than 256 values, as cases would"),
    ],
)
def test_small_counts_and_cases_are_named_and_not_repeated(statistics: dict[str, Any], says: str) -> None:
    assert statistics_violations(statistics, 11) == [says]


def test_a_prefix_says_where_the_statistics_stand() -> None:
    assert statistics_violations({"cases": 7}, 11, "counts") == [
        "'counts.cases' may count fewer than 11 patients"
    ]
