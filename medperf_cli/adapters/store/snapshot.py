"""The registry at one commit of a git repository, read lazily."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import override

from medperf_cli.adapters.store.tree_entries import FILE, TREE
from medperf_cli.core.snapshot import MAX_FILE, Snapshot

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

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

    @override
    def get(self, path: str) -> bytes | None:
        if self._root is None:
            return None
        entry = self._store.trees.find(self._root, _bytes(path))
        if entry is None or entry.mode != FILE:
            return None
        return self._store.reader.read([entry.oid], "blob", MAX_FILE)[entry.oid]

    @override
    def list(self, prefix: str) -> Iterator[str]:
        folder = self._folder(prefix)
        found = self._store.trees.walk(folder) if folder else ()
        return iter(sorted(_below(prefix, path) for path, entry in found if entry.mode == FILE))

    @override
    def names(self, folder: str) -> Sequence[str]:
        tree = self._folder(folder)
        entries = self._store.trees.tree(tree).items() if tree else ()
        return sorted(_text(n) + "/" * (e.mode == TREE) for n, e in entries if e.mode in (FILE, TREE))

    @override
    def with_line(self, folder: str, lines: Collection[str]) -> Sequence[str]:
        tree = self._folder(folder)
        found = self._store.lines.find(tree, [_bytes(line) for line in lines]) if tree else ()
        return sorted(_below(folder, path) for path in found)

    def _folder(self, path: str) -> str | None:
        """The tree id of a folder below `registry/` ('' is itself)."""
        entry = self._store.trees.find(self._root, _bytes(path)) if self._root else None
        return entry.oid if entry is not None and entry.mode == TREE else None

    @override
    def age(self, seen: str) -> int | None:
        if self._root is None or self.commit is None:
            return None
        if self._store.past.assumed is not None:  # nearly every signer had seen what was rewritten since
            return self._age_before_redactions(self.commit, seen)
        found = self._store.chain.age(self.commit, seen, self._max_age)
        return self._age_before_redactions(self.commit, seen) if found is None else found

    def _age_before_redactions(self, commit: str, seen: str) -> int | None:
        try:
            return self._store.past.age(commit, seen)
        except LookupError:
            return None

    @override
    def empty(self) -> bool:
        return self._root is None


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _below(folder: str, path: bytes) -> str:
    return f"{folder}/{_text(path)}" if folder else _text(path)
