"""Trees as values: look a path up, walk, compare two, put files in; the reader fetches what is touched."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from medperf_cli.adapters.store.objects import TREE, ObjectReader, TreeEntry, object_id, serialize_tree
from medperf_cli.core.snapshot import RawDiffEntry
from medperf_cli.errors import ConflictError, IntegrityError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_KEPT = 50_000
"""Trees kept in memory: neighbouring commits share nearly all of theirs."""

_MAX_STEPS = 100_000
_MAX_PATH = 4096


class Trees:
    """The trees of one repository, each read once."""

    def __init__(self, reader: ObjectReader) -> None:
        self._reader = reader
        self._kept: OrderedDict[str, Mapping[bytes, TreeEntry]] = OrderedDict()

    def tree(self, oid: str) -> Mapping[bytes, TreeEntry]:
        """The entries of a tree (raises IntegrityError)."""
        if oid not in self._kept:
            self.prefetch([oid])
        return self._kept[oid]

    def prefetch(self, oids: list[str]) -> None:
        """Read trees that will be asked for, in few exchanges (raises IntegrityError)."""
        self._kept.update(self._reader.trees([oid for oid in oids if oid not in self._kept]))
        while len(self._kept) > max(_KEPT, len(oids)):
            self._kept.popitem(last=False)

    def find(self, tree: str, path: bytes) -> TreeEntry | None:
        """What stands at `path` below `tree`; symlinks and submodules are not followed."""
        entry: TreeEntry | None = TreeEntry(TREE, tree)
        for name in path.split(b"/") if path else ():
            if entry is None or entry.mode != TREE:
                return None
            entry = self.tree(entry.oid).get(name)
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
        """What differs between two trees, as `git diff-tree -r --raw --no-renames` prints it (sizes are 0).

        Each entry comes with the object id of its new blob (that of the old one for a deletion).

        Raises:
            IntegrityError: the trees are built to exhaust whoever compares them, or are malformed.

        """
        waiting = [(b"", _folder(old), _folder(new))]
        steps = 0
        while waiting:
            path, before, after = waiting.pop()
            if before == after:
                continue
            steps += 1
            if steps > _MAX_STEPS or len(path) > _MAX_PATH:
                raise IntegrityError("two git trees differ in more than anybody could read")
            yield from _entry(path, before, after)
            inner_old, inner_new = self._inside(before), self._inside(after)
            start = path + b"/" if path else b""
            waiting.extend(
                (start + name, inner_old.get(name), inner_new.get(name))
                for name in sorted(inner_old.keys() | inner_new.keys(), reverse=True)
            )

    def _inside(self, entry: TreeEntry | None) -> Mapping[bytes, TreeEntry]:
        return self.tree(entry.oid) if entry and entry.mode == TREE else {}


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
