"""Unpacking archives nobody vouches for beyond their SHA-256: nothing may land outside, nothing may flood."""

from __future__ import annotations

import lzma
import os
import tarfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from medperf_cli.adapters.files import disk_error, is_disk_full
from medperf_cli.adapters.steps import Bytes
from medperf_cli.adapters.store.progress import Progress, silent
from medperf_cli.errors import IntegrityError

_CHUNK = 1 << 20
_NOT_AS_IT_SHOULD_BE = (tarfile.TarError, EOFError, KeyError, ValueError, zlib.error, lzma.LZMAError)
_HINT = "ask the owner of the cube or benchmark for a corrected archive"


@dataclass(frozen=True)
class Bounds:
    """How much one archive may hold, unpacked."""

    size: int = 200 << 30
    files: int = 1_000_000


def unpack(archive: Path, folder: Path, *, bounds: Bounds = Bounds(), progress: Progress = silent) -> None:
    """Unpack a tar file, compressed or not, into an existing folder.

    Files, folders and symlinks that stay inside are made; a hard link becomes a copy. Owners, times and
    special bits are not taken over.

    Raises:
        IntegrityError: it is no tar file; a member leads outside, is of another kind or stands twice; or it
            holds more than `bounds` allow. What was unpacked so far stays.
        ConfigurationError: the disk is full or cannot be written.

    """
    try:
        with archive.open("rb") as file, tarfile.open(fileobj=file, mode="r:*") as tar:
            _Unpacking(tar, archive.name, folder.resolve(), bounds, _Read(archive, file, progress)).all()
    except _NOT_AS_IT_SHOULD_BE as error:
        raise IntegrityError(f"archive '{archive.name}' cannot be unpacked: {error}", hint=_HINT) from None
    except OSError as error:
        if is_disk_full(error):
            raise disk_error(error, folder) from error
        why = (error.strerror or str(error)).lower()
        raise IntegrityError(f"archive '{archive.name}' cannot be unpacked: {why}", hint=_HINT) from error


class _Read:
    """Tells how much of an archive was read: how large it is unpacked is not known before the end."""

    def __init__(self, archive: Path, file: IO[bytes], progress: Progress) -> None:
        self._step, self._file, self._progress = Bytes(f"unpacking {archive.name}"), file, progress
        self._total = archive.stat().st_size

    def tell(self) -> None:
        """Say how much; the end may be read well before the last file is written."""
        self._progress(self._step, max(0, min(self._file.tell(), self._total - 1)), self._total)

    def end(self) -> None:
        """Say that all is done."""
        self._progress(self._step, self._total, self._total)


class _Unpacking:
    """One archive on its way into one folder."""

    def __init__(self, tar: tarfile.TarFile, name: str, folder: Path, bounds: Bounds, read: _Read) -> None:
        self._tar, self._name, self._folder = tar, name, folder
        self._bounds, self._read = bounds, read
        self._size = self._files = 0

    def all(self) -> None:
        """Every member in turn."""
        for member in self._tar:
            self._files += 1
            if self._files > self._bounds.files:
                raise self._refused(f"it holds more than {self._bounds.files} files")
            self._one(member, self._place(member.name))
        self._read_on()

    def _read_on(self) -> None:
        """To the very end: the checksum of a compressed file stands there, behind the last member."""
        while chunk := self._tar.fileobj.read(_CHUNK):
            self._count(len(chunk))
        self._read.end()

    def _one(self, member: tarfile.TarInfo, path: Path) -> None:
        if member.isdir():
            path.mkdir(parents=True, exist_ok=True)
            return
        if path == self._folder:
            raise self._refused("it has a file without a name")
        path.parent.mkdir(parents=True, exist_ok=True)
        if os.path.lexists(path):
            raise self._refused(f"'{member.name}' stands in it twice")
        if member.issym():
            self._symlink(member, path)
        elif member.isreg() or member.islnk():
            self._file(member, path)
        else:
            raise self._refused(f"'{member.name}' is neither a file nor a folder")

    def _place(self, name: str) -> Path:
        """Where a member goes: inside, also when a symlink made earlier stands on the way."""
        pure = PurePosixPath(name)
        path = self._folder.joinpath(*pure.parts)
        if path == self._folder:
            return path
        if pure.is_absolute() or ".." in pure.parts or not self._inside(path.parent):
            raise self._refused(f"'{name}' leads outside of it")
        if path.is_symlink():
            raise self._refused(f"'{name}' stands in it twice")
        return path

    def _inside(self, path: Path) -> bool:
        try:
            return path.resolve().is_relative_to(self._folder)
        except (OSError, RuntimeError):  # a loop of symlinks
            return False

    def _symlink(self, member: tarfile.TarInfo, path: Path) -> None:
        target = path.parent / member.linkname
        if PurePosixPath(member.linkname).is_absolute() or not self._inside(target):
            raise self._refused(f"'{member.name}' is a symlink that leads outside of it")
        path.symlink_to(member.linkname)

    def _file(self, member: tarfile.TarInfo, path: Path) -> None:
        source = self._tar.extractfile(member)
        if source is None:
            raise self._refused(f"'{member.name}' links to what is not a file")
        mode = 0o755 if member.mode & 0o100 else 0o644
        with source, os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as target:
            self._copy(source, target)

    def _copy(self, source: IO[bytes], target: IO[bytes]) -> None:
        while chunk := source.read(_CHUNK):
            self._count(len(chunk))
            target.write(chunk)
            self._read.tell()

    def _count(self, size: int) -> None:
        self._size += size
        if self._size > self._bounds.size:
            raise self._refused(f"it holds more than {self._bounds.size} bytes")

    def _refused(self, why: str) -> IntegrityError:
        return IntegrityError(f"archive '{self._name}' cannot be unpacked: {why}", hint=_HINT)
