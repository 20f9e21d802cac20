"""One run summarised as the benchmark asks: what is computed, what is refused, how it is rounded."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from medperf_cli.core.entities.result import GroupMean, MeanMetric, RatioMetric, ReportedMetric
from medperf_cli.core.stats.rounding import round_significant, round_sum
from medperf_cli.core.stats.summary import Summary, summarise
from medperf_cli.errors import ContainerError
from tests.support.measuring import (
    benchmark,
    cases_of,
    column,
    group,
    mean_metric,
    rates,
    ratio_metric,
    reported_metric,
)

DICE = mean_metric("dice", minimum=0.0, maximum=1.0)
RATE = ratio_metric(minimum=0.0, maximum=1.0)
AUROC = reported_metric("auroc", path="auroc.value", error="auroc.error", minimum=0.0, maximum=1.0)


def _dice(values: list[object], results: dict[str, object] | None = None, digits: int = 12) -> Summary:
    return summarise(benchmark(DICE, digits=digits), results or {}, cases_of([DICE], column("dice", values)))


def test_a_run_is_summarised_from_its_cases() -> None:
    chance = np.random.default_rng(5)
    n = 200
    dice = chance.beta(8, 2, n)
    positive = (chance.random(n) < 0.4).astype(int)
    hits = positive * (chance.random(n) < 0.9)
    rows = [
        {"case": f"c{i}", "dice": float(dice[i]), "tp": int(hits[i]), "pos": int(positive[i])}
        for i in range(n)
    ]
    results = {
        "dice": float(np.float32(dice.mean())),  # a cube that computes in single precision agrees
        "sensitivity": hits.sum() / positive.sum(),
        "auroc": {"value": 0.9123456, "error": 0.0123456},
    }
    found = summarise(benchmark(DICE, RATE, AUROC, digits=4), results, cases_of([DICE, RATE], rows))

    value = hits.sum() / positive.sum()
    sd = np.std((hits - value * positive) / positive.mean(), ddof=1)
    assert found == Summary(
        metrics=(
            MeanMetric(
                key="dice",
                kind="mean",
                count=n,
                mean=float(f"{dice.mean():.3e}"),
                sd=float(f"{dice.std(ddof=1):.3e}"),
                skewness=float(f"{stats.skew(dice, bias=False):.3e}"),
                failed=0,
                missing=0,
            ),
            RatioMetric(
                key="sensitivity",
                kind="ratio",
                count=n,
                support=int(positive.sum()),
                numerator=float(hits.sum()),
                denominator=float(positive.sum()),
                sd=float(f"{sd:.3e}"),
                failed=0,
                missing=0,
            ),
            ReportedMetric(key="auroc", kind="reported", value=0.9123, error=0.01235),
        ),
        failed_cases=0,
        partial=False,
        unit="case",
    )


def test_without_cases_every_metric_is_reported() -> None:
    results = {"dice": 0.75, "sensitivity": 1, "auroc": {"value": 0.9}}
    found = summarise(benchmark(DICE, RATE, AUROC), results, None)
    assert found.metrics == (
        ReportedMetric(key="dice", kind="reported", value=0.75),
        ReportedMetric(key="sensitivity", kind="reported", value=1.0),
        ReportedMetric(key="auroc", kind="reported", value=0.9),
    )
    assert (found.failed_cases, found.partial, found.unit) == (0, False, None)


@pytest.mark.parametrize(
    ("results", "says"),
    [
        ({"sensitivity": 1, "auroc": {"value": 0.9}}, "metric 'dice' is not in the results file at 'dice'"),
        (
            {"dice": None, "sensitivity": 1, "auroc": {"value": 0.9}},
            "metric 'dice' is not in the results file",
        ),
        (
            {"dice": 1, "sensitivity": 1, "auroc": 0.9},
            "metric 'auroc' is not in the results file at 'auroc.value'",
        ),
        ({"dice": float("nan"), "sensitivity": 1}, "metric 'dice' is nan at 'dice'"),
        ({"dice": 1.5}, "metric 'dice' is 1.5, where at least 0 and at most 1 is possible"),
        (
            {"dice": 1, "sensitivity": 1, "auroc": {"value": 0.9, "error": -1}},
            "'auroc' has a negative standard error",
        ),
    ],
)
def test_a_metric_that_is_missing_or_impossible_is_named(results: dict[str, object], says: str) -> None:
    with pytest.raises(ContainerError) as error:
        summarise(benchmark(DICE, RATE, AUROC), results, None)
    assert says in error.value.message
    assert "metrics cube" in error.value.hint


def test_a_ratio_out_of_its_range_is_named() -> None:
    with pytest.raises(ContainerError, match=r"metric 'sensitivity' is 2, where at least 0 and at most 1"):
        summarise(benchmark(RATE), {}, cases_of([RATE], rates([(2, 1)] * 20)))


def test_a_range_with_one_end() -> None:
    counted = reported_metric("count", minimum=0.0)
    with pytest.raises(ContainerError, match=r"metric 'count' is -1, where at least 0 is possible"):
        summarise(benchmark(counted), {"count": -1}, None)


def test_a_cube_may_not_say_one_number_and_count_another() -> None:
    values: list[object] = [0.5, 0.7]
    _dice(values, {"dice": 0.6000005})
    _dice(values, {"dice": None})
    with pytest.raises(ContainerError, match=r"'dice' is 0.600001 in the results file and 0.6 by cases.csv"):
        _dice(values, {"dice": 0.600001})
    with pytest.raises(ContainerError, match=r"metric 'sensitivity' is 0.4 in the results file and 0.5 by"):
        summarise(benchmark(RATE), {"sensitivity": 0.4}, cases_of([RATE], rates([(1, 2)] * 20)))


@pytest.mark.parametrize("odd", ["failed", ""])
def test_a_cube_may_treat_failed_and_missing_cases_otherwise(odd: str) -> None:
    for told in (0.6, 0.4, 0.45):
        _dice([0.5, 0.7, odd], {"dice": told})


def test_a_cube_may_weigh_patients_otherwise_but_only_if_one_has_several_cases() -> None:
    several = cases_of([DICE], column("dice", [0.0, 1.0, 1.0], patients=["p1", "p2", "p2"]))
    summarise(benchmark(DICE), {"dice": 2 / 3}, several)
    one_each = cases_of([DICE], column("dice", [0.0, 1.0, 1.0], patients=["p1", "p2", "p3"]))
    with pytest.raises(ContainerError, match=r"metric 'dice' is 0.5 in the results file"):
        summarise(benchmark(DICE), {"dice": 0.5}, one_each)


def test_nan_in_the_results_file_is_an_error_though_cases_exist() -> None:
    with pytest.raises(ContainerError, match=r"metric 'dice' is nan at 'dice'"):
        _dice([0.5, 0.7], {"dice": float("nan")})


def test_failed_and_missing_are_counted() -> None:
    rows = [
        {"case": "c1", "dice": "failed", "tp": "failed", "pos": 1},
        {"case": "c2", "dice": 1, "tp": "failed", "pos": 1},
        {"case": "c3", "dice": "", "tp": 1, "pos": 1},
    ]
    found = summarise(benchmark(DICE, RATE), {}, cases_of([DICE, RATE], rows))
    assert [(m.failed, m.missing, m.count) for m in found.metrics if not isinstance(m, ReportedMetric)] == [
        (1, 1, 2),
        (2, 0, 3),
    ]
    assert (found.failed_cases, found.partial) == (2, True)


def test_a_metric_that_applies_to_no_case_is_left_out_and_named() -> None:
    rows = [{"case": f"c{i}", "dice": "na", "tp": 0, "pos": 0} for i in range(20)]
    # no case is positive: a cube may well write NaN for a sensitivity that does not exist
    found = summarise(benchmark(DICE, RATE), {"sensitivity": float("nan")}, cases_of([DICE, RATE], rows))
    assert found.not_applicable == ("dice",)
    (rate,) = found.metrics
    assert isinstance(rate, RatioMetric)
    assert (rate.count, rate.support, rate.numerator, rate.denominator, rate.sd) == (20, 0, 0.0, 0.0, 0.0)


def test_no_metric_at_all_is_an_error() -> None:
    with pytest.raises(ContainerError, match="no metric of the benchmark applies to any case"):
        _dice(["na"] * 20)
    with pytest.raises(ContainerError, match="metric 'dice' is missing in every case it applies to"):
        _dice(["na", ""] * 20)


def _by_sex(women: int, men: int, unknown: int = 0, minimum_cell: int | None = None) -> Summary:
    texts = ["f"] * women + ["m"] * men + [""] * unknown
    rows = [{**row, "sex": text} for row, text in zip(column("dice", [0.5] * len(texts)), texts, strict=True)]
    table = cases_of([DICE], rows, [group(), group("age", ("old", "young"))])
    return summarise(benchmark(DICE, groups=[group()]), {}, table, minimum_cell=minimum_cell)


def test_groups_have_n_mean_and_sd() -> None:
    rows = [
        {"case": f"c{i}", "patient": f"p{i // 2}", "dice": i % 2, "sex": "f" if i < 44 else "m"}
        for i in range(84)
    ]
    rows.append({"case": "c84", "patient": "p0", "dice": 1, "sex": "m"})  # of both: in neither group
    rows += [{"case": f"d{i}", "patient": f"q{i}", "dice": 1, "sex": "unknown"} for i in range(10)]
    found = summarise(benchmark(DICE, groups=[group()]), {}, cases_of([DICE], rows, [group()]))
    (dice,) = found.metrics
    assert isinstance(dice, MeanMetric)
    assert dice.count == 52
    assert dice.groups == (
        GroupMean(column="sex", value="f", count=21, mean=0.5, sd=0.0),
        GroupMean(column="sex", value="m", count=20, mean=0.5, sd=0.0),
    )


@pytest.mark.parametrize(
    ("counts", "withheld"),
    [
        ((20, 20, 0), ()),
        ((20, 0, 0), ()),
        ((20, 20, 11), ()),
        ((30, 10, 0), ("sex",)),
        ((20, 20, 3), ("sex",)),
    ],
)
def test_a_grouping_with_a_small_cell_stays_behind_whole(
    counts: tuple[int, int, int], withheld: tuple[str, ...]
) -> None:
    found = _by_sex(*counts)
    (dice,) = found.metrics
    assert isinstance(dice, MeanMetric)
    assert found.withheld_groups == withheld
    assert (dice.groups == ()) is bool(withheld)


def test_the_sites_own_minimum_may_be_higher_and_never_lower() -> None:
    assert _by_sex(20, 20, minimum_cell=21).withheld_groups == ("sex",)
    assert _by_sex(30, 10, minimum_cell=5).withheld_groups == ("sex",)


def test_sums_of_counts_are_exact_and_others_rounded() -> None:
    found = summarise(benchmark(RATE, digits=3), {}, cases_of([RATE], rates([(1234.5, 123457)] * 20)))
    (rate,) = found.metrics
    assert isinstance(rate, RatioMetric)
    assert (rate.numerator, rate.denominator) == (24690.0, 2469140.0)
    assert (round_sum(24690.5, 3), round_sum(24690.0, 3), round_sum(1e300, 3)) == (24700.0, 24690.0, 1e300)


@pytest.mark.parametrize(
    ("number", "digits", "rounded"),
    [
        (0.123456, 3, 0.123),
        (123456.0, 3, 123000.0),
        (-0.0009996, 3, -0.001),
        (0.0, 3, 0.0),
        (-0.0, 3, 0.0),
        (1e-310, 2, 1e-310),
        (0.1 + 0.2, 12, 0.3),
    ],
)
def test_rounding_to_significant_digits(number: float, digits: int, rounded: float) -> None:
    found = round_significant(number, digits)
    assert (found, np.signbit(found)) == (rounded, np.signbit(rounded))


@settings(deadline=None)
@given(st.floats(-1e15, 1e15), st.integers(2, 12))
def test_rounding_moves_by_half_a_digit_at_most_and_only_once(number: float, digits: int) -> None:
    rounded = round_significant(number, digits)
    assert abs(rounded - number) <= 0.5000001 * 10 ** (1 - digits) * abs(number) or abs(number) < 1e-300
    assert round_significant(rounded, digits) == rounded
