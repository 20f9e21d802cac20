"""The registry at one commit of a git repository, read lazily."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import override

from medperf_cli.adapters.store.objects import FILE, TREE
from medperf_cli.core.snapshot import MAX_FILE, Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from medperf_cli.adapters.store.repository import GitStore

_MAX_AGE = 100_000


class GitSnapshot(Snapshot):
    """A registry as it stood at one commit; None stands before the first commit.

    Only regular files are there: symlinks, submodules and executables are neither read nor listed.
    """

    def __init__(self, store: GitStore, commit: str | None, *, max_age: int = _MAX_AGE) -> None:
        self.commit = commit
        self._store = store
        self._root = store.registry_tree(commit) if commit else None
        self._max_age = max_age
        # Trees of registry/, newest first, as far back as anybody has asked yet.
        self._ages: dict[str, int] = {}
        self._next: str | None = commit
        self._walked = 0

    @override
    def get(self, path: str) -> bytes | None:
        if self._root is None:
            return None
        entry = self._store.trees.find(self._root, path.encode("utf-8", "surrogateescape"))
        if entry is None or entry.mode != FILE:
            return None
        return self._store.reader.read([entry.oid], "blob", MAX_FILE)[entry.oid]

    @override
    def list(self, prefix: str) -> Iterator[str]:
        start = prefix.encode("utf-8", "surrogateescape")
        folder = self._store.trees.find(self._root, start) if self._root else None
        if folder is None or folder.mode != TREE:
            return iter(())
        above = start + b"/" if start else b""
        found = (above + path for path, entry in self._store.trees.walk(folder.oid) if entry.mode == FILE)
        return iter(sorted(path.decode("utf-8", "surrogateescape") for path in found))

    @override
    def age(self, seen: str) -> int | None:
        if self._store.past.assumed is not None:  # nearly every signer had seen what was rewritten since
            return self._age_before_redactions(seen)
        found = self._age_as_it_stands(seen)
        return self._age_before_redactions(seen) if found is None else found

    def _age_before_redactions(self, seen: str) -> int | None:
        if self.commit is None:
            return None
        try:
            return self._store.past.age(self.commit, seen)
        except LookupError:
            return None

    def _age_as_it_stands(self, seen: str) -> int | None:
        while seen not in self._ages and self._next is not None and self._walked < self._max_age:
            tree = self._store.registry_tree(self._next)
            if tree is None:  # before genesis
                self._next = None
                break
            self._ages.setdefault(tree, self._walked)
            self._next = self._store.parent(self._next)
            self._walked += 1
        return self._ages.get(seen)

    @override
    def empty(self) -> bool:
        return self._root is None
