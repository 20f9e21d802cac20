"""Moments and sums over patients, against numpy, scipy, hand computation and simulation."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from medperf_cli.core.stats.cases import parse_cases
from medperf_cli.core.stats.moments import Term, moments, ratio, sample
from tests.support.measuring import cases_csv, cases_of, column, mean_metric, rates, ratio_metric

DICE = mean_metric("dice", failed_score=0.25)
RATE = ratio_metric()
VALUES = st.lists(st.floats(-1e6, 1e6).filter(lambda x: x == 0 or abs(x) > 1e-6), min_size=3, max_size=60)


def _values(rows: Sequence[dict[str, object]]) -> list[float]:
    return [term.numerator for term in sample(DICE, cases_of([DICE], rows)).terms.values()]


@settings(deadline=None, max_examples=200)
@given(VALUES)
def test_moments_are_those_of_numpy_and_scipy(values: list[float]) -> None:
    spread = max(values) - min(values)
    largest = max(map(abs, values))
    found = moments(values)
    assert found.n == len(values)
    # numpy gives equal values a spread of a rounding error: hence `largest`
    assert found.mean == pytest.approx(np.mean(values), rel=1e-12, abs=1e-12 * largest)
    assert found.sd == pytest.approx(np.std(values, ddof=1), rel=1e-9, abs=1e-9 * spread + 1e-14 * largest)
    if spread > 1e-6 * largest:
        assert found.skewness == pytest.approx(stats.skew(values, bias=False), rel=1e-6, abs=1e-6)
    if spread == 0:
        assert (found.sd, found.skewness) == (0.0, None)


def test_moments_by_hand() -> None:
    found = moments([1.0, 2.0, 6.0])
    assert (found.n, found.mean) == (3, 3.0)
    assert found.sd == pytest.approx(math.sqrt(7))
    # m2 = 14/3, m3 = (-8 - 1 + 27)/3 = 6; G1 = sqrt(6)/1 * 6 / (14/3)**1.5
    assert found.skewness == pytest.approx(math.sqrt(6) * 6 / (14 / 3) ** 1.5)


@pytest.mark.parametrize(
    ("values", "sd"),
    [([0.1], 0.0), ([0.1] * 7, 0.0), ([1.0, 3.0], math.sqrt(2)), ([1e-200, 3e-200], math.sqrt(2) * 1e-200)],
)
def test_few_or_equal_values_have_no_skewness(values: list[float], sd: float) -> None:
    found = moments(values)
    assert found.sd == pytest.approx(sd, rel=1e-12, abs=0)
    assert found.skewness is None


@pytest.mark.parametrize("scale", [1e-200, 1e-9, 1.0, 1e15])
def test_size_costs_no_digits(scale: float) -> None:
    one, scaled = moments([0.1, 0.5, 0.7, 0.75]), moments([scale * v for v in (0.1, 0.5, 0.7, 0.75)])
    assert scaled.sd == pytest.approx(one.sd * scale, rel=1e-12, abs=0)
    assert scaled.skewness == pytest.approx(one.skewness, rel=1e-12)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.floats(-1e3, 1e3), st.integers(0, 9)), min_size=2, max_size=40), st.randoms())
def test_the_order_of_rows_never_changes_a_bit(pairs: list[tuple[float, int]], chance: random.Random) -> None:
    rows = column("dice", [v for v, _ in pairs], patients=[f"p{p}" for _, p in pairs])
    rows = [{**row, "tp": row["dice"], "pos": i % 3} for i, row in enumerate(rows)]
    mixed = chance.sample(rows, len(rows))
    one, other = (parse_cases(cases_csv(r), [DICE, RATE]) for r in (rows, mixed))
    assert moments([t.numerator for t in sample(DICE, one).terms.values()]) == moments(
        [t.numerator for t in sample(DICE, other).terms.values()]
    )
    assert ratio(sample(RATE, one).terms.values()) == ratio(sample(RATE, other).terms.values())


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 3), st.integers(0, 4)), min_size=1, max_size=20),
    st.integers(2, 5),
)
def test_every_case_of_every_patient_many_times_changes_nothing(
    cases: list[tuple[float, int, int]], times: int
) -> None:
    rows = [
        {"case": f"c{i}", "patient": f"p{patient}", "dice": dice, "tp": 1, "pos": positive}
        for i, (dice, positive, patient) in enumerate(cases)
    ]
    copies = [{**row, "case": f"{row['case']}-{i}"} for row in rows for i in range(times)]
    for metric in (DICE, RATE):
        one, other = (sample(metric, cases_of([DICE, RATE], r)).terms for r in (rows, copies))
        assert one.keys() == other.keys()
        for unit, term in one.items():
            assert other[unit].numerator == pytest.approx(term.numerator, rel=1e-14, abs=1e-300)
            assert other[unit].denominator == pytest.approx(term.denominator, rel=1e-14, abs=1e-300)


def test_a_patient_with_many_cases_weighs_as_one() -> None:
    rows = column("dice", [0.0, 1.0, 1.0, 0.0], patients=["p1", "p2", "p2", "p2"])
    assert _values(rows) == [0.0, pytest.approx(2 / 3)]


def test_failed_scores_not_applicable_leaves_missing_is_counted() -> None:
    rows = column("dice", [1.0, "failed", "na", "", "", "na"], patients=["p1", "p1", "p1", "p1", "p2", "p3"])
    found = sample(DICE, cases_of([DICE], rows))
    assert found.terms == {
        "p1": Term((1.0 + 0.25) / 2)
    }  # p2 has nothing but a missing, p3 nothing applicable
    assert (found.failed, found.missing) == (1, 2)


def test_a_ratio_by_hand() -> None:
    found = ratio([Term(1.0, 1.0), Term(1.0, 2.0), Term(0.0, 0.0), Term(2.0, 2.0)])
    assert (found.n, found.support, found.numerator, found.denominator, found.value) == (4, 3, 4.0, 5.0, 0.8)
    assert found.linearised == pytest.approx([0.2 / 1.25, -0.6 / 1.25, 0.0, 0.4 / 1.25])
    assert found.sd == pytest.approx(np.std(found.linearised, ddof=1))


def test_a_ratio_without_denominator_is_undefined_and_a_perfect_one_has_no_spread() -> None:
    none = ratio([Term(0.0, 0.0), Term(0.0, 0.0)])
    assert (none.n, none.support, none.value, none.sd) == (2, 0, None, 0.0)
    perfect = ratio([Term(1.0, 1.0), Term(0.0, 0.0), Term(1.0, 1.0)])
    assert (perfect.value, perfect.sd) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("score", "pair", "term"),
    [
        (0.0, ("failed", 4), Term(0.0, 4.0)),
        (1.0, ("failed", 4), Term(4.0, 4.0)),  # a false positive rate: failing means all of them
        (1.0, ("failed", 0), Term(0.0, 0.0)),
        (0.5, ("failed", "failed"), Term(1.5, 3.0)),  # the average of the denominators given: (2 + 4) / 2
        (0.5, ("failed", ""), Term(1.5, 3.0)),
        (0.5, (1, "failed"), Term(1.5, 3.0)),
    ],
)
def test_a_failed_case_scores_the_ratio_the_benchmark_states(
    score: float, pair: tuple[object, object], term: Term
) -> None:
    metric = ratio_metric(failed_score=score)
    others: list[tuple[object, object]] = [(1, 2), (1, 4), ("na", 100), ("", 100)]
    found = sample(metric, cases_of([metric], rates([pair, *others])))
    assert found.terms["c00000"] == term
    assert (found.failed, found.missing) == (1, 1)


@pytest.mark.parametrize(
    ("pair", "failed", "missing"),
    [
        (("na", 1), 0, 0),
        ((1, "na"), 0, 0),
        (("failed", "na"), 0, 0),
        (("", 1), 0, 1),
        ((1, ""), 0, 1),
        (("", "na"), 0, 0),
    ],
)
def test_a_ratios_case_without_term_says_why(pair: tuple[object, object], failed: int, missing: int) -> None:
    found = sample(RATE, cases_of([RATE], rates([pair, (1, 1)])))
    assert list(found.terms) == ["c00001"]
    assert (found.failed, found.missing) == (failed, missing)


def test_if_every_case_failed_the_denominator_is_one() -> None:
    found = sample(RATE, cases_of([RATE], rates([("failed", "failed")] * 3)))
    assert set(found.terms.values()) == {Term(0.0, 1.0)}


def test_ratios_average_numerators_and_denominators_within_a_patient() -> None:
    rows = [
        {"case": f"c{i}", "patient": patient, "tp": tp, "pos": pos}
        for i, (patient, tp, pos) in enumerate([("p1", 1, 2), ("p1", 3, 4), ("p2", 5, 5)])
    ]
    found = sample(RATE, cases_of([RATE], rows))
    assert found.terms == {"p1": Term(2.0, 3.0), "p2": Term(5.0, 5.0)}


def test_the_standard_error_of_a_ratio_is_that_of_a_bootstrap() -> None:
    chance = np.random.default_rng(7)
    n = 400
    positive = chance.poisson(3.0, n).astype(float)
    hits = chance.binomial(positive.astype(int), chance.beta(6, 2, n)).astype(float)
    found = ratio([Term(a, b) for a, b in zip(hits.tolist(), positive.tolist(), strict=True)])
    draws = chance.integers(0, n, size=(4000, n))
    bootstrap = np.std(hits[draws].sum(axis=1) / positive[draws].sum(axis=1), ddof=1)
    assert found.sd / math.sqrt(n) == pytest.approx(bootstrap, rel=0.05)


def test_the_standard_error_of_a_ratio_is_its_spread_over_repetitions() -> None:
    chance = np.random.default_rng(11)
    values, errors = [], []
    for _ in range(1500):
        positive = (chance.random(200) < 0.4).astype(float)
        hits = positive * (chance.random(200) < 0.8)
        found = ratio([Term(a, b) for a, b in zip(hits.tolist(), positive.tolist(), strict=True)])
        assert found.value is not None
        values.append(found.value)
        errors.append(found.sd / math.sqrt(found.n))
    assert float(np.mean(errors)) == pytest.approx(float(np.std(values, ddof=1)), rel=0.07)
