"""A registry as it stood at one commit, and a change to it; both lazy, neither knows git."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from typing_extensions import override

from medperf_cli.core import names
from medperf_cli.core.names import FOLDERS, EntityPath, Kind, SignaturePath

MAX_FILE = 64 * 1024
"""Bytes of one entity file; larger ones are refused unread."""
MAX_SIGNATURE = 8 * 1024
MAX_CHANGE_FILES = 3000
MAX_CHANGE_BYTES = 16 * 1024 * 1024
"""More than any root may allow in one change: what is beyond is never read."""


class Snapshot(Protocol):
    """A registry as it stood at one commit; reads cost what they touch."""

    def get(self, path: str) -> bytes | None:
        """Bytes of a file, by its path relative to `registry/`; None where there is none."""
        ...

    def list(self, prefix: str) -> Iterator[str]:
        """Paths of all files below the folder `prefix` (no trailing slash; '' is all), sorted."""
        ...

    def names(self, folder: str) -> Sequence[str]:
        """What stands directly in a folder ('' is all), sorted; folders end in '/'."""
        ...

    def with_line(self, folder: str, lines: Collection[str]) -> Sequence[str]:
        """Paths of the `.yml` files below a folder in which one of these whole lines stands, sorted."""
        ...

    def age(self, seen: str) -> int | None:
        """How many first-parent commits back `registry/` last was this tree (0 = now); None if never."""
        ...

    def empty(self) -> bool:
        """Whether there is no registry yet (before genesis)."""
        ...


@dataclass(frozen=True, slots=True)
class RawDiffEntry:
    """One line of git's raw diff; `path` is relative to the repository's root, as bytes."""

    path: bytes
    status: str
    mode: str
    size: int

    @property
    def shown(self) -> str:
        """The path as text that is safe to print."""
        return self.path.decode("utf-8", "backslashreplace").encode("unicode_escape").decode("ascii")


@dataclass(frozen=True)
class Change:
    """A difference to judge: files added below `registry/`, and everything else as refused entries.

    `added` maps paths relative to `registry/` that fit the grammar to bytes; `refused` holds what may not be
    (edits, deletions, odd modes, stray names, files too large), each with its reason.
    """

    base: Snapshot
    added: Mapping[str, bytes]
    refused: tuple[tuple[RawDiffEntry, str], ...] = ()

    @property
    def entities(self) -> list[EntityPath]:
        """The entity files added, in path order."""
        return sorted(names.parse_path(p) for p in self.added if p.endswith(".yml"))

    @property
    def signatures(self) -> list[SignaturePath]:
        """The signature files added, in path order."""
        return sorted(names.parse_signature_path(p) for p in self.added if p.endswith(".sig"))


@dataclass(frozen=True)
class MemorySnapshot(Snapshot):
    """A snapshot held in memory, with the tree ids of the history that led to it (newest first)."""

    files: Mapping[str, bytes] = field(default_factory=dict)
    trees: tuple[str, ...] = ()

    @override
    def get(self, path: str) -> bytes | None:
        return self.files.get(path)

    @override
    def list(self, prefix: str) -> Iterator[str]:
        start = f"{prefix}/" if prefix else ""
        return iter(sorted(p for p in self.files if p.startswith(start)))

    @override
    def names(self, folder: str) -> Sequence[str]:
        return sorted(_names_in(folder, self.files))

    @override
    def with_line(self, folder: str, lines: Collection[str]) -> Sequence[str]:
        return sorted(_with_line(folder, lines, self.files))

    @override
    def age(self, seen: str) -> int | None:
        return self.trees.index(seen) if seen in self.trees else None

    @override
    def empty(self) -> bool:
        return not self.files


@dataclass(frozen=True)
class Overlay(Snapshot):
    """A base with files added: how the registry would stand after a change."""

    base: Snapshot
    added: Mapping[str, bytes]

    @override
    def get(self, path: str) -> bytes | None:
        found = self.added.get(path)
        return found if found is not None else self.base.get(path)

    @override
    def list(self, prefix: str) -> Iterator[str]:
        start = f"{prefix}/" if prefix else ""
        mine = {p for p in self.added if p.startswith(start)}
        return iter(sorted(mine.union(self.base.list(prefix))))

    @override
    def names(self, folder: str) -> Sequence[str]:
        mine = _names_in(folder, self.added)
        return sorted(mine.union(self.base.names(folder))) if mine else self.base.names(folder)

    @override
    def with_line(self, folder: str, lines: Collection[str]) -> Sequence[str]:
        below = [path for path in self.base.with_line(folder, lines) if path not in self.added]
        return sorted({*below, *_with_line(folder, lines, self.added)})

    @override
    def age(self, seen: str) -> int | None:
        return self.base.age(seen)

    @override
    def empty(self) -> bool:
        return not self.added and self.base.empty()


def _names_in(folder: str, files: Iterable[str]) -> set[str]:
    start = f"{folder}/" if folder else ""
    parts = (path[len(start) :].partition("/") for path in files if path.startswith(start))
    return {name + slash for name, slash, _ in parts}


def _with_line(folder: str, lines: Collection[str], files: Mapping[str, bytes]) -> Iterator[str]:
    start, wanted = f"{folder}/" if folder else "", {line.encode() for line in lines}
    for path, data in files.items():
        if path.startswith(start) and path.endswith(".yml") and not wanted.isdisjoint(data.split(b"\n")):
            yield path


def versions(snapshot: Snapshot, kind: Kind, entity_id: str) -> list[EntityPath]:
    """All versions of an entity that stand in the snapshot, lowest first."""
    folder = f"{FOLDERS[kind]}/{entity_id}" if entity_id else FOLDERS[kind]
    found = (f"{folder}/{name}" for name in snapshot.names(folder) if name.endswith(".yml"))
    return sorted(names.parse_path(p) for p in found)


def sort_entry(entry: RawDiffEntry) -> str | None:
    """Why a raw diff entry may not be part of a change; None where it may.

    Raises nothing: whatever a stranger's tree holds gets a reason.
    """
    if entry.status != "A":
        verb = {"M": "edited", "D": "deleted", "T": "changed in type"}.get(entry.status, "changed")
        return f"{verb} in this change: a registry change only adds files"
    if entry.mode != "100644":
        sort = {"120000": "a symlink", "160000": "a submodule", "100755": "executable"}.get(entry.mode, "odd")
        return f"is {sort} (mode {entry.mode}): only regular files of mode 100644 are accepted"
    prefix = names.REGISTRY_DIR.encode() + b"/"
    if not entry.path.startswith(prefix):
        return "stands outside 'registry/': a change of the registry touches nothing else"
    return _grammar(entry.path[len(prefix) :], entry.size)


def _grammar(path: bytes, size: int) -> str | None:
    try:
        text = path.decode("ascii")
    except UnicodeDecodeError:
        return "has a name that is not ASCII"
    try:
        if text == names.GITATTRIBUTES:
            limit = MAX_SIGNATURE
        elif text.endswith(".sig"):
            names.parse_signature_path(text)
            limit = MAX_SIGNATURE
        else:
            names.parse_path(text)
            limit = MAX_FILE
    except names.PathError as error:
        return f"does not fit the grammar of paths: {error}"
    if size > limit:
        return f"has {size} bytes, more than {limit}"
    return None


def build_change(
    base: Snapshot,
    entries: Iterable[tuple[RawDiffEntry, str]],
    read: Callable[[Sequence[str]], Mapping[str, bytes]],
) -> Change:
    """Sort a raw diff into what may be judged and what is refused.

    Args:
        base: the registry before the change.
        entries: raw diff entries, each with the object id of its new blob.
        read: returns blobs by object id; asked once, and only for what is not too much.

    """
    fits: dict[str, str] = {}
    refused: list[tuple[RawDiffEntry, str]] = []
    total = 0
    for entry, oid in entries:
        reason = sort_entry(entry)
        total += entry.size
        if reason is None and (len(fits) >= MAX_CHANGE_FILES or total > MAX_CHANGE_BYTES):
            reason = f"is beyond {MAX_CHANGE_FILES} files or {MAX_CHANGE_BYTES} bytes in one change"
        if reason is None:
            fits[entry.path.decode("ascii")[len(names.REGISTRY_DIR) + 1 :]] = oid
        else:
            refused.append((entry, reason))
    blobs = read(tuple(fits.values()))
    return Change(base, {path: blobs[oid] for path, oid in fits.items()}, tuple(refused))
