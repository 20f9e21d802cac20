"""What a sync writes into the index, inside one transaction: files that entered, standings that changed."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from medperf_cli.adapters.store.index_rows import WRITTEN, Meta, Record, as_json

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

_ENTER = f"INSERT INTO entities ({WRITTEN}) VALUES ({', '.join('?' * len(WRITTEN.split(',')))})"  # noqa: S608 - only marks
_RESTATE = """
UPDATE entities SET standing = ?1, in_force = ?2, waiting = NULL
WHERE path = ?3 AND (standing <> ?1 OR in_force <> ?2)
"""


class Writer:
    """Writes to the index; whoever opened the transaction ends it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        ((self.position,),) = connection.execute("SELECT coalesce(max(position), 0) FROM entities").fetchall()
        """Of the entity that entered last."""

    def clear(self) -> None:
        """Forget every entity."""
        self._connection.execute("DELETE FROM signatures")
        self._connection.execute("DELETE FROM entities")
        self.position = 0

    def enter(self, record: Record, time: int, position: int | None = None) -> None:
        """Add one entity; it entered at `time` (the forge's clock), by default after all others."""
        self.position = self.position + 1 if position is None else position
        self._connection.execute(_ENTER, (*record.values, time, self.position))
        self._connection.executemany("INSERT INTO signatures VALUES (?, ?, ?)", record.signatures)

    def restate(self, standings: Iterable[tuple[str, str, bool]]) -> None:
        """Say how versions stand now: path, standing, whether it is in force."""
        self._connection.executemany(_RESTATE, [(s, int(force), path) for path, s, force in standings])

    def pending(self) -> list[str]:
        """The paths of all versions that wait for decisions."""
        found = self._connection.execute("SELECT path FROM entities WHERE standing = 'pending' ORDER BY path")
        return [path for (path,) in found]

    def wait(self, path: str, waiting: dict[str, Any] | None) -> None:
        """Say who must still decide about a version."""
        self._connection.execute("UPDATE entities SET waiting = ? WHERE path = ?", (as_json(waiting), path))

    def count(self) -> int:
        """How many entities there are."""
        ((number,),) = self._connection.execute("SELECT count(*) FROM entities").fetchall()
        return int(number)

    def keep(self, meta: Meta) -> None:
        """Move the ratchet."""
        pairs = [(key, str(value)) for key, value in dataclasses.asdict(meta).items()]
        self._connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", pairs)
