"""Running one task of a cube to a checked end, and what a result says about it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from medperf_cli.adapters.files import writing
from medperf_cli.adapters.runtime.base import RunReport, RunSpec
from medperf_cli.adapters.runtime.checked import run_checked
from medperf_cli.adapters.runtime.plan import plan
from medperf_cli.core.entities.cube import Cube
from medperf_cli.core.entities.fields import Pin
from medperf_cli.core.entities.result import TaskRecord
from medperf_cli.errors import ContainerError
from medperf_cli.flows.running.cube_inputs import own_inputs
from medperf_cli.flows.running.images import present_image
from medperf_cli.flows.running.watching import TellsTalk
from medperf_cli.flows.running.workbench import Workbench

CONTRACT = 1
"""Version of the rules by which cubes are run; a higher one runs every cell again."""
OPTIONAL_OUTPUTS = frozenset({"report_file", "metadata_path", "local_outputs_path"})
"""Declared outputs that a cube may leave empty."""
_DIGITS = 3


def run_task(
    workbench: Workbench, cube: Cube, task: str, volumes: Mapping[str, Path], *, log: Path, phase: str
) -> RunReport:
    """Run one task; returns when it has ended well and its outputs are there and safe to read.

    Parameters and additional files are added where the task declares them.

    Args:
        workbench: what to run it with.
        cube: the cube; it need not be in a registry yet.
        task: which of its tasks.
        volumes: a path for every other key the task declares; more than those do no harm.
        log: the file for what the container says.
        phase: the word for it when it is told.

    Raises:
        ContainerError: it failed (with the log's last lines and path), or wrote nothing or something unsafe.
        TaskTimeoutError: it ran longer than the profile allows.
        MedperfError: image, inputs or engine are not as they should be; see `present_image`, `plan`.

    """
    image_id = present_image(workbench, cube)
    with _scratch(workbench, task) as folder:
        spec = plan(
            cube.container,
            task,
            {**volumes, **own_inputs(workbench, cube, task, folder)},
            image_id=image_id,
            cell=f"{cube.id} {task}",
            scratch=folder / "tmp",
            log_file=log,
            user=workbench.engine.caller(),
            limits=workbench.limits,
            read_only_root=not workbench.settings.cube_writable_root,
        )
        workbench.talk.say(f"{phase}: running '{task}' of cube '{cube.id}'")
        report = run_checked(workbench.engine, spec, TellsTalk(workbench.talk, phase))
    _refuse_nothing(cube, task, spec, volumes)
    return report


@contextmanager
def _scratch(workbench: Workbench, task: str) -> Iterator[Path]:
    with writing(workbench.scratch):
        folder = Path(tempfile.mkdtemp(prefix=f"{task}-", dir=workbench.scratch))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def output_file(cube: Cube, task: str, key: str, folder: Path, name: str) -> Path:
    """What to mount for an output that holds the file `name`: the file, or `folder` if that is declared."""
    declared = cube.container.tasks.get(task)
    volume = None if declared is None else declared.output_volumes.get(key)
    return folder if volume is not None and volume.type == "directory" else folder / name


def task_record(task: str, cube: Pin, report: RunReport) -> TaskRecord:
    """What a result says about a task that was run."""
    return TaskRecord(
        task=task,
        cube=cube,
        image=report.image_id,
        applied=report.isolation.applied,
        missing=report.isolation.missing,
        started=report.started,
        duration_seconds=round(report.duration_seconds, _DIGITS),
    )


def _refuse_nothing(cube: Cube, task: str, spec: RunSpec, volumes: Mapping[str, Path]) -> None:
    for key in cube.container.tasks[task].output_volumes:
        if key not in OPTIONAL_OUTPUTS and not _holds_something(volumes[key]):
            raise ContainerError(
                f"cube '{cube.id}' ended well but wrote nothing to '{key}' of task '{task}'",
                hint=f"its log is '{spec.log_file}'; tell the cube's owner",
            )


def _holds_something(path: Path) -> bool:
    """Whether a file has content, or a folder a file with content anywhere below."""
    if path.is_file():
        return path.stat().st_size > 0
    found: Any = (Path(root, name) for root, _, names in os.walk(path) for name in names)
    return any(file.is_file() and file.stat().st_size > 0 for file in found)
