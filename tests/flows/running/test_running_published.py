"""What of a dataset's statistics may leave: the owner withholds keys, and small numbers cannot slip out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from medperf_cli.errors import PolicyError, UsageError
from medperf_cli.flows.running.prepared_data import PreparedData
from medperf_cli.flows.running.published import prepared_fields


def fields(
    statistics: dict[str, Any],
    without: Sequence[str] = (),
    metadata: dict[str, Any] | None = None,
    patients: int | None = None,
) -> dict[str, Any]:
    data = PreparedData(
        hash="f" * 64,
        counts={"cases": 40} if patients is None else {"cases": 40, "patients": patients},
        statistics=statistics,
        metadata=metadata or {},
        inputs="",
        image_id="",
        when="",
    )
    return prepared_fields(data, 11, without)


def test_all_that_is_safe_is_published() -> None:
    found = fields({"benign": 25, "age": {"mean": 3.5}}, metadata={"format": "x"}, patients=38)
    assert found["counts"] == {"cases": 40, "patients": 38}
    assert found["statistics"] == {"benign": 25, "age": {"mean": 3.5}}
    assert found["metadata"] == {"format": "x"}


def test_keys_are_left_out_at_any_depth_and_the_record_keeps_them() -> None:
    statistics = {"age": {"mean": 3.5, "sd": 1.5}, "site": "a"}
    found = fields(
        statistics, ["age.sd", "site", "metadata.name", "patients"], {"name": "x", "a": 1.5}, patients=12
    )
    assert found == {
        "hash": "f" * 64,
        "counts": {"cases": 40},
        "statistics": {"age": {"mean": 3.5}},
        "metadata": {"a": 1.5},
    }
    assert statistics["age"] == {"mean": 3.5, "sd": 1.5}


@pytest.mark.parametrize(
    ("statistics", "metadata", "patients", "key"),
    [
        ({"sex": {"male": 3}}, {}, None, "sex.male"),
        ({}, {"scanners": 2}, None, "metadata.scanners"),
        ({}, {}, 4, "patients"),
        ({"values": [1.5] * 300}, {}, None, "values"),
    ],
)
def test_small_numbers_are_refused_by_name(
    statistics: dict[str, Any], metadata: dict[str, Any], patients: int | None, key: str
) -> None:
    with pytest.raises(PolicyError, match=f"'{key}'") as caught:
        fields(statistics, metadata=metadata, patients=patients)
    assert "--without KEY" in caught.value.hint
    assert fields(statistics, [key], metadata, patients)


@pytest.mark.parametrize(
    "statistics",
    [
        {"malignant": 3, "benign": 37},
        {"classes": {"malignant": 3, "benign": 20, "other": 17}},
    ],
)
def test_what_is_left_out_must_not_follow_from_the_rest(statistics: dict[str, Any]) -> None:
    nested = "classes." if "classes" in statistics else ""
    with pytest.raises(PolicyError, match="follows from those that stay"):
        fields(statistics, [f"{nested}malignant"])
    assert fields(statistics, [f"{nested}malignant", f"{nested}benign"])


@pytest.mark.parametrize("key", ["nothing", "age.nothing", "age.mean.deeper"])
def test_a_key_that_is_not_there_is_named(key: str) -> None:
    with pytest.raises(UsageError, match=f"no '{key}'"):
        fields({"age": {"mean": 3.5}}, [key])


def test_a_dataset_is_published_with_its_count() -> None:
    with pytest.raises(UsageError, match="'cases' cannot be left out"):
        fields({}, ["cases"])
