"""The bytes in the verified index as a registry, so that what counts can be worked out from them again."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from typing_extensions import override

from medperf_cli.adapters.store.index import Index
from medperf_cli.core.snapshot import Snapshot

_BELOW = (
    "SELECT path FROM entities WHERE path >= ? AND path < ?"
    " UNION ALL SELECT path FROM signatures WHERE path >= ? AND path < ? ORDER BY 1"
)


class IndexSnapshot(Snapshot):
    """A registry as its index holds it; no git is read.

    Args:
        index: the open index; reads raise IntegrityError where it is damaged.

    """

    def __init__(self, index: Index) -> None:
        self._index = index

    @override
    def get(self, path: str) -> bytes | None:
        table, column = ("signatures", "data") if path.endswith(".sig") else ("entities", "yml")
        found = self._index.ask(f"SELECT {column} FROM {table} WHERE path = ?", path)  # noqa: S608 - constants
        return found[0][0] if found else None

    @override
    def list(self, prefix: str) -> Iterator[str]:
        start, end = (f"{prefix}/", f"{prefix}0") if prefix else ("", "\x7f")  # `0` follows `/`
        found = self._index.ask(_BELOW, start, end, start, end)
        return iter([path for (path,) in found])

    @override
    def names(self, folder: str) -> Sequence[str]:
        start = len(folder) + 1 if folder else 0
        parts = (path[start:].partition("/") for path in self.list(folder))
        return sorted({name + slash for name, slash, _ in parts})

    @override
    def with_line(self, folder: str, lines: Collection[str]) -> Sequence[str]:
        wanted = {line.encode() for line in lines}
        files = (path for path in self.list(folder) if path.endswith(".yml"))
        return [path for path in files if not wanted.isdisjoint((self.get(path) or b"").split(b"\n"))]

    @override
    def age(self, seen: str) -> int | None:
        """Which trees there were stands in git only."""
        return None

    @override
    def empty(self) -> bool:
        return next(self.list("root"), None) is None

    def signature(self, data: bytes) -> str | None:
        """The path of the signature with exactly these bytes; None for none."""
        found = self._index.ask("SELECT path FROM signatures WHERE data = ? ORDER BY path LIMIT 1", data)
        return str(found[0][0]) if found else None
