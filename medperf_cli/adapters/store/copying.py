"""Copying a folder so that it can be trusted and taken up again: every file is read back and compared."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from medperf_cli.adapters.files import atomic, sync_folder, writing
from medperf_cli.errors import ConfigurationError, ConflictError, IntegrityError

_CHUNK = 4 * 1024 * 1024
_ROUNDS = 3
_LISTS = ("system.posix_acl_access", "system.posix_acl_default")  # acl(5)

Advance = Callable[[int], None]


@dataclass(frozen=True)
class Listing:
    """What is in a folder, by path relative to it; sizes in bytes and times in nanoseconds."""

    folders: tuple[str, ...]
    files: dict[str, tuple[int, int]]
    links: dict[str, str]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(size for size, _ in self.files.values())


def listing(root: Path) -> Listing:
    """Everything below `root`; links are not followed.

    Raises:
        ConfigurationError: a folder cannot be read, or there is something other than files and folders.

    """
    folders, files, links = [], {}, {}
    for parent, names, others in os.walk(root, onerror=_unreadable):
        for name in (*names, *others):
            path = Path(parent, name)
            with _found(path):
                info = path.lstat()
            inner = path.relative_to(root).as_posix()
            if stat.S_ISLNK(info.st_mode):
                links[inner] = str(path.readlink())
            elif stat.S_ISDIR(info.st_mode):
                folders.append(inner)
            elif stat.S_ISREG(info.st_mode):
                files[inner] = (info.st_size, info.st_mtime_ns)
            else:
                raise ConfigurationError(
                    f"'{path}' is neither file nor folder", hint="remove it, then run the same command again"
                )
    return Listing(tuple(sorted(folders)), files, links)


def copy_folder(source: Path, target: Path, advance: Advance) -> Listing:
    """Make `target` what `source` is, file by file; what is there and right already is kept.

    Args:
        source: the folder; it may be written to meanwhile, then what changed is copied again.
        target: the copy; made if it is missing, and nobody else may write there.
        advance: told the bytes of each file that is done.

    Raises:
        ConfigurationError: something cannot be read or written.
        IntegrityError: what was written is not what is read back.
        ConflictError: it changes faster than it is copied.

    """
    before = listing(source)
    for _ in range(_ROUNDS):
        _copy(source, target, before, advance)
        after = listing(source)
        if after == before:
            return after
        before = after
    raise ConflictError(
        f"'{source}' changes while it is copied", hint="stop what writes there, then try again"
    )


def _copy(source: Path, target: Path, what: Listing, advance: Advance) -> None:
    with writing(target):
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        _clear(target, what)
        for name in what.folders:
            (target / name).mkdir(mode=0o700, exist_ok=True)
        for name, to in what.links.items():
            if not (target / name).is_symlink() or str((target / name).readlink()) != to:
                (target / name).unlink(missing_ok=True)
                (target / name).symlink_to(to)
    for name, (size, _) in what.files.items():
        _copy_file(source / name, target / name)
        advance(size)
    with writing(target):
        for name in sorted(what.folders, reverse=True):
            _like(source / name, target / name)
            sync_folder(target / name)
        _like(source, target)
        sync_folder(target)


def _clear(target: Path, what: Listing) -> None:
    """Remove from an earlier copy what is not in the source any more, or is of another sort there."""
    there = listing(target)
    for name in (*there.files, *there.links):
        if name not in (what.files if name in there.files else what.links):
            (target / name).unlink()
    for name in there.folders:
        (target / name).chmod(0o700)
    for name in sorted(there.folders, reverse=True):
        if name not in what.folders:
            shutil.rmtree(target / name, ignore_errors=True)


def _copy_file(source: Path, target: Path) -> None:
    try:
        size = source.lstat().st_size
    except FileNotFoundError:
        return  # gone meanwhile; the second look at the folder tells
    wanted = _sha256(source) if _size(target) == size else None
    if wanted is None or _sha256(target) != wanted:
        wanted = _write(source, target)
        if _sha256(target) != wanted:
            raise IntegrityError(
                f"'{target}' is not what was written there",
                hint="do not trust that disk; nothing was moved and nothing removed",
            )
    with writing(target):
        _like(source, target)


def _write(source: Path, target: Path) -> str:
    digest = hashlib.sha256()
    with atomic(target, mode=0o600) as copy, _opened(source) as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            copy.write(chunk)
    return digest.hexdigest()


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with _opened(path) as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    with _found(path), path.open("rb") as file:
        yield file


def _size(path: Path) -> int | None:
    try:
        info = path.lstat()
    except OSError:
        return None
    return info.st_size if stat.S_ISREG(info.st_mode) else None


def _like(source: Path, target: Path) -> None:
    """The same permissions, times and, where it is allowed, owner; never access for more people."""
    info = source.lstat()
    with contextlib.suppress(OSError):  # only root may, and not on every network file system
        os.chown(target, info.st_uid, info.st_gid)
    mode, there = stat.S_IMODE(info.st_mode), target.lstat()
    if there.st_gid != info.st_gid:
        mode &= ~(stat.S_IRWXG | stat.S_ISGID)  # they would be given to another group
    if not _same_lists(source, target):
        mode &= ~stat.S_IRWXG  # beside a list these bits are its mask, not the group's
    target.chmod(mode)
    os.utime(target, ns=(info.st_atime_ns, info.st_mtime_ns))


def _same_lists(source: Path, target: Path) -> bool:
    """Give the copy the source's access control lists; whether it has them now, or there are none."""
    if not hasattr(os, "getxattr"):
        return True
    for name in _LISTS:
        try:
            found = os.getxattr(source, name)
        except OSError:
            continue  # none, or the file system knows none
        try:
            os.setxattr(target, name, found)
        except OSError:
            return False
    return True


@contextlib.contextmanager
def _found(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        _unreadable(error, path)


def _unreadable(error: OSError, path: Path | None = None) -> None:
    reason = (error.strerror or str(error)).lower()
    raise ConfigurationError(
        f"cannot read '{path or error.filename}': {reason}", hint="make it readable for this user"
    ) from None
