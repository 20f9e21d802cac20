"""What a board says of results in force, and what it refuses to say."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medperf_cli.core.board import Board, board, comparisons, summary
from medperf_cli.core.figures import decimals, figure
from medperf_cli.errors import UnknownIdError
from medperf_cli.render.board import as_data, board_text
from tests.support.published import benchmark_fact, fact, mean, ratio, result_fact, takes_part

REF, ONE, TWO = "tb/ref", "acme/one", "acme/two"
MGH, UKE = "mgh/cases", "uke/cases"
PART = takes_part(f"models/{ONE}", f"models/{TWO}", f"datasets/{MGH}", f"datasets/{UKE}")


def made(*results: dict[str, Any], **benchmark: str) -> Board:
    return board([benchmark_fact(**benchmark), *PART, *results], "tb/bm")


def order(found: Board) -> list[str]:
    return [line.model for line in found.lines if line.pooled]


def test_without_results_it_lists_who_takes_part_and_says_so() -> None:
    found = made()
    assert [line.model for line in found.lines] == [ONE, TWO, REF]
    assert [line.reference for line in found.lines] == [False, False, True]
    assert found.sites == (MGH, UKE)
    assert summary(found) == "No model has a complete result here yet."
    assert "not run" in board_text(found)


def test_a_mean_shows_count_and_standard_error() -> None:
    cell = made(result_fact(REF, MGH, mean(0.9, count=400, sd=0.3, failed=2, missing=1))).lines[0].cells[MGH]
    value = cell.values["accuracy"]
    assert (value.value, value.count, value.failed, value.missing) == (0.9, 400, 2, 1)
    assert value.error == pytest.approx(0.015)
    assert not value.few


def test_a_ratio_shows_both_sums_and_the_error_of_its_linearised_terms() -> None:
    value = made(result_fact(REF, MGH, ratio(61, 67, count=180, sd=0.47))).lines[-1].cells[MGH].values
    sensitivity = value["sensitivity"]
    assert sensitivity.value == pytest.approx(61 / 67)
    assert (sensitivity.numerator, sensitivity.denominator, sensitivity.support) == (61, 67, 67)
    assert sensitivity.error == pytest.approx(0.47 / math.sqrt(180))


def test_a_ratio_of_nothing_is_undefined_and_no_completed_result() -> None:
    found = made(result_fact(REF, MGH, ratio(0, 0)), primary="sensitivity")
    assert found.lines[-1].cells[MGH].values["sensitivity"].value is None
    assert order(found) == []
    assert "undefined" in board_text(found)


def test_a_reported_number_keeps_the_cubes_own_error_or_none() -> None:
    given_ = {"key": "auroc", "kind": "reported", "value": 0.98}
    found = made(result_fact(REF, MGH, {**given_, "error": 0.01}), result_fact(ONE, MGH, given_))
    errors = {line.model: line.cells[MGH].values["auroc"].error for line in found.lines if line.cells}
    assert errors == {REF: 0.01, ONE: None}


def test_few_patients_are_marked_by_what_the_rate_rests_on() -> None:
    found = made(result_fact(REF, MGH, mean(0.9, count=49), ratio(10, 12, count=49)))
    values = found.lines[0].cells[MGH].values
    assert values["accuracy"].few
    assert values["sensitivity"].few
    assert "0.900 (0.029) <50" in board_text(found)


def test_the_order_is_by_the_case_weighted_mean() -> None:
    found = made(
        result_fact(REF, MGH, mean(0.90, count=100)),
        result_fact(REF, UKE, mean(0.80, count=300)),
        result_fact(ONE, MGH, mean(0.80, count=100)),
        result_fact(ONE, UKE, mean(0.88, count=300)),
    )
    assert order(found) == [ONE, REF]
    pooled = {line.model: line.pooled for line in found.lines if line.pooled}
    assert pooled[REF].value == pytest.approx(0.825)
    assert pooled[ONE].value == pytest.approx(0.86)
    assert (pooled[ONE].sites, pooled[ONE].count) == (2, 400)


def test_weighted_by_sites_a_small_site_counts_as_much() -> None:
    results = [
        result_fact(REF, MGH, mean(0.90, count=20)),
        result_fact(REF, UKE, mean(0.80, count=300)),
    ]
    line = made(*results, weighting="sites").lines[0]
    assert line.pooled
    assert line.pooled.value == pytest.approx(0.85)


def test_rates_pool_by_their_denominators() -> None:
    results = [result_fact(REF, MGH, ratio(9, 10)), result_fact(REF, UKE, ratio(40, 90))]
    line = made(*results, primary="sensitivity").lines[0]
    assert line.pooled
    assert line.pooled.value == pytest.approx(0.49)


def test_reported_numbers_are_never_pooled_by_cases() -> None:
    results = [
        result_fact(REF, site, {"key": "auroc", "kind": "reported", "value": v})
        for site, v in ((MGH, 0.9), (UKE, 0.8))
    ]
    found = made(*results, primary="auroc")
    assert found.weighting == "sites"
    assert found.lines[0].pooled
    assert found.lines[0].pooled.value == pytest.approx(0.85)
    assert found.lines[0].pooled.count is None
    assert "over 2 sites: tb/ref 0.850" in summary(found)


def test_lower_is_better_turns_the_order_round() -> None:
    benchmark = benchmark_fact()
    benchmark["document"]["metrics"][0]["better"] = "lower"
    results = [result_fact(REF, MGH, mean(0.3)), result_fact(ONE, MGH, mean(0.2))]
    assert order(board([benchmark, *PART, *results], "tb/bm")) == [ONE, REF]


def test_a_model_that_ran_at_one_site_only_does_not_cost_the_others_theirs() -> None:
    results = [result_fact(m, s, mean(0.9)) for m in (REF, ONE) for s in (MGH, UKE)]
    found = made(*results, result_fact(TWO, MGH, mean(0.99)))
    assert order(found) == [ONE, REF]
    assert found.common == (MGH, UKE)
    assert "Incomplete, so not in the order: acme/two." in summary(found)


def test_a_site_that_has_just_begun_does_not_take_models_off_the_board() -> None:
    results = [result_fact(m, MGH, mean(0.9)) for m in (REF, ONE, TWO)]
    found = made(*results, result_fact(REF, UKE, mean(0.9)))
    assert order(found) == [ONE, TWO, REF]
    assert found.common == (MGH,)


def test_a_partial_result_is_shown_and_not_ordered() -> None:
    found = made(result_fact(REF, MGH, mean(0.9), partial=True, failed_cases=7))
    assert order(found) == []
    assert "7 (partial)" in board_text(found)


def test_only_results_in_force_of_those_who_take_part_are_on_it() -> None:
    found = made(
        result_fact(REF, MGH, mean(0.1), in_force=False),
        result_fact(REF, MGH, mean(0.9), version=2),
        result_fact("left/model", MGH, mean(0.99)),
        result_fact(ONE, "left/data", mean(0.99)),
    )
    cells = {(line.model, site): c for line in found.lines for site, c in line.cells.items()}
    assert {key: cell.path for key, cell in cells.items()} == {(REF, MGH): f"results/tb/bm/{REF}/{MGH}/2.yml"}


def test_another_benchmarks_things_stay_away() -> None:
    other = fact("associations/tb/bm-two/models/acme/other/1.yml")
    found = board([benchmark_fact(), *PART, other], "tb/bm")
    assert "acme/other" not in [line.model for line in found.lines]


def test_paired_differences_show_where_both_results_stand() -> None:
    def against(version: int) -> dict[str, Any]:
        path = f"results/tb/bm/{REF}/{MGH}/{version}.yml"
        terms = {"key": "accuracy", "count": 90, "difference": 0.02, "sd": 0.3}
        return {"result": {"path": path, "sha256": "0" * 64}, "metrics": [terms]}

    found = made(
        result_fact(REF, MGH, mean(0.88), version=2),
        result_fact(ONE, MGH, mean(0.9), against=[against(1), against(2)]),
    )
    (comparison,) = comparisons(found)
    assert (comparison.model, comparison.difference.other, comparison.site) == (ONE, REF, MGH)
    assert comparison.difference.error == pytest.approx(0.3 / math.sqrt(90))
    assert f"+0.020 ({0.3 / math.sqrt(90):.3f})" in board_text(found)


def test_it_claims_no_ranking() -> None:
    text = summary(made(*(result_fact(m, MGH, mean(v)) for m, v in ((REF, 0.9), (ONE, 0.91)))))
    assert "not a ranking" in text
    assert "does not say that the models differ" in text
    assert "over 100 patients at 1 site" in text


def test_one_model_is_no_comparison() -> None:
    assert "nothing to compare" in summary(made(result_fact(REF, MGH, mean(0.9))))


def test_a_benchmark_not_in_force_has_no_board() -> None:
    with pytest.raises(UnknownIdError, match="tb/bm"):
        board([{**benchmark_fact(), "in_force": False}], "tb/bm")


def test_as_data_it_is_plain() -> None:
    data = as_data(made(result_fact(REF, MGH, mean(0.9))))
    assert data["lines"][0]["cells"][MGH]["values"]["accuracy"]["value"] == 0.9
    assert "summary" in data


@pytest.mark.parametrize(
    ("error", "places"), [(None, 3), (0.0, 3), (0.0162, 3), (0.0095, 4), (0.5, 2), (12.0, 2), (1e-9, 6)]
)
def test_as_many_decimals_as_the_standard_error_supports(error: float | None, places: int) -> None:
    assert decimals(error) == places


def test_figures_have_a_true_minus_and_no_negative_zero() -> None:
    assert figure(-0.0123, 3, signed=True) == "\N{MINUS SIGN}0.012"
    assert figure(0.0123, 3, signed=True) == "+0.012"
    assert figure(-0.0001, 2, signed=True) == "0.00"
    assert figure(None, 2) == "undefined"


ran = st.dictionaries(
    st.sampled_from([(m, s) for m in (REF, ONE, TWO) for s in (MGH, UKE)]),
    st.floats(0, 1, allow_nan=False),
)


@settings(deadline=None, max_examples=80)
@given(ran)
def test_all_that_are_ordered_completed_the_same_sites(scores: dict[tuple[str, str], float]) -> None:
    found = made(*(result_fact(m, s, mean(v)) for (m, s), v in scores.items()))
    assert bool(order(found)) == bool(scores)
    for line in found.lines:
        assert bool(line.pooled) == (bool(found.common) and set(found.common) <= set(line.cells))
    values = [line.pooled.value for line in found.lines if line.pooled]
    assert values == sorted(values, reverse=True)


def test_a_summary_names_ten_models_and_counts_the_others() -> None:
    models = [f"acme/m{number:02d}" for number in range(12)]
    part = takes_part(*(f"models/{m}" for m in models), f"datasets/{MGH}")
    results = [result_fact(m, MGH, mean(0.9)) for m in models]
    found = board([benchmark_fact(), *part, *results], "tb/bm")
    assert "acme/m09 0.900 and 2 more" in summary(found)
