"""Whether two indexes say the same: a fresh one, replayed from genesis, and the one that answers lists."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

from medperf_cli.adapters.store.index import DamagedIndexError
from medperf_cli.adapters.store.index_rows import WRITTEN

if TYPE_CHECKING:
    from pathlib import Path

_TABLES = {"entities": tuple(WRITTEN.split(", ")), "signatures": ("path", "entity", "data")}


def differences(fresh: Path, kept: Path) -> list[str]:
    """The paths, relative to `registry/`, of which two indexes do not say the same, sorted.

    Raises:
        DamagedIndexError: one of them is damaged.

    """
    found: set[str] = set()
    with contextlib.closing(sqlite3.connect(f"{fresh.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        try:
            connection.execute("ATTACH ? AS kept", (f"{kept.absolute().as_uri()}?mode=ro",))
            for table, columns in _TABLES.items():
                found.update(path for (path,) in connection.execute(_unlike(table, columns)))
        except sqlite3.DatabaseError as error:
            raise DamagedIndexError(f"index '{kept}' is damaged: {error}") from error
    return sorted(found)


def _unlike(table: str, columns: tuple[str, ...]) -> str:
    """Rows that only one of two tables has, or that differ in a column."""
    same = " AND ".join(f"a.{column} IS b.{column}" for column in columns)
    return f"""
    SELECT a.path FROM main.{table} a LEFT JOIN kept.{table} b ON a.path = b.path WHERE NOT ({same})
    UNION ALL
    SELECT b.path FROM kept.{table} b WHERE b.path NOT IN (SELECT path FROM main.{table})
    """  # noqa: S608 - built of constants
