"""The host's side of a run: inputs must be there, outputs are made, and our own limits hold."""

from __future__ import annotations

import os
import resource
import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from medperf_cli.errors import ContainerError

if TYPE_CHECKING:
    from medperf_cli.adapters.runtime.base import Limits, Mount, RunSpec


def ready(spec: RunSpec) -> RunSpec:
    """Check inputs, make outputs and scratch, and return the run with real paths in its mounts.

    Open files are limited to what this process may have: an engine without the right to raise that
    (rootless, or in a container itself) would refuse more.

    Raises:
        ContainerError: an input is missing or of the other type, or an output's place is taken or a symlink.

    """
    mounts = tuple(_ready_input(m) if m.read_only else _ready_output(m) for m in spec.mounts)
    return replace(spec, mounts=mounts, scratch=_make_scratch(spec), limits=_within_ours(spec.limits))


def _make_scratch(spec: RunSpec) -> Path:
    """A new folder for one run: what a killed run left is not seen, and nothing but ours is ever removed."""
    spec.scratch.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=spec.scratch)).resolve()
    if os.getuid() == 0:  # root alone may run a container as somebody else
        os.chown(folder, spec.user.uid, spec.user.gid)
    return folder


def clear_scratch(spec: RunSpec) -> None:
    """Remove the scratch folder that `ready` made; it may hold traces of patients, and traps.

    Not recursive, as depth is up to the container; its processes are gone, so nothing moves meanwhile.
    """
    folders = [spec.scratch]
    for folder in folders:
        with suppress(OSError):
            folder.chmod(0o700)
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(Path(entry.path))
                    else:
                        Path(entry.path).unlink()
    for folder in reversed(folders):
        with suppress(OSError):
            folder.rmdir()


def _within_ours(limits: Limits) -> Limits:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY:
        return limits
    return replace(limits, open_files=min(limits.open_files, hard))


def _ready_input(mount: Mount) -> Mount:
    path = mount.host
    found = path.is_dir() if mount.kind == "directory" else path.is_file()
    if not found:
        state = f"is not a {mount.kind}" if path.exists() else "does not exist"
        raise ContainerError(
            f"input '{path}' {state}", hint=f"give an existing {mount.kind} for '{mount.container}'"
        )
    return replace(mount, host=path.resolve())


def _ready_output(mount: Mount) -> Mount:
    """Make the folder or an empty file; what an interrupted run left there stays."""
    path = mount.host
    if path.is_symlink():
        raise ContainerError(
            f"output '{path}' is a symlink", hint="remove it, then run the same command again"
        )
    try:
        if mount.kind == "directory":
            path.mkdir(parents=True, exist_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666))
    except OSError as error:
        reason = (error.strerror or "not writable").lower()
        raise ContainerError(
            f"output '{path}' cannot be made: {reason}", hint="free the path or its disk, then run it again"
        ) from None
    return replace(mount, host=path.resolve())
