"""What a container wrote is hostile: measured while it grows, checked at the end, read with bounds."""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from medperf_cli.errors import ContainerError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_BLOCK = 512  # unit of st_blocks, POSIX
_HINT = "do not use these outputs; tell the cube's owner"


@dataclass(frozen=True, slots=True)
class Usage:
    """What a folder or file holds."""

    files: int
    size: int


def measure(paths: Iterable[Path], *, max_bytes: int, max_files: int) -> Usage:
    """Count entries and bytes below `paths`, stopping as soon as a limit is passed.

    Entries that vanish meanwhile are left out; symlinks are counted, never followed. A file counts with
    its length or its blocks on disk, whichever is more, so a sparse file cannot hide.

    Raises:
        ContainerError: a folder cannot be looked into, so its size cannot be bounded.

    """
    files = size = 0
    for path in paths:
        for _, info in _walk(path):
            files += 1
            size += max(info.st_size, info.st_blocks * _BLOCK) if stat.S_ISREG(info.st_mode) else 0
            if files > max_files or size > max_bytes:
                return Usage(files, size)
    return Usage(files, size)


def refuse_growth(paths: Iterable[Path], *, max_bytes: int, max_files: int, what: str) -> Usage:
    """Measure, and raise ContainerError when a limit is passed; `what` names the paths in the message."""
    usage = measure(paths, max_bytes=max_bytes, max_files=max_files)
    if usage.size > max_bytes:
        raise ContainerError(f"the {what} grew past {max_bytes} bytes", hint=_GROWTH)
    if usage.files > max_files:
        raise ContainerError(f"the {what} grew past {max_files} files", hint=_GROWTH)
    return usage


_GROWTH = "raise the limit in the profile if the cube is right to write that much"


def check_outputs(paths: Iterable[Path], *, max_bytes: int, max_files: int) -> Usage:
    """Refuse outputs that could lead a reader astray; call it before anything in them is read.

    Regular files, folders, and symlinks that stay inside their own output are fine.

    Raises:
        ContainerError: naming a symlink that leads outside, a pipe, device or socket, a set-user-id file,
            or the limit that was passed.

    """
    listed = tuple(paths)
    usage = refuse_growth(listed, max_bytes=max_bytes, max_files=max_files, what="outputs")
    for root in listed:
        for path, info in _walk(root):
            _check_entry(path, info, root)
    return usage


def _check_entry(path: Path, info: os.stat_result, root: Path) -> None:
    mode = info.st_mode
    if stat.S_ISLNK(mode):
        _check_link(path, root)
    elif not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise ContainerError(f"output '{path}' is neither a file nor a folder", hint=_HINT)
    elif stat.S_ISREG(mode) and mode & (stat.S_ISUID | stat.S_ISGID):
        # Outputs belong to the caller: anybody on this machine could run such a file as the caller.
        raise ContainerError(f"output '{path}' is a set-user-id or set-group-id file", hint=_HINT)


def _check_link(path: Path, root: Path) -> None:
    try:
        target = path.resolve()
    except (OSError, RuntimeError):  # a loop of links: RuntimeError until Python 3.12, OSError after
        raise ContainerError(f"output '{path}' is a symlink in a loop", hint=_HINT) from None
    if path == root or not target.is_relative_to(root.resolve()):
        raise ContainerError(f"output '{path}' is a symlink that leads outside of its folder", hint=_HINT)


def _walk(root: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Every entry at and below `root` with its lstat, as it is found; no symlink is followed."""
    try:
        info = root.lstat()
    except FileNotFoundError:
        return
    yield root, info
    pending = [root] if stat.S_ISDIR(info.st_mode) else []
    while pending:
        folder = pending.pop()
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    path = folder / entry.name
                    info = entry.stat(follow_symlinks=False)
                    if stat.S_ISDIR(info.st_mode):
                        pending.append(path)
                    yield path, info
        except FileNotFoundError:
            continue
        except OSError as error:
            raise ContainerError(
                f"output '{str(folder)[:400]}' cannot be read: {_why(error)}", hint=_HINT
            ) from None


def read_bounded(path: Path, limit: int, *, below: Path | None = None) -> bytes:
    """Read a regular file of at most `limit` bytes, following no symlink at its end.

    With `below`, an output folder of ours that holds `path`, no symlink anywhere between is followed.

    Raises:
        ContainerError: it is missing, a symlink, not a regular file, or larger.

    """
    folder = path.parent if below is None else below
    if ".." in path.parts:
        raise ContainerError(f"output '{path}' has '..' in its path", hint=_HINT)
    try:
        descriptor = _open_below(folder, path.relative_to(folder).parts)
    except OSError as error:
        raise ContainerError(f"output '{path}' cannot be read: {_why(error)}") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ContainerError(f"output '{path}' is not a regular file", hint=_HINT)
    with os.fdopen(descriptor, "rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise ContainerError(f"output '{path}' is larger than {limit} bytes")
    return data


def _open_below(folder: Path, parts: tuple[str, ...]) -> int:
    # O_NONBLOCK: opening a pipe must not wait for a writer.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    for index, part in enumerate(parts):
        last = index == len(parts) - 1
        try:
            inner = os.open(part, flags if last else flags | os.O_DIRECTORY, dir_fd=at)
        finally:
            os.close(at)
        at = inner
    return at


def _why(error: OSError) -> str:
    if error.errno == errno.ELOOP:
        return "it is a symlink"
    return (error.strerror or "unreadable").lower()
