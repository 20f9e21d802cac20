"""Files that are either wholly there or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from typing import IO, TYPE_CHECKING

from medperf_cli.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextlib.contextmanager
def atomic(path: Path, *, mode: int = 0o644) -> Iterator[IO[bytes]]:
    """Yield a binary file that becomes `path` when the block ends well, and vanishes when it does not.

    The bytes and the new name are on disk (fsync) before the block is left.

    Raises:
        ConfigurationError: the folder cannot be written, or the disk is full.

    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    except OSError as error:
        raise _cannot_write(path, error) from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            _settle(file, mode)
        os.replace(temporary, path)  # noqa: PTH105 - both are names of one folder, no Path needed
        _sync_folder(path.parent)
    except OSError as error:
        # A block that also reads must turn the errors of its source into errors of its own kind.
        raise _cannot_write(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            os.unlink(temporary)  # noqa: PTH108 - gone already when all went well


def write_atomic(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Write `data` to `path`, replacing it in one step (raises ConfigurationError)."""
    with atomic(path, mode=mode) as file:
        file.write(data)


def _settle(file: IO[bytes], mode: int) -> None:
    file.flush()
    os.fchmod(file.fileno(), mode)
    os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        # Some network file systems cannot sync a folder; the rename itself has happened by now.
        with contextlib.suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _cannot_write(path: Path, error: OSError) -> ConfigurationError:
    return ConfigurationError(
        f"cannot write '{path}': {(error.strerror or str(error)).lower()}",
        hint="make the folder writable, or free some space, then run the same command again",
    )
