"""Compatibility tests: does a model run on the demo data, does a dataset run with the reference model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from medperf_cli.adapters.executor.base import Attempt
from medperf_cli.adapters.executor.base import Observer as CellObserver
from medperf_cli.adapters.executor.cell import cell_key
from medperf_cli.adapters.executor.local import LocalExecutor
from medperf_cli.adapters.files import write_atomic
from medperf_cli.adapters.runtime.outputs import read_bounded
from medperf_cli.adapters.runtime.signals import endings_raise
from medperf_cli.core.dataset_hash import SALT_BYTES
from medperf_cli.errors import ContainerError, IntegrityError
from medperf_cli.flows.running.cell_files import numbers_of, read_results, summarised
from medperf_cli.flows.running.cell_work import Cell, CellWork
from medperf_cli.flows.running.cube_inputs import cube_digest
from medperf_cli.flows.running.cube_yaml import load_cube_yaml
from medperf_cli.flows.running.dataset_folder import DatasetFolder, Source
from medperf_cli.flows.running.laid_out import File, laid_out
from medperf_cli.flows.running.parts import Parts, PinnedCube
from medperf_cli.flows.running.prepare import prepare_folder
from medperf_cli.flows.running.prepared_data import PreparedData
from medperf_cli.flows.running.telling import TellsCells
from medperf_cli.flows.running.tests_kept import TestRecord, kept
from medperf_cli.flows.running.workbench import Workbench

_PATHS = "paths.yaml"
_MAX_PATHS = 64 << 10
_SHOWN = 12
_MOST_NUMBERS = 100
_DEMO_SALT = bytes(SALT_BYTES)
"""Demo data are public, so their hash needs no secret and is the same everywhere."""


@dataclass(frozen=True)
class TestOutcome:
    """A test that was passed; one that was not raises.

    `summary` is the field `test` of an association, in plain values. `metrics` are the numbers it gave, for a
    look at them: they are of few cases or of real patients, and do not leave the site. `uid` is that of the
    record that is kept of it.
    """

    __test__ = False
    uid: str
    summary: Mapping[str, Any]
    metrics: tuple[Mapping[str, Any], ...]
    attempt: Attempt


def tested_on_demo(
    workbench: Workbench,
    parts: Parts,
    model: PinnedCube,
    *,
    no_cache: bool = False,  # noqa: PT028 - no test of pytest's
    as_prepared: bool = False,  # noqa: PT028 - as above
    observer: CellObserver | None = None,  # noqa: PT028 - as above
) -> TestOutcome:
    """Prepare the benchmark's demo dataset, run the model on it and evaluate it.

    Nothing needs to be in a registry yet. The demo data are prepared once per data-preparator, unless they
    are `as_prepared` in the archive.

    Raises:
        ContainerError: a cube fails, or a metric of the benchmark is missing.
        IntegrityError: the demo dataset is no archive with `paths.yaml`, or holds what must not be unpacked.
        MedperfError: an image or asset cannot be had.

    """
    digest = parts.benchmark.demo_dataset.sha256
    with kept(workbench, parts, model, f"demo dataset {digest[:_SHOWN]}", digest) as record:
        data = demo_data(workbench, parts, as_prepared=as_prepared)
        return run_trial(workbench, parts, model, data, record, no_cache=no_cache, observer=observer)


def tested_with_reference(
    workbench: Workbench,
    parts: Parts,
    data: PreparedData,
    dataset: str = "",  # noqa: PT028 - no test of pytest's
    *,
    no_cache: bool = False,  # noqa: PT028 - as above
    observer: CellObserver | None = None,  # noqa: PT028 - as above
) -> TestOutcome:
    """Run the reference model on prepared data; the cell is kept, so `benchmark run` finds it done.

    `dataset` is its id, for the record.

    Raises:
        ContainerError: a cube fails, or a metric of the benchmark is missing.

    """
    with kept(
        workbench, parts, parts.reference, f"dataset {dataset or data.hash[:_SHOWN]}", data.hash
    ) as record:
        return run_trial(
            workbench, parts, parts.reference, data, record, no_cache=no_cache, observer=observer, test=False
        )


def demo_data(workbench: Workbench, parts: Parts, *, as_prepared: bool = False) -> PreparedData:
    """The benchmark's demo dataset, unpacked and prepared (raises as `tested_on_demo`)."""
    asset, cube = parts.benchmark.demo_dataset, parts.preparator.cube
    source = _demo_source(laid_out(workbench, [File(asset, "demo dataset", unpack=True)]))
    source = replace(source, as_prepared=as_prepared)
    name = f"{asset.sha256[:16]}-{cube_digest(cube)[:16]}{'-as-prepared' if as_prepared else ''}"
    folder = DatasetFolder(workbench.settings.home / "demo" / name)
    if not folder.salt.exists():
        write_atomic(folder.salt, _DEMO_SALT, parents=True)
    workbench.talk.say("preparing the demo dataset")
    return prepare_folder(workbench, folder, source, cube)


def run_trial(
    workbench: Workbench,
    parts: Parts,
    model: PinnedCube,
    data: PreparedData,
    record: TestRecord,
    *,
    no_cache: bool,
    observer: CellObserver | None = None,
    test: bool = True,
) -> TestOutcome:
    """Run a model on prepared data, and see that the benchmark's metrics come out; noted in `record`.

    Args:
        workbench: what to run it with.
        parts: the cubes, and the benchmark with the metrics it declares (none: all that come out are taken).
        model: the model.
        data: what it is run on.
        record: what is kept of the test.
        no_cache: run it also if it was run before.
        observer: told how it goes.
        test: False makes it the cell that `benchmark run` would run for these pins.

    Raises:
        ContainerError: a cube fails, or a metric is missing, no number, or out of its range.

    """
    cell = Cell(parts, model, data.hash, data.data, data.labels, test=test)
    record.key = cell_key(cell.spec)
    attempt = run_cell(workbench, cell, no_cache=no_cache, observer=observer)
    metrics = _metrics(workbench, parts, attempt)
    record.metrics = metrics
    pins = (parts.preparator.pin, model.pin, parts.metrics.pin)
    summary = {
        "cubes": [pin.document() for pin in pins],
        "data": record.digest,
        "metrics": [metric.key for metric in parts.benchmark.metrics],
        "outcome": "passed",
    }
    return TestOutcome(record.uid, summary, metrics, attempt)


def _metrics(workbench: Workbench, parts: Parts, attempt: Attempt) -> tuple[Mapping[str, Any], ...]:
    if not parts.benchmark.metrics:
        return tuple(islice(numbers_of(read_results(attempt)), _MOST_NUMBERS))
    found = summarised(parts.benchmark, attempt, workbench.settings.minimum_cell).metrics
    lacking = sorted({m.key for m in parts.benchmark.metrics} - {m.key for m in found})
    if lacking:
        raise ContainerError(
            f"metric '{lacking[0]}' of the benchmark applies to no case of these data",
            hint="the data must have cases for every metric; see `cases.csv` of the metrics cube",
        )
    return tuple(metric.document() for metric in found)


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
