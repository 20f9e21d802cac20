"""A snapshot that notes what was asked of it, so that one can tell which changes cannot matter."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from typing_extensions import override

from medperf_cli.core.snapshot import Snapshot

EVERYTHING = frozenset({"/"})
"""What hangs on all there is."""


class Watched(Snapshot):
    """Another snapshot, and what was asked of it: paths of files, and of folders with a slash at the end.

    How long ago something was seen only grows, so whoever is judged by it is at most judged more strictly
    later; that alone is not noted.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._asked: set[str] = set()

    @property
    def asked(self) -> frozenset[str]:
        """All that was asked for until now."""
        return frozenset(self._asked)

    @override
    def get(self, path: str) -> bytes | None:
        self._asked.add(path)
        return self._snapshot.get(path)

    @override
    def list(self, prefix: str) -> Iterator[str]:
        self._asked.add(f"{prefix}/")
        return self._snapshot.list(prefix)

    @override
    def names(self, folder: str) -> Sequence[str]:
        self._asked.add(f"{folder}/")
        return self._snapshot.names(folder)

    @override
    def with_line(self, folder: str, lines: Collection[str]) -> Sequence[str]:
        self._asked.add(f"{folder}/")
        return self._snapshot.with_line(folder, lines)

    @override
    def age(self, seen: str) -> int | None:
        found = self._snapshot.age(seen)
        if found is None:  # the next change may make it what was seen
            self._asked |= EVERYTHING
        return found

    @override
    def empty(self) -> bool:
        return self._snapshot.empty()


def matters(asked: Collection[str], changed: Iterable[str]) -> bool:
    """Whether one of the changed files (paths relative to `registry/`) is among what was asked for."""
    return any(path in asked or any(above in asked for above in _above(path)) for path in changed)


def _above(path: str) -> Iterator[str]:
    yield "/"
    for place, character in enumerate(path):
        if character == "/":
            yield path[: place + 1]
