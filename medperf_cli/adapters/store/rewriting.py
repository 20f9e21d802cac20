"""History written anew without some files: the same commits, first parents only from the first change on."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from medperf_cli.adapters.store.objects import object_id
from medperf_cli.adapters.store.tree_entries import TREE, TreeEntry, serialize_tree
from medperf_cli.adapters.store.writing import write_objects
from medperf_cli.core.names import REGISTRY_DIR

if TYPE_CHECKING:
    from medperf_cli.adapters.store.repository import GitStore

_LARGEST = 16 * 1024 * 1024
"""Bytes of a commit object; requests and merges have a few hundred."""
_HEADERS = (b"author ", b"committer ", b"encoding ")


@dataclass(frozen=True)
class Group:
    """Files (path below `registry/`, blob id) that one commit brought.

    `position` counts first-parent commits, genesis being 1; `before` is the tree of `registry/` until then.
    """

    position: int
    before: str
    files: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Rewritten:
    """A history without some files: its head, and where which of them had entered."""

    head: str
    groups: tuple[Group, ...]


@dataclass
class _Rewriting:
    """The work: what is still to come, what is there by now, and the objects that come to be."""

    store: GitStore
    waiting: set[str]
    present: set[bytes] = field(default_factory=set)
    trees: dict[str, bytes] = field(default_factory=dict)
    commits: dict[str, bytes] = field(default_factory=dict)

    def entered(self, tree: str) -> Iterator[tuple[str, str]]:
        """Files (path below `registry/`, blob id) that are in this tree for the first time."""
        for path in sorted(self.waiting):
            inside = f"{REGISTRY_DIR}/{path}".encode()
            found = self.store.trees.find(tree, inside)
            if found is not None:
                self.waiting.remove(path)
                self.present.add(inside)
                yield path, found.oid

    def without(self, tree: str, gone: Collection[bytes]) -> str:
        """The id of a tree without the paths that are `gone` below it; folders that are empty go too."""
        entries = dict(self.store.trees.tree(tree))
        for name in {path.partition(b"/")[0] for path in gone} & entries.keys():
            inner = {path.partition(b"/")[2] for path in gone if path.partition(b"/")[0] == name}
            if entries[name].mode != TREE:
                del entries[name]
                continue
            oid = self.without(entries[name].oid, inner)
            if self.trees[oid]:
                entries[name] = TreeEntry(TREE, oid)
            else:
                del entries[name]
        data = serialize_tree(entries)
        oid = object_id("tree", data, tree)
        self.trees[oid] = data
        return oid

    def commit(self, old: str, parent: str | None) -> str:
        """The commit again, with another parent and without what is gone."""
        data = self.store.reader.read([old], "commit", _LARGEST)[old]
        header, _, message = data.partition(b"\n\n")
        tree = self.without(self.store.commit(old).tree, self.present)
        lines = [f"tree {tree}".encode(), *([f"parent {parent}".encode()] if parent else [])]
        lines += [line for line in header.split(b"\n") if line.startswith(_HEADERS)]
        new = b"\n".join(lines) + b"\n\n" + message
        oid = object_id("commit", new, old)
        self.commits[oid] = new
        return oid


def rewrite(store: GitStore, head: str, paths: Collection[str]) -> Rewritten:
    """Write the first-parent history of `head` without some files below `registry/`; no ref moves.

    Commits before the first of them stay as they are. Later ones lose their other parents, for these lead to
    requests, which hold the files; messages, authors and times stay. A commit of which nothing is left stays
    too, so that every commit keeps its position.

    Raises:
        IntegrityError: an object is missing or damaged.
        ConfigurationError: the repository cannot be written.

    """
    work = _Rewriting(store, set(paths))
    groups = []
    parent: str | None = None
    before: str | None = None
    position = 0
    for old in reversed(store.first_parents(head)):
        tree = store.registry_tree(old)
        position = position + 1 if tree else 0
        entered = tuple(work.entered(store.commit(old).tree))
        if entered:
            groups.append(Group(position, before or store.empty_tree, entered))
        parent = work.commit(old, parent) if work.present else old
        before = tree
    trees = {oid: data for oid, data in work.trees.items() if data}
    write_objects(store, "tree", trees)
    write_objects(store, "commit", work.commits)
    return Rewritten(parent or head, tuple(groups))
