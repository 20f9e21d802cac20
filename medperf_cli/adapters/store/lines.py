"""Which files of a folder hold a line: by `git grep` for one question, from memory for many."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medperf_cli.adapters.store.git import local_error
from medperf_cli.adapters.store.objects import is_partial
from medperf_cli.adapters.store.tree_entries import FILE
from medperf_cli.core.snapshot import MAX_FILE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from medperf_cli.adapters.store.repository import GitStore
    from medperf_cli.adapters.store.tree_entries import TreeEntry

_SUFFIX = b".yml"
_AT_FIRST = 3
"""Questions for git; a process that asks more often reads the files and keeps them."""
_FEW = 100
"""Folders that are read sooner than git is started."""
_KEPT_BYTES = 32 * 1024 * 1024
_FRAME = b"\n"

Texts = tuple[tuple[bytes, bytes], ...]
"""Paths of the `.yml` files of a folder, with their bytes between two line breaks."""


class Lines:
    """The lines of files in one repository, kept by the tree id of the folder just above them."""

    def __init__(self, store: GitStore) -> None:
        self._store = store
        self._kept: dict[str, Texts] = {}
        self._size = self._asked = 0

    def find(self, folder: str, lines: Collection[bytes]) -> Iterator[bytes]:
        """Paths below the tree `folder` of the `.yml` files in which one of these whole lines stands.

        Raises:
            IntegrityError: an object is missing or damaged.

        """
        if not lines:
            return
        wanted = [_FRAME + line + _FRAME for line in lines]
        for prefix, texts in self._candidates(folder, lines):
            for path, text in texts:
                for line in wanted:
                    if line in text:
                        yield prefix + path
                        break

    def _candidates(self, folder: str, lines: Collection[bytes]) -> Iterator[tuple[bytes, Texts]]:
        """Files that may hold one of the lines, with the path of their folder."""
        entries = self._store.trees.tree(folder)
        inner = entries.folders
        missing = [oid for oid in inner.values() if oid not in self._kept]
        self._asked += len(missing) > _FEW
        if len(missing) > _FEW and self._asked <= _AT_FIRST and not is_partial(self._store.git):
            yield b"", self._grep(folder, lines)
            return
        yield b"", self._texts(_files((n, entries[n]) for n in entries if n not in inner))
        for start in range(0, len(missing), _FEW):
            self._keep(missing[start : start + _FEW])
        for name, oid in inner.items():
            # It may have been dropped meanwhile.
            yield name + b"/", self._kept.get(oid) or self._texts(_files(self._store.trees.walk(oid)))

    def _grep(self, folder: str, lines: Collection[bytes]) -> Texts:
        """The files that git names, read again through the reader that verifies."""
        # More threads than one cost twice as much, and gain nothing where each file is small.
        options = ("--threads=1", "-a", "-l", "-z", "-F", "--no-color", "--no-recurse-submodules", "-f", "-")
        asked = b"".join(line + b"\n" for line in lines)
        done = self._store.git.local("grep", *options, folder, "--", "*.yml", stdin=asked)
        if done.code not in (0, 1):  # 1: found nothing
            raise local_error(self._store.git.directory, done.stderr)
        named = (found.partition(b":")[2] for found in done.stdout.split(b"\0") if found)
        found = {path: self._store.trees.find(folder, path) for path in named}
        return self._texts(_files((path, entry) for path, entry in found.items() if entry))

    def _keep(self, oids: list[str]) -> None:
        if self._size > _KEPT_BYTES:
            self._kept.clear()
            self._size = 0
        self._store.trees.prefetch(oids)
        blobs = [oid for tree in oids for _, oid in _files(self._store.trees.walk(tree))]
        read = self._store.reader.read(blobs, "blob", MAX_FILE)
        for tree in oids:
            texts = tuple((p, _framed(read[oid])) for p, oid in _files(self._store.trees.walk(tree)))
            self._kept[tree] = texts
            self._size += sum(len(text) for _, text in texts)

    def _texts(self, files: Iterable[tuple[bytes, str]]) -> Texts:
        listed = list(files)
        read = self._store.reader.read([oid for _, oid in listed], "blob", MAX_FILE)
        return tuple((path, _framed(read[oid])) for path, oid in listed)


def _files(entries: Iterable[tuple[bytes, TreeEntry]]) -> Iterator[tuple[bytes, str]]:
    return ((path, e.oid) for path, e in entries if e.mode == FILE and path.endswith(_SUFFIX))


def _framed(data: bytes) -> bytes:
    return _FRAME + data.removesuffix(_FRAME) + _FRAME
