"""SHA-256 of files on disk, remembered for as long as a file's size, times and inode stay the same."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
import stat
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from medperf_cli.errors import ConfigurationError, IntegrityError, MedperfError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

_CHUNK = 4 * 1024 * 1024
_SAVE_SECONDS = 1.0
_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS hashes (path BLOB PRIMARY KEY, stamp TEXT NOT NULL, sha256 TEXT NOT NULL)"
)


def _nothing(done: int) -> None:
    del done


class HashCache:
    """Hashes files; safe between threads. Close it, or use it as a context manager.

    Args:
        path: an SQLite file that remembers hashes; None remembers them for this process only. Losing it costs
            time, never correctness, so a file that cannot be used is gone around.

    """

    def __init__(self, path: Path | None = None) -> None:
        self._lock = threading.Lock()
        self._connection = _open(path)
        # Saved in one go now and then: a transaction left open would keep all other processes waiting.
        self._unsaved: dict[bytes, tuple[str, str]] = {}
        self._saved = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Keep what was remembered."""
        with self._lock:
            self._save()
            self._connection.close()

    def sha256(self, path: Path, advance: Callable[[int], None] = _nothing) -> tuple[str, int]:
        """SHA-256 (hex) and size in bytes of a regular file.

        Args:
            path: the file; a symlink is followed.
            advance: told the bytes dealt with, in portions.

        Raises:
            ConfigurationError: it cannot be read, or is not a regular file.
            IntegrityError: it changed while it was read.

        """
        key = os.fsencode(path.absolute())
        try:
            before = _stamp(path.stat())
            known = self._recall(key, before)
            if known:
                size = path.stat().st_size
                advance(size)
                return known, size
            sha256, size, after = _read(path, advance)
        except OSError as error:
            raise unreadable(path, error) from error
        if after != before:
            raise IntegrityError(
                f"file '{path}' changed while it was read",
                hint="stop what writes to it, then run the command again",
            )
        self._remember(key, after, sha256)
        return sha256, size

    def _recall(self, key: bytes, stamp: str) -> str | None:
        with self._lock, contextlib.suppress(sqlite3.Error):
            if key in self._unsaved:
                known, sha256 = self._unsaved[key]
                return sha256 if known == stamp else None
            found = self._connection.execute(
                "SELECT sha256 FROM hashes WHERE path = ? AND stamp = ?", (key, stamp)
            )
            row = found.fetchone()
            return str(row[0]) if row else None
        return None

    def _remember(self, key: bytes, stamp: str, sha256: str) -> None:
        with self._lock:
            self._unsaved[key] = (stamp, sha256)
            if time.monotonic() - self._saved >= _SAVE_SECONDS:
                self._save()

    def _save(self) -> None:
        rows = [(key, stamp, sha256) for key, (stamp, sha256) in self._unsaved.items()]
        with contextlib.suppress(sqlite3.Error), self._connection:
            self._connection.executemany("INSERT OR REPLACE INTO hashes VALUES (?, ?, ?)", rows)
            self._unsaved.clear()
        self._saved = time.monotonic()


def _open(path: Path | None) -> sqlite3.Connection:
    if path is not None:
        with contextlib.suppress(sqlite3.Error, OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            return _connect(str(path))
    return _connect(":memory:")


def _connect(name: str) -> sqlite3.Connection:
    connection = sqlite3.connect(name, timeout=1.0, check_same_thread=False)
    try:
        connection.execute(_SCHEMA)
        connection.commit()
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _stamp(status: os.stat_result) -> str:
    # The change time too: a tool that restores modification times cannot restore that one.
    return f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} {status.st_ino} {status.st_dev}"


def _read(path: Path, advance: Callable[[int], None]) -> tuple[str, int, str]:
    digest = hashlib.sha256()
    buffer = memoryview(bytearray(_CHUNK))
    size = 0
    # Non-blocking, or opening a named pipe would wait for a writer.
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb", buffering=0) as file:  # noqa: PTH123 - a descriptor
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ConfigurationError(f"'{path}' is not a regular file", hint="take it out of the folder")
        while count := file.readinto(buffer):
            digest.update(buffer[:count])
            size += count
            advance(count)
        return digest.hexdigest(), size, _stamp(os.fstat(file.fileno()))


def unreadable(path: Path, error: OSError) -> MedperfError:
    """The error for a file that cannot be read."""
    return ConfigurationError(
        f"cannot read '{path}': {(error.strerror or str(error)).lower()}",
        hint="see that it is there and readable",
    )
