"""Hashing of folders of prepared data: many files at once, unchanged ones remembered."""

from __future__ import annotations

import os
import stat
import threading
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from medperf_cli.adapters.steps import Bytes
from medperf_cli.adapters.store.hash_cache import HashCache, unreadable
from medperf_cli.adapters.store.progress import silent
from medperf_cli.core.dataset_hash import FileEntry
from medperf_cli.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from medperf_cli.adapters.store.progress import Progress

_WORKERS = min(8, os.cpu_count() or 1)


def hash_folder(roots: Mapping[str, Path], cache: HashCache, progress: Progress = silent) -> list[FileEntry]:
    """SHA-256, size and path of every file below the roots, sorted by path.

    A path is `<key of the root>/<path below it>` in Unicode NFC. A symlink to a file of the same root counts
    as the file; empty folders do not count.

    Args:
        roots: folders by name, such as `{"data": …, "labels": …, "metadata": …}`.
        cache: remembers hashes of unchanged files.
        progress: told the bytes hashed.

    Raises:
        ConfigurationError: a folder or file is missing or unreadable, or is a symlink out of its root or to
            a folder, or neither file nor folder; named in the message.
        IntegrityError: a file changed while it was read.

    """
    found = [(f"{name}/{inner}", path) for name, root in roots.items() for inner, path in _files(root)]
    total = sum(_size(path) for _, path in found)
    advance = Summing(Bytes("hashing"), total, progress)
    with ThreadPoolExecutor(_WORKERS) as pool:
        hashed = pool.map(lambda item: cache.sha256(item[1], advance), found)
        try:
            entries = [FileEntry(*pair, path) for (path, _), pair in zip(found, hashed, strict=True)]
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return sorted(entries, key=lambda entry: entry.path)


class Summing:
    """Adds up what the workers report, and passes it on from one thread at a time."""

    def __init__(self, step: str, total: int, progress: Progress) -> None:
        self._step, self._total, self._progress = step, total, progress
        self._done = 0
        self._lock = threading.Lock()

    def __call__(self, count: int) -> None:
        """`count` more are done."""
        with self._lock:
            self._done += count
            self._progress(self._step, self._done, self._total)


def _files(root: Path) -> Iterator[tuple[str, Path]]:
    """All files below `root` with their paths below it."""
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        try:
            entries = list(os.scandir(folder))
        except OSError as error:
            raise unreadable(folder, error) from error
        for entry in entries:
            path = Path(entry.path)
            if entry.is_dir(follow_symlinks=False):
                waiting.append(path)
                continue
            if entry.is_symlink():
                _judge_symlink(path, root)
            yield _text(path.relative_to(root)), path


def _judge_symlink(path: Path, root: Path) -> None:
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise ConfigurationError(
            f"symlink '{path}' leads nowhere", hint="remove it, or put the file in its place"
        ) from error
    if not target.is_relative_to(root.resolve()):
        raise ConfigurationError(
            f"symlink '{path}' leads out of '{root}'",
            hint="put a copy in its place: a container would not see what it points to",
        )
    if target.is_dir():
        raise ConfigurationError(
            f"symlink '{path}' leads to a folder", hint="put the folder itself in its place"
        )


def _text(path: Path) -> str:
    try:
        os.fsencode(path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"file name {str(path)!a} is not UTF-8 text",
            hint="rename the file, then run the command again",
        ) from error
    return unicodedata.normalize("NFC", path.as_posix())


def _size(path: Path) -> int:
    try:
        status = path.stat()
    except OSError as error:
        raise unreadable(path, error) from error
    return status.st_size if stat.S_ISREG(status.st_mode) else 0
