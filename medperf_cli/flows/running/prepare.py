"""Preparing a dataset at its site: prepare, sanity check, statistics, hash; interrupted work is taken up."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from medperf_cli.adapters.files import write_atomic, writing
from medperf_cli.adapters.runtime.base import RunReport
from medperf_cli.adapters.runtime.outputs import read_bounded
from medperf_cli.adapters.store.hash_cache import unreadable
from medperf_cli.adapters.store.locks import exclusive
from medperf_cli.core.entities.cube import Cube
from medperf_cli.errors import ContainerError
from medperf_cli.flows.running.cube_inputs import cube_digest
from medperf_cli.flows.running.cube_yaml import load_cube_yaml, refuse_not_finite
from medperf_cli.flows.running.dataset_folder import (
    HASHED,
    DatasetFolder,
    Source,
    dataset_folder,
    found_source,
    read_source,
)
from medperf_cli.flows.running.prepared_data import (
    PreparedData,
    hashed,
    read_record,
    refuse_changed,
    write_record,
)
from medperf_cli.flows.running.published import COUNTS
from medperf_cli.flows.running.tasks import output_file, run_task
from medperf_cli.flows.running.watching import following
from medperf_cli.flows.running.workbench import Workbench

_STATISTICS = "statistics.yaml"
_METADATA = "metadata.yaml"
_MAX_FILE = 1 << 20


def prepare_dataset(
    workbench: Workbench, dataset: str, cube: Cube, *, again: bool = False, rehash: bool = False
) -> PreparedData:
    """Prepare the dataset `<member>/<name>` with its data-preparator; the same call again finishes the work.

    With unchanged inputs nothing is done, unless `again` (which sets the prepared files aside and starts
    anew) or `rehash` (which reads every prepared file, and refuses changed ones) is asked for.

    Raises:
        ConfigurationError: the raw data are not where `remember_source` was told.
        ContainerError: a task failed, or wrote nothing or what cannot be used.
        IntegrityError: with `rehash`: prepared files were changed.
        ConflictError: another process prepares the dataset.

    """
    folder = dataset_folder(workbench.settings, dataset)
    return prepare_folder(workbench, folder, read_source(folder), cube, again=again, rehash=rehash)


def prepare_folder(
    workbench: Workbench,
    folder: DatasetFolder,
    source: Source,
    cube: Cube,
    *,
    again: bool = False,
    rehash: bool = False,
) -> PreparedData:
    """The same for any folder and source (raises as `prepare_dataset`)."""
    found_source(source)
    with exclusive(folder.lock, "preparing the dataset"):
        inputs = _inputs(source, cube)
        known = None if again else read_record(folder, folder.roots(source))
        if known is not None and known.inputs == inputs:
            if rehash:
                refuse_changed(folder, known, workbench.talk, rehash=True)
            workbench.talk.say("already prepared from these data by this cube: nothing to do")
            return known
        # A container whose process was killed would go on writing into the same folders.
        workbench.tidy()
        _begin(folder, inputs, workbench, again=again)
        return _prepare(workbench, folder, source, cube, inputs)


def _prepare(
    workbench: Workbench, folder: DatasetFolder, source: Source, cube: Cube, inputs: str
) -> PreparedData:
    roots = folder.roots(source)
    with writing(folder.prepared):
        (folder.prepared / "metadata").mkdir(parents=True, exist_ok=True)
    if not source.as_prepared:
        _run_prepare(workbench, folder, source, cube)
    volumes = {"data_path": roots["data"], "labels_path": roots["labels"], "metadata_path": roots["metadata"]}
    for task in ("sanity_check", "statistics"):
        output = output_file(cube, task, "output_path", folder.statistics, _STATISTICS)
        report = run_task(
            workbench, cube, task, {**volumes, "output_path": output}, log=folder.log(task), phase=task
        )
    found, entries = hashed(folder, roots, workbench.talk, rehash=False)
    data = _gathered(workbench, folder, roots, report, cube)
    data = replace(data, hash=found, inputs=inputs, roots=roots, fresh=True)
    write_record(folder, data, entries)
    return data


def _run_prepare(workbench: Workbench, folder: DatasetFolder, source: Source, cube: Cube) -> None:
    volumes = {
        "data_path": source.data,
        "labels_path": source.labels,
        "output_path": folder.prepared / "data",
        "output_labels_path": folder.prepared / "labels",
        "metadata_path": folder.prepared / "metadata",
        "report_file": output_file(cube, "prepare", "report_file", folder.report.parent, folder.report.name),
    }
    with following(folder.report, workbench.talk):
        run_task(workbench, cube, "prepare", volumes, log=folder.log("prepare"), phase="prepare")


def _gathered(
    workbench: Workbench, folder: DatasetFolder, roots: Mapping[str, Path], report: RunReport, cube: Cube
) -> PreparedData:
    """Counts, statistics and metadata as the cube wrote them."""
    what = f"'{_STATISTICS}' of cube '{cube.id}'"
    statistics = _read(folder.statistics / _STATISTICS, what)
    counts = {key: statistics.pop(key) for key in COUNTS if key in statistics}
    if COUNTS[0] not in counts or not all(type(n) is int and n >= 0 for n in counts.values()):
        raise ContainerError(
            f"{what} has no whole number '{COUNTS[0]}' at its top (and maybe 'patients')",
            hint="tell the cube's owner: a dataset is known by the number of its cases",
        )
    metadata = roots["metadata"] / _METADATA
    return PreparedData(
        hash="",
        counts=counts,
        statistics=statistics,
        metadata=_read(metadata, f"'{_METADATA}' of cube '{cube.id}'") if metadata.exists() else {},
        inputs="",
        image_id=report.image_id,
        when=workbench.deps.now(),
    )


def _read(path: Path, what: str) -> dict[str, Any]:
    document = load_cube_yaml(read_bounded(path, _MAX_FILE), what)
    refuse_not_finite(document, what)
    return document


def _begin(folder: DatasetFolder, inputs: str, workbench: Workbench, *, again: bool) -> None:
    """Keep outputs of an interrupted preparation from the same inputs; set any others aside."""
    try:
        same = json.loads(folder.begun.read_bytes()) == {"inputs": inputs}
    except (OSError, ValueError):
        same = False
    with writing(folder.root):
        folder.record.unlink(missing_ok=True)
        if folder.prepared.exists() and (again or not same):
            shutil.rmtree(folder.previous, ignore_errors=True)
            folder.prepared.rename(folder.previous)
            workbench.talk.say(f"earlier prepared files were set aside in '{folder.previous}'")
        elif folder.prepared.exists():
            workbench.talk.say("taking up an earlier preparation that was not finished")
    write_atomic(folder.begun, json.dumps({"inputs": inputs}).encode("ascii"))


def _inputs(source: Source, cube: Cube) -> str:
    """What a preparation is made from, as a SHA-256: raw files by size and time, and what the cube does.

    Contents are not read: that would take as long as preparing them.
    """
    digest = hashlib.sha256(f"{cube_digest(cube)} {source.as_prepared}\n".encode())
    for name in HASHED:
        if name in source.roots:
            digest.update(_stamps(source.roots[name]))
    return digest.hexdigest()


def _stamps(root: Path) -> bytes:
    found: list[bytes] = []
    for parent, folders, names in os.walk(root, onerror=_refuse):
        folders.sort()
        for name in sorted(names):
            path = Path(parent, name)
            try:
                status = path.stat()
            except OSError as error:
                raise unreadable(path, error) from error
            stamp = f" {status.st_size} {status.st_mtime_ns}\0"
            found.append(os.fsencode(path.relative_to(root)) + stamp.encode())
    return b"".join(found)


def _refuse(error: OSError) -> None:
    raise unreadable(Path(str(error.filename)), error) from error
