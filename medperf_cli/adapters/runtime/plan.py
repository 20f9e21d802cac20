"""From a cube's task and the caller's paths to a RunSpec; pure, so what a cube gets can be read in a test."""

from __future__ import annotations

import shlex
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from medperf_cli.adapters.runtime.base import CELL_LABEL, SCRATCH, Limits, Mount, RunSpec, User
from medperf_cli.errors import ContainerError, PolicyError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from medperf_cli.core.entities.cube import Container, RunArgs, Task, Volume

_KERNEL_FOLDERS = ("/proc", "/sys", "/dev")
_UNITS = {"b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_SHM_DEFAULT = 64 * _UNITS["m"]  # what Docker gives when nobody asks


def plan(
    container: Container,
    task: str,
    volumes: Mapping[str, Path],
    *,
    image_id: str,
    cell: str,
    scratch: Path,
    log_file: Path,
    user: User,
    limits: Limits,
    log_level: str = "INFO",
    read_only_root: bool = True,
) -> RunSpec:
    """Decide one run in full; `volumes` are host paths by key, and only declared keys are mounted.

    Raises:
        ContainerError: the cube has no such task, or its mounts or command make no sense.
        UsageError: a declared key has no path.
        PolicyError: the cube asks for more than the site allows.

    """
    declared = _task(container, task)
    args = declared.run_args
    return RunSpec(
        name=task,
        image_id=image_id,
        command=_words(args.command, "command"),
        entrypoint=_words(args.entrypoint, "entrypoint"),
        environment={**args.environment, "MEDPERF_LOGLEVEL": log_level},
        mounts=_mounts(declared, task, volumes),
        scratch=scratch,
        log_file=log_file,
        user=user,
        limits=limits,
        shm_bytes=_shm(args, limits),
        gpus=_gpus(args, limits),
        labels={CELL_LABEL: cell},
        read_only_root=read_only_root,
    )


def _task(container: Container, task: str) -> Task:
    try:
        return container.tasks[task]
    except KeyError:
        known = ", ".join(f"'{name}'" for name in sorted(container.tasks))
        raise ContainerError(
            f"the cube has no task '{task}', only {known}", hint="ask the cube's owner for a version with it"
        ) from None


def _mounts(task: Task, name: str, volumes: Mapping[str, Path]) -> tuple[Mount, ...]:
    inputs = [_mount(key, v, name, volumes, read_only=True) for key, v in task.input_volumes.items()]
    outputs = [_mount(key, v, name, volumes, read_only=False) for key, v in task.output_volumes.items()]
    mounts = (*inputs, *outputs)
    _refuse_overlap(mounts)
    return mounts


def _mount(key: str, volume: Volume, task: str, volumes: Mapping[str, Path], *, read_only: bool) -> Mount:
    if key not in volumes:
        side = "input" if read_only else "output"
        raise UsageError(
            f"no path for {side} '{key}' of task '{task}'",
            hint=f"give a {volume.type} for '{key}'",
        )
    return Mount(volumes[key], volume.mount_path, read_only, volume.type)


def _refuse_overlap(mounts: tuple[Mount, ...]) -> None:
    """A mount inside another would hide part of it, or need a folder made inside an input."""
    paths = [PurePosixPath(m.container) for m in mounts]
    for path in paths:
        if str(path) == SCRATCH or any(path.is_relative_to(kernel) for kernel in _KERNEL_FOLDERS):
            raise ContainerError(f"the cube mounts a volume at '{path}', which is not free", hint=_ASK)
        for other in paths:
            if other is not path and path.is_relative_to(other):
                raise ContainerError(f"the cube mounts '{path}' inside its volume '{other}'", hint=_ASK)


_ASK = "ask the cube's owner to choose another mount_path"


def _words(value: str | tuple[str, ...] | None, field: str) -> tuple[str, ...] | None:
    """A text is split as a shell would, as `docker run` users expect; no shell ever sees it."""
    if value is None or isinstance(value, tuple):
        return value
    try:
        return tuple(shlex.split(value))
    except ValueError as error:
        raise ContainerError(f"the cube's {field} '{value}' cannot be split: {error}") from None


def _shm(args: RunArgs, limits: Limits) -> int:
    if args.shm_size is None:
        return min(_SHM_DEFAULT, limits.shm_bytes_max)
    wanted = int(args.shm_size[:-1]) * _UNITS[args.shm_size[-1]]
    if wanted > limits.shm_bytes_max:
        raise PolicyError(
            f"the cube asks for {args.shm_size} of shared memory, this site allows {limits.shm_bytes_max}"
            " bytes",
            hint="raise the site's ceiling in the profile, if the machine has the memory",
        )
    return wanted


def _gpus(args: RunArgs, limits: Limits) -> tuple[str, ...]:
    """`all` means all that the site hands to this task, which may be none: the cube then runs on CPUs."""
    if args.gpus is None:
        return ()
    if args.gpus == "all":
        return limits.gpus
    if args.gpus > len(limits.gpus):
        raise PolicyError(
            f"the cube asks for {args.gpus} GPUs, this site gives it {len(limits.gpus)}",
            hint="run it on a machine with more GPUs, or raise the ceiling in the profile",
        )
    return limits.gpus[: args.gpus]
