"""A result is about the registered data: all of it, or it is partial; and nothing beyond it."""

from __future__ import annotations

from typing import Any

import pytest

from medperf_cli.core.entities.benchmark import MetricDefinition
from medperf_cli.core.entities.dataset import Dataset
from medperf_cli.core.stats.cases import Cases, parse_cases
from medperf_cli.errors import ContainerError
from medperf_cli.flows.running.whole import unseen_cases
from tests.support.story import told
from tests.support.story_fields import DATASET, metric_definitions


def dataset(**counts: int) -> Dataset:
    found = told().state.reader.typed(told().pin_of(f"datasets/{DATASET}/2.yml").entity, Dataset)
    assert found is not None
    assert found.prepared is not None
    return found.model_copy(update={"prepared": found.prepared.model_copy(update={"counts": counts})})


def cases(number: int, *, patients: int | None = None) -> Cases:
    head = "case,accuracy" if patients is None else "case,patient,accuracy"
    rows = [f"c{i},1" if patients is None else f"c{i},p{i % patients},1" for i in range(number)]
    accuracy: dict[str, Any] = metric_definitions()[0]
    return parse_cases("\n".join([head, *rows, ""]).encode(), [MetricDefinition.model_validate(accuracy)])


def test_every_case_seen_is_a_whole_result_and_fewer_is_a_partial_one() -> None:
    assert unseen_cases(dataset(cases=40), cases(40)) == 0
    assert unseen_cases(dataset(cases=40), cases(28)) == 12
    assert unseen_cases(dataset(cases=40), None) == 0


def test_cases_that_the_dataset_does_not_have_are_refused() -> None:
    with pytest.raises(ContainerError, match="tells of 41 cases, the dataset has 40"):
        unseen_cases(dataset(cases=40), cases(41))


def test_patients_that_the_dataset_does_not_have_are_refused() -> None:
    assert unseen_cases(dataset(cases=40, patients=20), cases(40, patients=20)) == 0
    with pytest.raises(ContainerError, match="tells of 30 patients, the dataset has 20"):
        unseen_cases(dataset(cases=40, patients=20), cases(40, patients=30))
