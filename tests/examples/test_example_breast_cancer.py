"""The example's models and metrics cube on a real hospital's patients, and the contract of all cubes."""

from __future__ import annotations

import importlib
import json
import math
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from medperf_cli.core.entities.benchmark import MetricDefinition
from medperf_cli.core.entities.cube import Task
from medperf_cli.core.stats.cases import Mark, parse_cases
from medperf_cli.core.stats.results_file import number_at, parse_results
from tests.support.example_cubes import (
    CUBES,
    HERE,
    HOSPITAL,
    MODELS,
    fail,
    read,
    run,
    succeed,
    with_raw,
    with_workspace,
    write,
)

GOOD = [model for model in MODELS if model != "one-feature"]


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The example is scripts, not a package of this project."""
    for folder in (CUBES / "metrics/project", CUBES / "shared", HERE):
        monkeypatch.syspath_prepend(folder)


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of volumes per model, on which the hospital's data are prepared and predicted."""
    folder = tmp_path_factory.mktemp("volumes")
    prepared = with_raw(folder / "prepared")
    succeed("data-preparator", "prepare", prepared)
    for model in MODELS:
        volumes = Path(shutil.copytree(prepared, folder / model))
        succeed(model, "infer", with_workspace(volumes, model))
        with_workspace(volumes, "metrics")
    return folder


@pytest.fixture
def volumes(once: Path, tmp_path: Path) -> Path:
    """What one test may change, for the reference model."""
    return Path(shutil.copytree(once / MODELS[0], tmp_path / "volumes"))


def numbers(column: Sequence[object]) -> list[float]:
    found = [value for value in column if isinstance(value, float)]
    assert len(found) == len(column)
    return found


def definitions() -> list[MetricDefinition]:
    document = yaml.safe_load((HERE / "benchmark.yaml").read_text(encoding="utf-8"))
    return [MetricDefinition.model_validate(metric) for metric in document["metrics"]]


@pytest.mark.parametrize("model", [m for m in GOOD if m != "memorizer"])
def test_from_a_hospitals_export_to_results_that_their_definitions_confirm(
    once: Path, tmp_path: Path, model: str
) -> None:
    volumes = Path(shutil.copytree(once / model, tmp_path / "volumes"))
    succeed("metrics", "evaluate", volumes)
    truth = {row[0]: row[1] == "M" for row in read(HERE / "data" / HOSPITAL / "labels/labels.csv", ";")[1:]}
    predicted = {row[0]: float(row[1]) for row in read(volumes / "predictions/predictions.csv")[1:]}
    labels = np.array([truth[case] for case in predicted])
    scores = np.array(list(predicted.values()))
    results = parse_results((volumes / "results/results.yaml").read_bytes())
    assert len(predicted) == len(truth) == 180
    pairs = scores[labels][:, None] - scores[~labels][None, :]
    assert results["auroc"]["value"] == pytest.approx(np.mean((np.sign(pairs) + 1) / 2))
    assert 0.0005 < results["auroc"]["standard_error"] < 0.01
    assert results["accuracy"] == pytest.approx(np.mean((scores >= 0.5) == labels))
    assert results["brier"] == pytest.approx(np.mean((scores - labels) ** 2))
    assert results["sensitivity"] == pytest.approx(np.mean(scores[labels] >= 0.5))
    assert results["specificity"] == pytest.approx(np.mean(scores[~labels] < 0.5))
    assert results["accuracy"] > 0.9


def test_what_the_metrics_cube_writes_is_what_the_benchmark_declares(volumes: Path) -> None:
    succeed("metrics", "evaluate", volumes)
    metrics = definitions()
    cases = parse_cases((volumes / "local_outputs/cases.csv").read_bytes(), metrics)
    results = parse_results((volumes / "results/results.yaml").read_bytes())
    assert len(cases.ids) == 180
    assert cases.patients == cases.ids
    for metric in metrics:
        told = number_at(results, metric.path, metric.key)
        if metric.column:
            assert told == pytest.approx(np.mean(numbers(cases.columns[metric.column])))
        elif metric.numerator and metric.denominator:
            num, den = (numbers(cases.columns[name]) for name in (metric.numerator, metric.denominator))
            assert told == pytest.approx(sum(num) / sum(den))
        else:
            assert number_at(results, metric.error or "", metric.key) is not None
    assert [metric.key for metric in metrics if metric.primary] == ["accuracy"]


@pytest.mark.parametrize("model", MODELS)
def test_the_weights_predict_what_scikit_learn_predicts(once: Path, model: str) -> None:
    train = importlib.import_module("train_models")
    features, (original, _) = train.trained(model)
    header, *rows = read(once / model / "data/features.csv")
    columns = [header.index(name) for name in features]
    values = np.array([[row[column] for column in columns] for row in rows], dtype=float)
    expected = original.predict_proba(values)[:, 1]
    found = [float(row[1]) for row in read(once / model / "predictions/predictions.csv")[1:]]
    assert found == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("model", MODELS)
def test_the_committed_weights_are_what_the_script_trains(model: str) -> None:
    train = importlib.import_module("train_models")
    features, (_, weights) = train.trained(model)
    (path,) = train.weight_files(model)
    committed = json.loads(path.read_text(encoding="utf-8"))
    assert committed.pop("features") == features
    assert_same_numbers(committed, weights)


def assert_same_numbers(found: Any, expected: Any) -> None:
    """Nested lists and mappings with equal numbers, but for a last digit that a BLAS library may change."""
    if isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for key in expected:
            assert_same_numbers(found[key], expected[key])
    elif isinstance(expected, list) and expected and isinstance(expected[0], dict | list):
        assert len(found) == len(expected)
        for ours, theirs in zip(found, expected, strict=True):
            assert_same_numbers(ours, theirs)
    elif isinstance(expected, str):
        assert found == expected
    else:
        assert found == pytest.approx(expected, rel=1e-5)


def test_the_models_differ_and_the_memorizer_is_too_good(once: Path) -> None:
    accuracy = {}
    for model in MODELS:
        truth = {case: malignant for case, _, malignant in read(once / "prepared/labels/labels.csv")[1:]}
        found = read(once / model / "predictions/predictions.csv")[1:]
        accuracy[model] = np.mean([(float(p) >= 0.5) == (truth[case] == "1") for case, p in found])
    assert accuracy["one-feature"] < 0.75
    assert accuracy["memorizer"] == 1.0
    assert all(0.93 < accuracy[m] < 0.99 for m in GOOD if m != "memorizer")
    assert 0 < abs(accuracy["linear-svm"] - accuracy["reference-model"]) < 0.02
    card = yaml.safe_load((CUBES / "memorizer/cube.yaml").read_text(encoding="utf-8"))["card"]
    assert "Trained on all 569 WDBC patients" in card["training_data_overlap"]


def test_an_unknown_link_is_refused(once: Path, tmp_path: Path) -> None:
    volumes = Path(shutil.copytree(once / "random-forest", tmp_path / "volumes"))
    with_workspace(volumes, "random-forest")
    weights = volumes / "additional_files/random-forest.json"
    weights.write_text(weights.read_text().replace('"identity"', '"probit"'), encoding="utf-8")
    assert "link 'probit' is none of: identity, logistic" in fail("random-forest", "infer", volumes)


def test_a_model_says_what_it_misses(volumes: Path) -> None:
    with_workspace(volumes, "reference-model")
    (volumes / "additional_files/logistic-regression.json").unlink()
    said = "the additional files hold no 'logistic-regression.json'"
    assert said in fail("reference-model", "infer", volumes)


def test_a_case_without_usable_prediction_is_failed_and_never_dropped(volumes: Path) -> None:
    succeed("metrics", "evaluate", volumes)
    before = parse_results((volumes / "results/results.yaml").read_bytes())
    path = volumes / "predictions/predictions.csv"
    rows = read(path)
    positive = {row[0] for row in read(volumes / "labels/labels.csv") if row[2] == "1"}
    hit = next(i for i, (case, p) in enumerate(rows) if case in positive and float(p) > 0.5)
    lost = rows.pop(hit)[0]
    rows[20][1], rows[21][1] = "nan", "1.5"
    write(path, rows)
    done = run("metrics", "evaluate", volumes)
    assert done.returncode == 0
    assert f"case '{rows[20][0]}' failed: 'nan' is not a probability" in done.stderr
    after = parse_results((volumes / "results/results.yaml").read_bytes())
    assert (after["cases"], after["failed"]) == (180, 3)
    for key, better in (("accuracy", before), ("sensitivity", before), ("brier", after)):
        worse = after if better is before else before
        assert better[key] > worse[key]
    assert after["auroc"]["value"] < before["auroc"]["value"]
    cases = parse_cases((volumes / "local_outputs/cases.csv").read_bytes(), definitions())
    row = cases.ids.index(lost)
    assert {name: column[row] for name, column in cases.columns.items()} == {
        "accuracy": Mark.FAILED,
        "brier": Mark.FAILED,
        "true_positive": Mark.FAILED,
        "positive": 1.0,
        "true_negative": 0.0,
        "negative": 0.0,
    }


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("SM-9999,0.5", "1 predictions are of no labelled case, such as 'SM-9999'"),
        ("SM-0001,0.5", "1 cases have several predictions, such as 'SM-0001'"),
        ("SM-0001", "cells, expected 2"),
    ],
)
def test_predictions_that_break_the_contract_are_refused(volumes: Path, line: str, said: str) -> None:
    with (volumes / "predictions/predictions.csv").open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    assert said in fail("metrics", "evaluate", volumes)
    assert not (volumes / "results").exists()


def test_delong_equals_its_definition_by_pairs() -> None:
    scores = importlib.import_module("scores")
    generator = np.random.default_rng(5)
    malignant = generator.random(60) < 0.4
    values = np.round(np.clip(generator.normal(0.4 + 0.3 * malignant, 0.25), 0, 1), 1)  # with ties
    rows = zip(malignant, values, strict=True)
    found = scores.auroc([scores.Case(str(i), str(i), bool(m), float(p)) for i, (m, p) in enumerate(rows)])
    positive, negative = values[malignant][:, None], values[~malignant][None, :]
    won = (positive > negative) + 0.5 * (positive == negative)
    variance = won.mean(axis=1).var(ddof=1) / len(positive) + won.mean(axis=0).var(ddof=1) / negative.size
    assert found == pytest.approx((won.mean(), math.sqrt(variance)))


TREES = st.recursive(
    st.integers(-(2**50), 2**50) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=12),
    lambda children: st.dictionaries(st.text(max_size=8), children, max_size=4),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.text(max_size=8), TREES, min_size=1, max_size=5))
def test_the_cubes_yaml_reads_back_as_it_was(tree: Mapping[str, Any]) -> None:
    sys.path.insert(0, str(CUBES / "shared"))
    lines = importlib.import_module("cube").yaml_lines(tree)
    sys.path.pop(0)
    assert yaml.safe_load("\n".join(lines)) == tree


@pytest.mark.parametrize("cube", ["data-preparator", "metrics", *MODELS])
def test_the_container_configs_keep_the_contract(cube: str) -> None:
    config = yaml.safe_load((CUBES / cube / "container_config.yaml").read_text(encoding="utf-8"))
    tasks = {name: Task.model_validate(task) for name, task in config["tasks"].items()}
    done = run(cube, "--help", Path())
    assert config["container_type"] == "DockerArchive"
    for name, task in tasks.items():
        assert task.run_args.command == name
        assert name in done.stdout
    assert ("parameters_file" in str(config)) == (CUBES / cube / "workspace/parameters.yaml").is_file()
