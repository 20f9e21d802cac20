"""Assets (weights, archives, demo data) by SHA-256: kept in a folder, found in others, or downloaded."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING

from medperf_cli.adapters.files import atomic
from medperf_cli.adapters.steps import Bytes
from medperf_cli.adapters.store.download import download, shown
from medperf_cli.adapters.store.hash_cache import unreadable
from medperf_cli.adapters.store.hashing import Summing
from medperf_cli.adapters.store.progress import silent
from medperf_cli.errors import ConfigurationError, IntegrityError, MedperfError, NetworkError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from medperf_cli.adapters.store.hash_cache import HashCache
    from medperf_cli.adapters.store.progress import Progress

_CHUNK = 4 * 1024 * 1024
_MAX_SCANNED = 100_000
"""Files looked at in one folder: a share may be endless."""
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")


@dataclass
class _Search:
    """What is looked for, where, and what was found wrong on the way."""

    sha256: str
    size: int
    name: str | None
    folders: Sequence[Path]
    urls: Sequence[str]
    progress: Progress
    failures: list[MedperfError] = field(default_factory=list)

    def in_vain(self) -> MedperfError:
        """The error that says where was looked."""
        detail = f"sha256 {self.sha256}, {self.size} bytes"
        what = f"'{self.name}' ({detail})" if self.name else f"({detail})"
        places = [*(f"'{place}'" for place in self.folders), *(f"'{shown(url)}'" for url in self.urls)]
        looked = f"asset {what} was not found; looked in {', '.join(places)}"
        text = "; ".join([looked, *(failure.message for failure in self.failures)])
        if any(isinstance(failure, IntegrityError) for failure in self.failures):
            hint = "ask its owner for an untouched copy and put it into a folder of assets"
            return IntegrityError(text, hint=hint)
        hint = "put the file, under any name, into a folder of assets named in the profile"
        return NetworkError(text, hint=hint) if self.failures else ConfigurationError(text, hint=hint)


class AssetStore:
    """A folder of files named by their SHA-256.

    Args:
        folder: the store; made when first written to.
        cache: remembers hashes of unchanged files.

    """

    def __init__(self, folder: Path, cache: HashCache) -> None:
        self.folder = folder
        self._cache = cache

    def path(self, sha256: str) -> Path:
        """Where an asset stands, or would (raises UsageError for what is not a SHA-256)."""
        if not _SHA256.match(sha256):
            raise UsageError(f"'{sha256}' is not a sha256 of 64 hex digits")
        return self.folder / sha256

    def put(self, file: Path, progress: Progress = silent) -> tuple[str, int]:
        """Copy a file into the store; returns its SHA-256 and size in bytes.

        A copy, never a hard link: the original may be changed in place later.

        Raises:
            ConfigurationError: it cannot be read, or the store cannot be written.
            IntegrityError: it changed while it was copied.

        """
        sha256, size = self._hashed(file, progress)
        if not self._has(sha256, size, progress):
            self._copy(file, sha256, size, progress)
        return sha256, size

    def resolve(
        self,
        sha256: str,
        size: int,
        *,
        urls: Sequence[str] = (),
        folders: Sequence[Path] = (),
        name: str | None = None,
        progress: Progress = silent,
    ) -> Path:
        """Find an asset and return its path in the store, where it then stands verified.

        Looked for in this order: the store, `folders` (a file named by the SHA-256 or `name`, else any file
        of that size whose hash fits), `urls`.

        Args:
            sha256: 64 hex digits.
            size: in bytes.
            urls: https addresses, tried in turn.
            folders: shares, USB sticks; missing ones are passed over.
            name: the file's usual name, looked at first and shown in errors.
            progress: told the bytes copied or received.

        Raises:
            IntegrityError: a file of that name, or a download, has other bytes; no other place has it.
            ConfigurationError: it stands nowhere; says where was looked.
            NetworkError: the same, and an address did not answer.

        """
        search = _Search(sha256, size, name, [self.folder, *folders], urls, progress)
        if not (self._has(sha256, size, progress) or self._from_folders(search) or self._from_urls(search)):
            raise search.in_vain()
        return self.path(sha256)

    def _has(self, sha256: str, size: int, progress: Progress) -> bool:
        """Whether the store has it; its bytes are read again if the file was touched since."""
        path = self.path(sha256)
        if not path.is_file():
            return False
        if self._hashed(path, progress) != (sha256, size):
            raise IntegrityError(
                f"file '{path}' in the store is damaged, or its size is not {size} bytes as promised",
                hint="remove that file, then run the same command again",
            )
        return True

    def _hashed(self, file: Path, progress: Progress) -> tuple[str, int]:
        """SHA-256 and size of a file, from the cache where it is unchanged (raises as `HashCache.sha256`)."""
        try:
            size = file.stat().st_size
        except OSError as error:
            raise unreadable(file, error) from error
        return self._cache.sha256(file, Summing(Bytes("hashing"), size, progress))

    def _from_folders(self, search: _Search) -> bool:
        for folder in search.folders[1:]:
            for candidate in _candidates(folder, search):
                if self._fits(candidate, search):
                    self._copy(candidate, search.sha256, search.size, search.progress)
                    return True
        return False

    def _fits(self, candidate: Path, search: _Search) -> bool:
        try:
            fits = self._hashed(candidate, search.progress) == (search.sha256, search.size)
        except MedperfError:
            return False  # a file that cannot be read is not the one; others may be
        if not fits and candidate.name == search.sha256:
            said = f"file '{candidate}' has other bytes than its name promises"
            search.failures.append(IntegrityError(said))
        return fits

    def _from_urls(self, search: _Search) -> bool:
        for url in search.urls:
            try:
                with atomic(self.path(search.sha256), mode=0o444, parents=True) as file:
                    download(url, file, sha256=search.sha256, size=search.size, progress=search.progress)
            except (NetworkError, IntegrityError) as error:
                search.failures.append(error)
            else:
                return True
        return False

    def _copy(self, source: Path, sha256: str, size: int, progress: Progress) -> None:
        with atomic(self.path(sha256), mode=0o444, parents=True) as target:
            copied = _copy_bytes(source, target, size, progress)
            if copied != sha256:
                raise IntegrityError(
                    f"file '{source}' changed while it was copied", hint="run the same command again"
                )


def _copy_bytes(source: Path, target: IO[bytes], size: int, progress: Progress) -> str:
    digest = hashlib.sha256()
    done = 0
    for chunk in _chunks(source):
        digest.update(chunk)
        target.write(chunk)
        done += len(chunk)
        progress(Bytes("copying"), done, size)
    return digest.hexdigest()


def _chunks(source: Path) -> Iterator[bytes]:
    try:
        with source.open("rb") as file:
            while chunk := file.read(_CHUNK):
                yield chunk
    except OSError as error:
        raise unreadable(source, error) from error


def _candidates(folder: Path, search: _Search) -> Iterator[Path]:
    """Files that may be the asset, the likeliest first; judged by name and size only."""
    named = [search.sha256, *([Path(search.name).name] if search.name else [])]
    likely = [folder / name for name in named]
    yield from (
        path for path in likely if _has_size(path, None if path.name == search.sha256 else search.size)
    )
    scanned = 0
    for parent, _, files in os.walk(folder):
        for file in files:
            scanned += 1
            if scanned > _MAX_SCANNED:
                return
            path = Path(parent, file)
            if path not in likely and _has_size(path, search.size):
                yield path


def _has_size(path: Path, size: int | None) -> bool:
    """Whether it is a file, and of that size where one is given."""
    try:
        return path.is_file() and size in (None, path.stat().st_size)
    except OSError:
        return False
