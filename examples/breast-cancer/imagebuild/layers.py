"""Layers as bit-for-bit reproducible tar files: sorted, one time, one owner, no device nodes."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

EPOCH = 1_700_000_000
"""The one time of every file, in seconds: any fixed one would do."""

_READ = 1 << 20


@dataclass(frozen=True)
class Blob:
    """A file of an archive, known by its SHA-256."""

    path: Path
    sha256: str
    size: int


def blob(path: Path) -> Blob:
    """Hash a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_READ):
            digest.update(block)
    return Blob(path, digest.hexdigest(), path.stat().st_size)


def normalise(source: Path, target: Path, keep: Callable[[str], bool]) -> Blob:
    """Rewrite a root file system's tar with only what `keep` accepts (paths without leading `./`)."""
    with tarfile.open(source) as tar, tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as out:
        members = {_relative(m.name): m for m in tar if not m.isdev()}
        for name in sorted(name for name in members if name and keep(name)):
            original = members[name]
            content = tar.extractfile(original) if original.isreg() or original.islnk() else None
            member = _plain(original, name)
            if content is not None:
                # A hard link becomes a file: sorted, it could stand before what it links to.
                member.type, member.linkname = tarfile.REGTYPE, ""
                member.size = content.seek(0, io.SEEK_END)
                content.seek(0)
            out.addfile(member, content)
    return blob(target)


def from_files(files: Mapping[PurePosixPath, Path], target: Path) -> Blob:
    """A layer of plain files, path in the image to file here, world-readable."""
    folders = {parent for path in files for parent in path.parents if parent.name}
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as out:
        for path in sorted({*folders, *files}):
            member = tarfile.TarInfo(str(path).lstrip("/"))
            member.mtime, member.mode = EPOCH, 0o755
            if path in folders:
                member.type = tarfile.DIRTYPE
                out.addfile(member)
            else:
                data = files[path].read_bytes()
                member.mode, member.size = 0o644, len(data)
                out.addfile(member, io.BytesIO(data))
    return blob(target)


def _relative(name: str) -> str:
    return name.removeprefix(".").strip("/")


def _plain(member: tarfile.TarInfo, name: str) -> tarfile.TarInfo:
    plain = tarfile.TarInfo(name)
    plain.type, plain.linkname, plain.mtime = member.type, member.linkname, EPOCH
    # Set-id bits have no place under no-new-privileges; everything is readable by any user.
    plain.mode = 0o1777 if name in ("tmp", "var/tmp") else (member.mode & 0o755) | 0o444
    return plain
