"""Trees as values: look a path up, walk, compare two, put files in; the reader fetches what is touched."""

from __future__ import annotations

import itertools
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from medperf_cli.adapters.store.objects import ObjectReader, object_id
from medperf_cli.adapters.store.tree_entries import TREE, Entries, TreeEntry, serialize_tree
from medperf_cli.core.snapshot import RawDiffEntry
from medperf_cli.errors import ConflictError, IntegrityError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_KEPT_ENTRIES = 100_000
"""Entries of trees kept in memory (some 300 bytes each): neighbouring commits share nearly all of theirs."""

_BATCH = 100
"""Trees read in one exchange."""
_MAX_STEPS = 100_000
_MAX_PATH = 4096
_NOTHING = Entries()


_Pair = tuple[bytes, TreeEntry | None, TreeEntry | None]
"""A path with what stands there before and after."""


class Trees:
    """The trees of one repository, each read once."""

    def __init__(self, reader: ObjectReader) -> None:
        self._reader = reader
        self._kept: OrderedDict[str, Entries] = OrderedDict()
        self._entries = 0

    def tree(self, oid: str) -> Entries:
        """The entries of a tree (raises IntegrityError)."""
        found = self._kept.get(oid)
        if found is None:
            found = self._reader.trees([oid])[oid]
            self._keep(oid, found)
        else:
            self._kept.move_to_end(oid)
        return found

    def prefetch(self, oids: Sequence[str]) -> None:
        """Read trees that will be asked for, in few exchanges; what is too much at once is read later.

        Raises:
            IntegrityError: one is missing or damaged.

        """
        missing = [oid for oid in oids if oid not in self._kept]
        for start in range(0, len(missing), _BATCH):
            for oid, found in self._reader.trees(missing[start : start + _BATCH]).items():
                self._keep(oid, found)

    def _keep(self, oid: str, found: Entries) -> None:
        self._kept[oid] = found
        self._entries += len(found) + 1
        while self._entries > _KEPT_ENTRIES and len(self._kept) > 1:
            _, dropped = self._kept.popitem(last=False)
            self._entries -= len(dropped) + 1

    def find(self, tree: str, path: bytes) -> TreeEntry | None:
        """What stands at `path` below `tree`; symlinks and submodules are not followed."""
        entry: TreeEntry | None = TreeEntry(TREE, tree)
        for name in path.split(b"/") if path else ():
            if entry is None or entry.mode != TREE:
                return None
            entry = self.tree(entry.oid).find(name)
        return entry

    def walk(self, tree: str) -> Iterator[tuple[bytes, TreeEntry]]:
        """Everything below `tree` that is not a tree, level by level."""
        level = [(b"", tree)]
        while level:
            self.prefetch([oid for _, oid in level])
            below = []
            for prefix, oid in level:
                for name, entry in self.tree(oid).items():
                    if entry.mode == TREE:
                        below.append((prefix + name + b"/", entry.oid))
                    else:
                        yield prefix + name, entry
            level = below

    def diff(self, old: str | None, new: str | None) -> Iterator[tuple[RawDiffEntry, str]]:
        """What differs between two trees, as `git diff-tree -r --raw --no-renames` gives it (sizes are 0).

        Entries come level by level, each level in the order of paths, each with the object id of its new
        blob (that of the old one for a deletion).

        Raises:
            IntegrityError: the trees are built to exhaust whoever compares them, or are malformed.

        """
        level: list[_Pair] = [(b"", _folder(old), _folder(new))]
        steps = 0
        while level:
            self.prefetch([e.oid for _, *pair in level for e in pair if e is not None and e.mode == TREE])
            below: list[_Pair] = []
            for path, before, after in level:
                steps += 1
                if steps > _MAX_STEPS or len(path) > _MAX_PATH:
                    raise IntegrityError("two git trees differ in more than anybody could read")
                yield from _entry(path, before, after)
                # What is beyond would never be looked at: a small push can name billions of paths.
                if len(below) <= _MAX_STEPS:
                    below += itertools.islice(self._below(path, before, after), _MAX_STEPS)
            level = below

    def _below(self, path: bytes, old: TreeEntry | None, new: TreeEntry | None) -> Iterator[_Pair]:
        """What differs in two folders (files have nothing in them)."""
        before, after = self._inside(old), self._inside(new)
        start = path + b"/" if path else b""
        for name in sorted(before.differing(after)):
            pair = before.find(name), after.find(name)
            if pair[0] != pair[1]:
                yield start + name, *pair

    def _inside(self, entry: TreeEntry | None) -> Entries:
        return self.tree(entry.oid) if entry and entry.mode == TREE else _NOTHING


def _folder(oid: str | None) -> TreeEntry | None:
    return TreeEntry(TREE, oid) if oid else None


def _entry(path: bytes, old: TreeEntry | None, new: TreeEntry | None) -> Iterator[tuple[RawDiffEntry, str]]:
    old = None if old and old.mode == TREE else old
    new = None if new and new.mode == TREE else new
    if new:
        yield RawDiffEntry(path, _status(old, new), new.mode, 0), new.oid
    elif old:
        yield RawDiffEntry(path, "D", "000000", 0), old.oid


def _status(old: TreeEntry | None, new: TreeEntry) -> str:
    if old is None:
        return "A"
    # The first two digits are the type of file, the rest its permissions.
    return "M" if old.mode[:2] == new.mode[:2] else "T"


@dataclass
class Edit:
    """Trees that come to be by adding files to one; nothing is written before `objects` is stored."""

    trees: Trees
    hash_like: str
    """Any object id of the repository: says which hash function it uses."""
    objects: dict[str, bytes] = field(default_factory=dict)
    """The new tree objects by id, inner ones first."""

    def add(self, tree: str | None, files: Mapping[bytes, TreeEntry], prefix: bytes = b"") -> str:
        """The id of `tree` with `files` (paths below it) added.

        Raises:
            ConflictError: something else stands at one of the paths.

        """
        entries = dict(self.trees.tree(tree)) if tree else {}
        folders: dict[bytes, dict[bytes, TreeEntry]] = {}
        for path, entry in files.items():
            name, slash, rest = path.partition(b"/")
            if slash:
                folders.setdefault(name, {})[rest] = entry
            else:
                self._place(entries, name, entry, prefix)
        for name, inner in folders.items():
            there = entries.get(name)
            if there is not None and there.mode != TREE:
                raise _taken(prefix + name)
            oid = self.add(there.oid if there else None, inner, prefix + name + b"/")
            entries[name] = TreeEntry(TREE, oid)
        data = serialize_tree(entries)
        oid = object_id("tree", data, self.hash_like)
        self.objects[oid] = data
        return oid

    @staticmethod
    def _place(entries: dict[bytes, TreeEntry], name: bytes, entry: TreeEntry, prefix: bytes) -> None:
        if entries.get(name, entry) != entry:
            raise _taken(prefix + name)
        entries[name] = entry


def _taken(path: bytes) -> ConflictError:
    return ConflictError(f"'{path.decode('utf-8', 'backslashreplace')}' already stands in the registry")
