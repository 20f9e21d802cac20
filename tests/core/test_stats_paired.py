"""Paired differences between two results on the same patients."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medperf_cli.core.entities.result import PairedDifference
from medperf_cli.core.stats.cases import Cases
from medperf_cli.core.stats.moments import Term, moments, ratio, sample
from medperf_cli.core.stats.paired import compare
from tests.support.measuring import cases_of, column, mean_metric, rates, ratio_metric, reported_metric

DICE = mean_metric("dice")
RATE = ratio_metric()
UNIT = st.floats(0, 1).filter(lambda x: x == 0 or x > 1e-9)
PAIRS = st.lists(st.tuples(UNIT, UNIT), min_size=11, max_size=40)


def _compare(now: Cases, earlier: Cases, minimum_cell: int = 11) -> dict[str, PairedDifference]:
    found = compare([DICE, RATE, reported_metric()], now, earlier, minimum_cell=minimum_cell, digits=12)
    return {pair.key: pair for pair in found}


def _dice(values: list[object]) -> Cases:
    rows = [{**row, "tp": 0, "pos": 0} for row in column("dice", values)]
    return cases_of([DICE, RATE], rows)


def _rates(pairs: list[tuple[object, object]]) -> Cases:
    return cases_of([DICE, RATE], [{**row, "dice": "na"} for row in rates(pairs)])


@settings(deadline=None, max_examples=60)
@given(PAIRS)
def test_over_the_same_patients_it_is_the_difference_of_the_means(values: list[tuple[float, float]]) -> None:
    a, b = ([pair[i] for pair in values] for i in (0, 1))
    now, earlier = _dice(list(a)), _dice(list(b))
    pair = _compare(now, earlier)["dice"]
    assert pair.count == len(values)
    assert pair.difference == pytest.approx(moments(a).mean - moments(b).mean, rel=1e-9, abs=1e-12)
    assert pair.sd == pytest.approx(np.std(np.subtract(a, b), ddof=1), rel=1e-9, abs=1e-12)
    back = _compare(earlier, now)["dice"]
    assert (back.count, back.difference, back.sd) == (pair.count, 0.0 - pair.difference, pair.sd)


@settings(deadline=None, max_examples=60)
@given(PAIRS, st.integers(1, 4))
def test_ratios_compare_by_their_linearised_terms(values: list[tuple[float, float]], weight: int) -> None:
    dens = [float(1 + (i * weight) % 3) for i in range(len(values))]
    a, b = ([pair[i] for pair in values] for i in (0, 1))
    now, earlier = _rates(list(zip(a, dens, strict=True))), _rates(list(zip(b, dens, strict=True)))
    pair = _compare(now, earlier)["sensitivity"]
    den = np.array(dens)
    difference = (np.sum(a) - np.sum(b)) / den.sum()
    terms = (
        np.subtract(a, b) - difference * den
    ) / den.mean()  # equal denominators: one ratio of differences
    assert pair.difference == pytest.approx(difference, rel=1e-9, abs=1e-12)
    assert pair.sd == pytest.approx(np.std(terms, ddof=1), rel=1e-9, abs=1e-12)
    back = _compare(earlier, now)["sensitivity"]
    assert (back.difference, back.sd) == (0.0 - pair.difference, pair.sd)


def test_a_result_against_itself_differs_by_nothing() -> None:
    rows = [{"case": f"c{i}", "dice": i / 37, "tp": i % 2, "pos": 1} for i in range(30)]
    same = cases_of([DICE, RATE], rows)
    assert [(p.difference, p.sd) for p in _compare(same, same).values()] == [(0.0, 0.0)] * 2


def test_pairs_are_of_patients_averaged_first() -> None:
    patients = [f"p{i // 2}" for i in range(24)]
    now, earlier = (
        cases_of([DICE], column("dice", values, patients=patients)) for values in ([1, 0] * 12, [0, 0] * 12)
    )
    (pair,) = compare([DICE], now, earlier, minimum_cell=11, digits=6)
    assert (pair.count, pair.difference, pair.sd) == (12, 0.5, 0.0)


@pytest.mark.parametrize(
    ("now", "earlier", "published"),
    [
        ([0.5] * 30, [0.5] * 30, True),
        ([0.5] * 10, [0.5] * 10, False),  # too few in common
        ([0.5] * 30, [0.5] * 27 + [""] * 3, False),  # three that only `now` has: its total minus the common
        ([0.5] * 27 + ["na"] * 3, [0.5] * 30, False),  # three that only `earlier` has
        ([0.5] * 30, [0.5] * 19 + ["na"] * 11, True),  # eleven are enough
        ([0.5] * 15 + ["na"] * 15, ["na"] * 15 + [0.5] * 15, False),  # none in common
    ],
)
def test_pairs_that_tell_about_few_patients_are_left_out(
    now: list[object], earlier: list[object], *, published: bool
) -> None:
    assert ("dice" in _compare(_dice(now), _dice(earlier))) is published


@pytest.mark.parametrize(
    ("now", "earlier", "published"),
    [
        ([(1, 1)] * 11 + [(0, 0)] * 30, [(1, 1)] * 11 + [(0, 0)] * 30, True),
        ([(1, 1)] * 10 + [(0, 0)] * 30, [(1, 1)] * 10 + [(0, 0)] * 30, False),  # ten with a denominator
        ([(1, 1)] * 40, [(1, 1)] * 20 + [("na", 1)] * 20, True),
        # twenty patients only `now` has, five of them with a denominator
        ([(1, 1)] * 25 + [(0, 0)] * 15, [(1, 1)] * 20 + [("na", 1)] * 20, False),
        # three patients only `now` has, none of them with a denominator
        ([(1, 1)] * 20 + [(0, 0)] * 3, [(1, 1)] * 20 + [("na", 1)] * 3, False),
        ([(0, 0)] * 30, [(0, 0)] * 30, False),  # no denominator at all: no ratio
    ],
)
def test_ratios_count_the_patients_with_a_denominator(
    now: list[tuple[object, object]], earlier: list[tuple[object, object]], *, published: bool
) -> None:
    assert ("sensitivity" in _compare(_rates(now), _rates(earlier))) is published


def test_a_site_may_ask_for_more() -> None:
    table = _dice([0.5] * 30)
    assert "dice" not in _compare(table, table, minimum_cell=31)


def test_patients_are_not_compared_with_cases() -> None:
    ids = [f"c{i:05d}" for i in range(20)]
    by_case = cases_of([DICE], column("dice", [1] * 20))
    by_patient = cases_of([DICE], column("dice", [0] * 20, patients=ids))
    assert compare([DICE], by_case, by_patient, minimum_cell=11, digits=6) == ()


def test_the_spread_of_a_paired_ratio_is_that_of_a_bootstrap() -> None:
    chance = np.random.default_rng(3)
    n = 300
    difficulty = chance.random(n)
    positive = (chance.random(n) < 0.5).astype(float)
    a, b = (positive * (chance.random(n) > level * difficulty) for level in (0.3, 0.5))
    now, earlier = (
        _rates([(int(x), int(y)) for x, y in zip(hits, positive, strict=True)]) for hits in (a, b)
    )
    pair = _compare(now, earlier)["sensitivity"]
    draws = chance.integers(0, n, size=(4000, n))
    each = a[draws].sum(axis=1) / positive[draws].sum(axis=1) - b[draws].sum(axis=1) / positive[draws].sum(
        axis=1
    )
    assert pair.sd / np.sqrt(n) == pytest.approx(np.std(each, ddof=1), rel=0.05)


def test_a_pair_differs_as_its_two_results_do() -> None:
    now = _rates([(i % 2, 1) for i in range(40)])
    earlier = _rates([(int(i % 4 == 0), 1) for i in range(40)])
    values = [ratio(sample(RATE, table).terms.values()).value for table in (now, earlier)]
    assert values == [0.5, 0.25]
    assert _compare(now, earlier)["sensitivity"].difference == 0.25
    assert sample(RATE, now).terms["c00001"] == Term(1.0, 1.0)
