"""Which trees `registry/` had before redactions took files out of history, recomputed from what is left.

A git tree names its files by their object ids, so a tree can be computed without having them. A redaction
names the files it took out by path, blob id and the commit that brought them; with that, and the trees of the
rewritten history (which has as many commits as before), every tree that ever stood in main follows.
"""

from __future__ import annotations

import contextlib
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from medperf_cli.adapters.store.objects import object_id
from medperf_cli.adapters.store.tree_entries import FILE, TREE, TreeEntry, serialize_tree
from medperf_cli.core.names import FOLDERS, REGISTRY_DIR, Kind
from medperf_cli.core.snapshot import MAX_FILE
from medperf_cli.core.strict_yaml import load_strict
from medperf_cli.errors import DocumentError, RewrittenError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from medperf_cli.adapters.store.repository import GitStore
    from medperf_cli.core.entities.redaction import Redaction

_KEPT = 200_000
"""Computed trees kept in memory: neighbouring commits share nearly all of theirs."""
Nested = dict[bytes, "TreeEntry | Nested"]
"""Files to add to a tree, by name; folders hold their own."""


@dataclass
class _Layer:
    """What one redaction took out: files still to come by position, and those there by now."""

    waiting: dict[int, list[tuple[str, str]]]
    present: list[tuple[str, str]] = field(default_factory=list)


class Originals:
    """Tree ids along a first-parent chain: those that stand there, and those before each redaction."""

    def __init__(self, store: GitStore, redactions: Sequence[Redaction]) -> None:
        """Follow `store`; `redactions` by version."""
        self._store = store
        self._layers = [_layer(r) for r in reversed(redactions)]
        self._adding: list[Nested] = []
        self._memo: dict[tuple[str | None, int], str] = {}
        self._places: dict[str, list[int]] = {}
        self._numbers: dict[str, int] = {}
        self._genesis = 0
        self._last: str | None = None
        self._renew()

    def age(self, commit: str, tree: str) -> int | None:
        """How many commits before `commit` the registry last was this tree; None if never.

        Raises:
            RewrittenError: the commit does not come after those asked about before.

        """
        if commit not in self._numbers:
            for new in reversed(self._store.first_parents(commit, self._last)):
                self._follow(new)
        here = self._numbers[commit]
        places = self._places.get(tree, [])
        found = bisect_right(places, here)
        return here - places[found - 1] if found else None

    def _follow(self, commit: str) -> None:
        number = self._numbers[commit] = len(self._numbers)
        self._last = commit
        tree = self._store.registry_tree(commit)
        if tree is None:
            self._places.clear()  # what stood before genesis is another registry
            self._genesis = number + 1
            return
        for oid in self._trees(tree, number - self._genesis + 1):
            places = self._places.setdefault(oid, [])
            if not places or places[-1] != number:
                places.append(number)

    def _trees(self, tree: str, position: int) -> list[str]:
        """The tree that stands, and as it was before each redaction, the last one first."""
        if any(position in layer.waiting for layer in self._layers):
            for layer in self._layers:
                layer.present += layer.waiting.pop(position, [])
            self._renew()
        return [tree, *(self._with(tree, layer) for layer in range(len(self._layers)))]

    def _renew(self) -> None:
        """Collect what each layer and those before it add; what was computed with less is forgotten."""
        self._adding, self._memo = [], {}
        files: list[tuple[str, str]] = []
        for layer in self._layers:
            files += layer.present
            self._adding.append(_nested(files))

    def _with(self, tree: str, layer: int) -> str:
        adding = self._adding[layer]
        return self._id(tree, adding) if adding else tree

    def _id(self, tree: str | None, adding: Nested) -> str:
        """The id of a tree with files added; computed once for each tree that stands."""
        key = (tree, id(adding))
        found = self._memo.get(key)
        if found is None:
            if len(self._memo) > _KEPT:
                self._memo.clear()
            entries = dict(self._store.trees.tree(tree)) if tree else {}
            for name, what in adding.items():
                there = entries.get(name)
                if isinstance(what, TreeEntry):
                    entries[name] = what
                else:
                    inner = there.oid if there is not None and there.mode == TREE else None
                    entries[name] = TreeEntry(TREE, self._id(inner, what))
            found = self._memo[key] = object_id("tree", serialize_tree(entries), self._store.empty_tree)
        return found


class Past:
    """What redactions took out of a repository's history, as far as anybody asks.

    `assumed` is the commit whose redactions are taken for granted while the history before them is judged; by
    itself each commit has those that stand at it.
    """

    def __init__(self, store: GitStore) -> None:
        self.assumed: str | None = None
        self._store = store
        self._known: tuple[str, Originals] | None = None

    def redactions(self, commit: str) -> tuple[Redaction, ...]:
        """The redactions that stand at a commit, by version; unreadable files are left out."""
        folder = self._folder(commit)
        if folder is None:
            return ()
        entries = sorted(self._store.trees.tree(folder).items())
        oids = [e.oid for name, e in entries if name.endswith(b".yml") and e.mode == FILE]
        return redactions_in(self._store.reader.read(oids, "blob", MAX_FILE).values())

    def age(self, commit: str, tree: str) -> int | None:
        """How many first-parent commits before `commit` the registry was this tree, before any redaction.

        None if never.

        Raises:
            LookupError: nothing was redacted.

        """
        folder = self._folder(self.assumed or commit)
        if folder is None:
            raise LookupError("nothing was redacted")
        if self._known is not None and self._known[0] == folder:
            with contextlib.suppress(RewrittenError):
                return self._known[1].age(commit, tree)
        self._known = folder, Originals(self._store, self.redactions(self.assumed or commit))
        return self._known[1].age(commit, tree)

    def _folder(self, commit: str) -> str | None:
        path = f"{REGISTRY_DIR}/{FOLDERS[Kind.REDACTION]}".encode()
        found = self._store.trees.find(self._store.commit(commit).tree, path)
        return found.oid if found and found.mode == TREE else None


def _layer(redaction: Redaction) -> _Layer:
    return _Layer({g.position: [(f.path, f.blob) for f in g.files] for g in redaction.dropped})


def _nested(files: Sequence[tuple[str, str]]) -> Nested:
    whole: Nested = {}
    for path, blob in files:
        *folders, name = path.encode().split(b"/")
        at = whole
        for folder in folders:
            inner = at.setdefault(folder, {})
            assert isinstance(inner, dict)  # noqa: S101 - names of folders have no dot, those of files have
            at = inner
        at[name] = TreeEntry(FILE, blob)
    return whole


def redactions_in(files: Iterable[bytes]) -> tuple[Redaction, ...]:
    """The redactions that are readable in the bytes of their files, by version."""
    from medperf_cli.core.entities.parsing import validate  # noqa: PLC0415 - mostly nothing was redacted

    found = []
    for data in files:
        with contextlib.suppress(DocumentError):
            found.append(cast("Redaction", validate(Kind.REDACTION, load_strict(data))))
    return tuple(sorted(found, key=lambda redaction: redaction.version))
