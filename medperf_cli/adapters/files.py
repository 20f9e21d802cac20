"""Writing to disk so that a crash leaves the old file or the new one; shared by all adapters."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from medperf_cli.errors import ConfigurationError

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


def is_disk_full(error: OSError) -> bool:
    """Whether the disk or the user's quota is used up."""
    return error.errno in _FULL


FREE_SPACE = "free some space, then run the same command again: finished work is kept"


def disk_error(error: OSError, path: Path) -> ConfigurationError:
    """Say what the system's refusal of `path` means and what to do about it."""
    if is_disk_full(error):
        return ConfigurationError(f"no space left to write '{path}'", hint=FREE_SPACE)
    if error.errno in _FORBIDDEN:
        hint = "give this user access to it, or choose another folder"
        return ConfigurationError(f"no permission for '{path}'", hint=hint)
    hint = "repair or move what is in the way, then run the same command again"
    return ConfigurationError(f"cannot use '{path}': {(error.strerror or str(error)).lower()}", hint=hint)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn every OSError in the block into a ConfigurationError about `path`."""
    try:
        yield
    except OSError as error:
        raise disk_error(error, path) from error


@contextlib.contextmanager
def atomic(path: Path, *, mode: int = 0o644, parents: bool = False) -> Iterator[IO[bytes]]:
    """Yield a binary file that becomes `path` when the block ends well, and vanishes when it does not.

    Other processes and a crash see the old bytes or the new; both are on disk (fsync) when the block is left.

    Args:
        path: the file.
        mode: its permissions, lessened by the umask.
        parents: make the folder if it is not there.

    Raises:
        ConfigurationError: the disk is full, read-only or forbidden; nothing is left behind. A block that
            also reads must turn the errors of its source into errors of its own kind.

    """
    temporary = path.with_name(f".{path.name}.{os.urandom(8).hex()}.tmp")
    with writing(path):
        if parents:
            path.parent.mkdir(parents=True, exist_ok=True)
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
            with os.fdopen(os.open(temporary, flags, mode), "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


def write_atomic(path: Path, data: bytes, *, mode: int = 0o644, parents: bool = False) -> None:
    """Put `data` at `path` in one step (see `atomic`)."""
    with atomic(path, mode=mode, parents=parents) as file:
        file.write(data)


def replace_by(path: Path, finished: Path) -> None:
    """Let a finished file take the place of `path` in one step (raises ConfigurationError)."""
    with writing(path):
        with finished.open("rb") as file:
            os.fsync(file.fileno())
        finished.replace(path)
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` outlive a power cut, where the file system can."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        # some network file systems have no fsync for folders and need none
        with contextlib.suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
