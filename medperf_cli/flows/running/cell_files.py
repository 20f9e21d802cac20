"""The files of a finished cell: what the metrics cube wrote, and what we wrote about it."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from medperf_cli.adapters.executor.base import Attempt
from medperf_cli.adapters.runtime.outputs import read_bounded
from medperf_cli.core.entities.benchmark import Benchmark
from medperf_cli.core.entities.result import Execution
from medperf_cli.core.stats import cases as cases_file
from medperf_cli.core.stats import results_file
from medperf_cli.core.stats.cases import Cases, parse_cases
from medperf_cli.core.stats.results_file import parse_results
from medperf_cli.core.stats.summary import Summary, summarise
from medperf_cli.errors import IntegrityError

RESULTS = "results.yaml"
CASES = "cases.csv"
SUMMARY = "summary.json"
EXECUTION = "execution.json"


def summary_document(summary: Summary) -> dict[str, Any]:
    """A summary as plain values, for `summary.json`."""
    return {
        "metrics": [metric.document() for metric in summary.metrics],
        "failed_cases": summary.failed_cases,
        "partial": summary.partial,
        "unit": summary.unit,
        "not_applicable": list(summary.not_applicable),
        "withheld_groups": list(summary.withheld_groups),
    }


def read_results(attempt: Attempt) -> dict[str, Any]:
    """`results.yaml` (raises ContainerError where it is missing or cannot be used)."""
    return parse_results(_bounded(attempt.results / RESULTS, attempt, results_file.MAX_BYTES))


def read_cases(benchmark: Benchmark, attempt: Attempt) -> Cases | None:
    """`cases.csv`; None where the cube wrote none (raises ContainerError where it cannot be used)."""
    path = attempt.local_outputs / CASES
    if not os.path.lexists(path):
        return None
    data = _bounded(path, attempt, cases_file.MAX_BYTES)
    return parse_cases(data, benchmark.metrics, benchmark.groups)


def summarised(benchmark: Benchmark, attempt: Attempt, minimum_cell: int) -> Summary:
    """The numbers of an attempt as they may leave the site (raises as `summarise`)."""
    cases = read_cases(benchmark, attempt)
    return summarise(benchmark, read_results(attempt), cases, minimum_cell=minimum_cell)


def numbers_of(results: Mapping[str, Any], path: str = "") -> Iterator[dict[str, Any]]:
    """Every finite number of a results file as a reported metric, named by its dotted path."""
    for name, value in results.items():
        key = f"{path}{name}"
        if isinstance(value, Mapping):
            yield from numbers_of(value, f"{key}.")
        elif isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            yield {"key": key, "kind": "reported", "value": value}


def read_summary(attempt: Attempt) -> Mapping[str, Any]:
    """`summary.json` (raises IntegrityError where it is damaged)."""
    return _ours(attempt, SUMMARY)


def read_execution(attempt: Attempt) -> Execution:
    """`execution.json` (raises IntegrityError where it is damaged)."""
    document = _ours(attempt, EXECUTION)
    try:
        return Execution.model_validate(document)
    except ValueError:
        raise _damaged(attempt.results / EXECUTION) from None


def _ours(attempt: Attempt, name: str) -> dict[str, Any]:
    path = attempt.results / name
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError):
        document = None
    if not isinstance(document, dict):
        raise _damaged(path)
    return document


def _damaged(path: Path) -> IntegrityError:
    return IntegrityError(f"'{path}' is missing or damaged", hint="run again with --no-cache")


def _bounded(path: Path, attempt: Attempt, limit: int) -> bytes:
    return read_bounded(path, limit, below=attempt.folder)
