"""One writer at a time: a file lock that says who holds it."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import itertools
import os
import stat
import time
from typing import TYPE_CHECKING

from medperf_cli.errors import ConfigurationError, ConflictError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_POLL_SECONDS = 0.05
_PATIENT_SECONDS = 0.1


@contextlib.contextmanager
def exclusive(path: Path, what: str, *, wait: float = 0.0) -> Iterator[int]:
    """Hold the lock file `path` while the block runs; `what` is told to whoever meets the lock.

    Gives the lock's file descriptor: a program that inherits it holds the lock too, until it has ended.

    The kernel lets go of the lock when the process ends, however it ends; the file itself stays
    (removing it would let two processes lock two different files of one name).

    Args:
        path: the lock file; made if missing.
        what: the work in hand, such as `sync`.
        wait: seconds to wait for the present holder.

    Raises:
        ConflictError: somebody else holds it.
        ConfigurationError: the file system cannot be written or cannot lock.

    """
    descriptor = _open(path)
    try:
        _acquire(descriptor, path, wait)
        _write_holder(descriptor, f"{what}, process {os.getpid()} on {os.uname().nodename}")
        try:
            yield descriptor
        finally:
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def one_of(paths: Sequence[Path], what: str, *, wait: float) -> Iterator[bool]:
    """Hold one of several lock files while the block runs, so that no more than so many do at once.

    Only to spare the machine: gives False where none came free in `wait` seconds, or locks cannot be made,
    and the block runs all the same.
    """
    deadline = time.monotonic() + wait
    with contextlib.ExitStack() as held:
        taken = False
        with contextlib.suppress(ConfigurationError):
            taken = any(_took(path, what, held) for path in paths)
            for path in itertools.cycle(paths):  # one at a look: a hundred who wait must cost nothing
                if taken or time.monotonic() >= deadline:
                    break
                time.sleep(_PATIENT_SECONDS)
                taken = _took(path, what, held)
        yield taken


def _took(path: Path, what: str, held: contextlib.ExitStack) -> bool:
    with contextlib.suppress(ConflictError):
        held.enter_context(exclusive(path, what))
        return True
    return False


def _open(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise ConfigurationError(
            f"cannot open the lock '{path}': {(error.strerror or '').lower()}",
            hint="make the folder writable for this user",
        ) from error
    _share(descriptor, path.parent)
    return descriptor


def _share(descriptor: int, folder: Path) -> None:
    # Where a group writes (a shared bare repository), the lock that one made must not keep out others.
    with contextlib.suppress(OSError):
        if folder.stat().st_mode & stat.S_IWGRP:
            os.fchmod(descriptor, 0o664)


def _acquire(descriptor: int, path: Path, wait: float) -> None:
    deadline = time.monotonic() + wait
    while not _try(descriptor, path):
        if time.monotonic() >= deadline:
            holder = os.pread(descriptor, 1024, 0).decode("utf-8", "replace").strip()
            raise ConflictError(
                f"'{path}' is locked by {holder or 'another process'}",
                hint="wait until it has finished, then run the same command again",
            )
        time.sleep(_POLL_SECONDS)


def _try(descriptor: int, path: Path) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return False
        raise ConfigurationError(
            f"cannot lock '{path}': {(error.strerror or '').lower()}",
            hint="keep MEDPERF_HOME on a file system that can lock",
        ) from error
    return True


def _write_holder(descriptor: int, text: str) -> None:
    # Only a courtesy to whoever meets the lock: on a full disk it is held all the same.
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, text.encode(), 0)
