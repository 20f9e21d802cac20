"""Metric definitions, a benchmark and tables of cases for tests of the statistics."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from medperf_cli.core.entities.benchmark import Benchmark, Group, MetricDefinition
from medperf_cli.core.stats.cases import Cases, parse_cases


def mean_metric(key: str = "dice", **more: Any) -> MetricDefinition:
    """A mean over the column named like its key."""
    fields = {"kind": "mean", "binary": False, "column": key, "failed_score": 0.0, **_common(key), **more}
    return MetricDefinition.model_validate(fields)


def ratio_metric(key: str = "sensitivity", **more: Any) -> MetricDefinition:
    """The sum of `tp` over the sum of `pos`."""
    columns = {"numerator": "tp", "denominator": "pos", "failed_score": 0.0}
    return MetricDefinition.model_validate(
        {"kind": "ratio", "binary": False, **columns, **_common(key), **more}
    )


def reported_metric(key: str = "auroc", **more: Any) -> MetricDefinition:
    """The cube's own number."""
    return MetricDefinition.model_validate({"kind": "reported", "binary": False, **_common(key), **more})


def _common(key: str) -> dict[str, Any]:
    return {"key": key, "name": key, "path": key, "unit": "1", "better": "higher", "primary": False}


def group(column: str = "sex", values: Sequence[str] = ("f", "m")) -> Group:
    """A grouping by one column."""
    return Group(column=column, name=column, values=tuple(values))


def benchmark(
    *metrics: MetricDefinition, groups: Sequence[Group] = (), digits: int = 12, minimum_cell: int = 11
) -> Benchmark:
    """A benchmark that measures `metrics`, the first of them primary."""
    cube = {"path": "cubes/ward/cube/1.yml", "sha256": "a" * 64}
    first, *others = [metric.document() for metric in metrics]
    nobody = {"mode": "never"}
    return Benchmark.model_validate(
        {
            "schema": "benchmark/1",
            "registry": "b" * 32,
            "id": "ward/task",
            "version": 1,
            "title": "a task",
            "description": "a task",
            "clinical_task": "a task",
            "population": "everybody",
            "annotation_methodology": "by hand",
            "terms_of_use": "research only",
            "demo_dataset": {"sha256": "d" * 64, "size": 1},
            "cubes": {"data_preparator": cube, "reference_model": cube, "metrics": cube},
            "committee": {"threshold": 1, "members": ["clara"]},
            "metrics": [{**first, "primary": True}, *others],
            "groups": [g.document() for g in groups],
            "ranking": {"weighting": "cases"},
            "association_policy": {"datasets": nobody, "models": nobody},
            "disclosure": {"minimum_cell": minimum_cell, "significant_digits": digits},
            "release": {"policy": "open"},
            "state": "development",
        }
    )


def cases_csv(rows: Sequence[Mapping[str, object]]) -> bytes:
    """Rows as the bytes of a `cases.csv`; the first row's keys are the header."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def cases_of(
    metrics: Sequence[MetricDefinition], rows: Sequence[Mapping[str, object]], groups: Sequence[Group] = ()
) -> Cases:
    """Rows as the table a site reads."""
    return parse_cases(cases_csv(rows), metrics, groups)


def column(key: str, values: Sequence[object], *, patients: Sequence[object] = ()) -> list[dict[str, object]]:
    """Rows of one column, cases (and patients, if named) numbered in order."""
    rows: list[dict[str, object]] = [{"case": f"c{i:05d}", key: value} for i, value in enumerate(values)]
    for row, patient in zip(rows, patients, strict=False):
        row["patient"] = patient
    return rows


def rates(pairs: Sequence[tuple[object, object]]) -> list[dict[str, object]]:
    """Rows of `tp` and `pos`."""
    return [{"case": f"c{i:05d}", "tp": tp, "pos": pos} for i, (tp, pos) in enumerate(pairs)]
