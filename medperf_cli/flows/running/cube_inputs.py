"""What a cube brings along for its tasks: the parameters file and the additional files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from medperf_cli.adapters.files import write_atomic
from medperf_cli.core.entities.cube import Cube
from medperf_cli.core.strict_yaml import emit
from medperf_cli.flows.running.laid_out import File, files_digest, laid_out
from medperf_cli.flows.running.workbench import Workbench

PARAMETERS = "parameters_file"
ADDITIONAL = "additional_files"


def cube_digest(cube: Cube) -> str:
    """SHA-256 of what decides how a cube works (container, parameters, files), whatever its text says."""
    document = cube.document()
    works = [document.get(name) for name in ("container", "parameters", "additional_files")]
    return hashlib.sha256(json.dumps(works, sort_keys=True).encode()).hexdigest()


def parameters_digest(cube: Cube, task: str) -> str | None:
    """SHA-256 of the parameters file a task gets; None where it gets none."""
    return hashlib.sha256(_parameters(cube)).hexdigest() if _declares(cube, task, PARAMETERS) else None


def additional_digest(cube: Cube, task: str) -> str | None:
    """SHA-256 of the additional files a task gets; None where it gets none."""
    return files_digest(_files(cube)) if _declares(cube, task, ADDITIONAL) else None


def own_inputs(workbench: Workbench, cube: Cube, task: str, folder: Path) -> Mapping[str, Path]:
    """The cube's own inputs that the task declares, by key; a parameters file is written into `folder`.

    Raises:
        MedperfError: an additional file cannot be had; see `laid_out`.

    """
    inputs: dict[str, Path] = {}
    if _declares(cube, task, PARAMETERS):
        inputs[PARAMETERS] = folder / f"{PARAMETERS}.yaml"
        write_atomic(inputs[PARAMETERS], _parameters(cube))
    if _declares(cube, task, ADDITIONAL):
        inputs[ADDITIONAL] = laid_out(workbench, _files(cube))
    return inputs


def _declares(cube: Cube, task: str, key: str) -> bool:
    declared = cube.container.tasks.get(task)
    return declared is not None and key in declared.input_volumes


def _parameters(cube: Cube) -> bytes:
    """One spelling for one content, or the same cube would count as another; no parameters: `{}`."""
    return emit(cube.document().get("parameters", {}))


def _files(cube: Cube) -> Sequence[File]:
    return [File(file, file.name, file.unpack) for file in cube.additional_files]
