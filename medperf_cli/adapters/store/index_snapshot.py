"""The bytes in the verified index as a registry, so that what counts can be worked out from them again."""

from __future__ import annotations

from collections.abc import Iterator

from typing_extensions import override

from medperf_cli.adapters.store.index import Index
from medperf_cli.core.snapshot import Snapshot


class IndexSnapshot(Snapshot):
    """A registry as its index holds it; no git is read.

    Args:
        index: the open index; reads raise IntegrityError where it is damaged.

    """

    def __init__(self, index: Index) -> None:
        self._index = index

    @override
    def get(self, path: str) -> bytes | None:
        return self._index.data(path)

    @override
    def list(self, prefix: str) -> Iterator[str]:
        return iter(self._index.files(prefix))

    @override
    def age(self, seen: str) -> int | None:
        """Which trees there were stands in git only."""
        return None

    @override
    def empty(self) -> bool:
        return not self._index.files("root")
