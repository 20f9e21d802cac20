"""Which files an attempt left and what is in them; contents are hostile, so no symlink is ever followed."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from medperf_cli.errors import ContainerError


def list_outputs(folders: Iterable[Path]) -> list[Path]:
    """Every file and symlink below `folders`, sorted; a folder that is not there has none.

    Raises:
        ContainerError: a folder cannot be looked into.

    """
    return sorted(path for folder in folders for path in _walk(folder))


def digests(folder: Path, paths: Iterable[Path]) -> dict[str, str]:
    """The digest of each of `paths`, by its path relative to `folder`; the bytes are on disk afterwards.

    A file's digest is the hex SHA-256 of its bytes; a symlink's is `link:` and that of its target's text.

    Raises:
        ContainerError: one of them is not there, not readable, neither file nor symlink, or not in `folder`.

    """
    found: dict[str, str] = {}
    for path in paths:
        relative = path.relative_to(folder)
        try:
            found[str(relative)] = _digest(path)
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            raise ContainerError(f"output '{relative}' cannot be read: {why}") from error
    return found


def first_changed(folder: Path, recorded: Mapping[str, str]) -> str | None:
    """The first path whose file is gone or no longer has its recorded digest; None when all hold."""
    for name, digest in recorded.items():
        try:
            same = _digest(folder / name) == digest
        except (OSError, ContainerError):
            same = False
        if not same:
            return name
    return None


def _walk(folder: Path) -> Iterator[Path]:
    if folder.is_symlink():
        yield folder
        return
    for root, inner, files in os.walk(folder, onerror=_refuse):
        yield from (Path(root, name) for name in files)
        yield from (path for name in inner if (path := Path(root, name)).is_symlink())


def _refuse(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        why = (error.strerror or str(error)).lower()
        raise ContainerError(f"output '{error.filename}' cannot be read: {why}") from error


def _digest(path: Path) -> str:
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return "link:" + hashlib.sha256(os.fsencode(path.readlink())).hexdigest()
    if not stat.S_ISREG(mode):
        raise ContainerError(f"output '{path}' is neither a file nor a folder")
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
        # a record must not outlive, in a power cut, the bytes it speaks of
        os.fsync(file.fileno())
        return hashlib.file_digest(file, "sha256").hexdigest()
