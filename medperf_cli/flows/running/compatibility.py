"""Compatibility tests: does a model run on the demo data, does a dataset run with the reference model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medperf_cli.adapters.executor.base import Attempt
from medperf_cli.adapters.executor.base import Observer as CellObserver
from medperf_cli.adapters.executor.local import LocalExecutor
from medperf_cli.adapters.files import write_atomic
from medperf_cli.adapters.runtime.outputs import read_bounded
from medperf_cli.adapters.runtime.signals import endings_raise
from medperf_cli.core.dataset_hash import SALT_BYTES
from medperf_cli.errors import ContainerError, IntegrityError
from medperf_cli.flows.running.cell_files import read_summary
from medperf_cli.flows.running.cell_work import Cell, CellWork
from medperf_cli.flows.running.cube_inputs import cube_digest
from medperf_cli.flows.running.cube_yaml import load_cube_yaml
from medperf_cli.flows.running.dataset_folder import DatasetFolder, Source
from medperf_cli.flows.running.laid_out import File, laid_out
from medperf_cli.flows.running.parts import Parts, PinnedCube
from medperf_cli.flows.running.prepare import prepare_folder
from medperf_cli.flows.running.prepared_data import PreparedData
from medperf_cli.flows.running.telling import TellsCells
from medperf_cli.flows.running.workbench import Workbench

_PATHS = "paths.yaml"
_MAX_PATHS = 64 << 10
_DEMO_SALT = bytes(SALT_BYTES)
"""Demo data are public, so their hash needs no secret and is the same everywhere."""


@dataclass(frozen=True)
class TestOutcome:
    """A test that was passed; one that was not raises.

    `summary` is the field `test` of an association, in plain values. `metrics` are the numbers it gave, for a
    look at them: they are of few cases or of real patients, and do not leave the site.
    """

    __test__ = False
    summary: Mapping[str, Any]
    metrics: tuple[Mapping[str, Any], ...]
    attempt: Attempt


def tested_on_demo(
    workbench: Workbench,
    parts: Parts,
    model: PinnedCube,
    *,
    no_cache: bool = False,  # noqa: PT028 - no test of pytest's
) -> TestOutcome:
    """Prepare the benchmark's demo dataset, run the model on it and evaluate it.

    Nothing needs to be in a registry yet. The demo data are prepared once per data-preparator.

    Raises:
        ContainerError: a cube fails, or a metric of the benchmark is missing.
        IntegrityError: the demo dataset is no archive with `paths.yaml`, or holds what must not be unpacked.
        MedperfError: an image or asset cannot be had.

    """
    data = demo_data(workbench, parts)
    return _tested(workbench, parts, model, data, parts.benchmark.demo_dataset.sha256, no_cache=no_cache)


def tested_with_reference(
    workbench: Workbench,
    parts: Parts,
    data: PreparedData,
    *,
    no_cache: bool = False,  # noqa: PT028 - no test of pytest's
) -> TestOutcome:
    """Run the reference model on prepared data; the cell is kept, so `benchmark run` finds it done.

    Raises:
        ContainerError: a cube fails, or a metric of the benchmark is missing.

    """
    return _tested(workbench, parts, parts.reference, data, data.hash, no_cache=no_cache)


def demo_data(workbench: Workbench, parts: Parts) -> PreparedData:
    """The benchmark's demo dataset, unpacked and prepared (raises as `tested_on_demo`)."""
    asset, cube = parts.benchmark.demo_dataset, parts.preparator.cube
    source = _demo_source(laid_out(workbench, [File(asset, "demo dataset", unpack=True)]))
    folder = DatasetFolder(workbench.settings.home / "demo" / f"{asset.sha256[:16]}-{cube_digest(cube)[:16]}")
    if not folder.salt.exists():
        write_atomic(folder.salt, _DEMO_SALT, parents=True)
    workbench.talk.say("preparing the demo dataset")
    return prepare_folder(workbench, folder, source, cube)


def _tested(
    workbench: Workbench, parts: Parts, model: PinnedCube, data: PreparedData, digest: str, *, no_cache: bool
) -> TestOutcome:
    attempt = run_cell(workbench, Cell(parts, model, data.hash, data.data, data.labels), no_cache=no_cache)
    summary = read_summary(attempt)
    lacking = sorted({m.key for m in parts.benchmark.metrics} - {m["key"] for m in summary["metrics"]})
    if lacking:
        raise ContainerError(
            f"metric '{lacking[0]}' of the benchmark applies to no case of these data",
            hint="the data must have cases for every metric; see `cases.csv` of the metrics cube",
        )
    pins = (parts.preparator.pin, model.pin, parts.metrics.pin)
    return TestOutcome(
        summary={
            "cubes": [pin.document() for pin in pins],
            "data": digest,
            "metrics": [metric.key for metric in parts.benchmark.metrics],
            "outcome": "passed",
        },
        metrics=tuple(summary["metrics"]),
        attempt=attempt,
    )


def run_cell(
    workbench: Workbench, cell: Cell, *, no_cache: bool = False, observer: CellObserver | None = None
) -> Attempt:
    """Run one cell, or find it done; returns the finished attempt (raises what made it fail)."""
    workbench.tidy()
    executor = LocalExecutor(workbench.spool)
    work = CellWork(workbench, {cell.model.name: cell})
    with endings_raise():
        (report,) = executor.run([cell.job(no_cache=no_cache)], work, observer or TellsCells(workbench.talk))
    if report.error is not None:
        raise report.error
    if report.attempt is None:
        raise IntegrityError(f"cell of '{cell.model.name}' has an outcome without an attempt")
    return report.attempt


def _demo_source(folder: Path) -> Source:
    paths = load_cube_yaml(read_bounded(folder / _PATHS, _MAX_PATHS), f"'{_PATHS}' of the demo dataset")
    found = {}
    for key in ("data_path", "labels_path", "metadata_path"):
        if key in paths:
            place = (folder / str(paths[key])).resolve()
            if not place.is_dir() or not place.is_relative_to(folder):
                raise IntegrityError(f"'{_PATHS}' of the demo dataset: '{key}' is not a folder in it")
            found[key] = place
    if not {"data_path", "labels_path"} <= found.keys():
        raise IntegrityError(f"'{_PATHS}' of the demo dataset does not name data_path and labels_path")
    return Source(found["data_path"], found["labels_path"], found.get("metadata_path"))
