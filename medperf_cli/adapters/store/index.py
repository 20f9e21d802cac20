"""The index of verified state: an SQLite file that `ls` and `view` read without git and pydantic."""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import sqlite3
from typing import TYPE_CHECKING, Any, Self

from medperf_cli.adapters.files import FREE_SPACE, replace_by
from medperf_cli.adapters.store.index_rows import (
    COLUMNS,
    SCHEMA,
    SCHEMA_VERSION,
    Filter,
    Meta,
    Row,
    StoredEntity,
    record,
    row_of,
)
from medperf_cli.adapters.store.index_writer import Writer
from medperf_cli.core.names import FOLDERS, VOTES, Kind
from medperf_cli.errors import ConfigurationError, ConflictError, IntegrityError, UnknownIdError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path
    from types import TracebackType

_BUSY_SECONDS = 10.0
_SHOWN = 5
_LARGEST = 2**63 - 1  # SQLite has no larger numbers
_META_FIELDS = tuple(field.name for field in dataclasses.fields(Meta))
_REBUILD = "run `medperf registry sync`: it builds the index anew"


class DamagedIndexError(IntegrityError):
    """What the file holds is not what was written into it; it is made anew by a sync."""

    hint = _REBUILD


class OldIndexError(IntegrityError):
    """The index is of another version of this tool: it is made anew from the mirror."""


class Index:
    """One registry's index. Close it, or use it as a context manager.

    Made by `open` or `create`. No write-ahead log: it needs shared memory, which network file systems lack.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection

    @classmethod
    def open(cls, path: Path, *, write: bool = False) -> Self:
        """Open an index; only reading unless told otherwise, so a read-only home will do.

        Raises:
            ConfigurationError: there is none yet, or it cannot be opened.
            IntegrityError: it is damaged, or of another version of this tool.

        """
        if not path.exists():
            raise ConfigurationError(f"there is no index '{path}' yet", hint="run `medperf registry sync`")
        return cls._checked(path, write=write)

    @classmethod
    def create(cls, path: Path) -> Self:
        """Make an empty index in place of whatever stood there (raises ConfigurationError)."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            for leftover in (path, path.with_name(f"{path.name}-journal")):
                leftover.unlink(missing_ok=True)
        except OSError as error:
            raise ConfigurationError(f"cannot write '{path}': {(error.strerror or '').lower()}") from error
        with _translated(path), contextlib.closing(_connect(path, "rwc")) as connection:
            connection.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
        return cls._checked(path, write=True)

    @classmethod
    def _checked(cls, path: Path, *, write: bool) -> Self:
        with _translated(path):
            # Readers open it for writing too, where they may: only so can they undo a killed writer's half.
            index = cls(path, _connect(path, "rw"))
            try:
                index._connection.execute(f"PRAGMA query_only = {int(not write)}")
                (found,) = index._connection.execute("PRAGMA user_version").fetchone()
            except BaseException:
                index.close()
                raise
        if found != SCHEMA_VERSION:
            index.close()
            raise OldIndexError(f"index '{path}' has version {found}, not {SCHEMA_VERSION}", hint=_REBUILD)
        return index

    @classmethod
    @contextlib.contextmanager
    def aside(cls, path: Path, *, anew: bool) -> Iterator[Self]:
        """A copy of an index, or an empty one, that takes its place when the block ends well.

        For long work: others read the old one meanwhile, and a kill leaves it as it was.

        Raises:
            ConfigurationError: there is no space, or it may not be written.

        """
        fresh = path.with_name(f"{path.name}.new")
        with cls.create(fresh) as made:
            if not anew:
                with cls.open(path) as old, _translated(path):
                    old._connection.backup(made._connection)  # noqa: SLF001 - of the same class
            yield made
        replace_by(path, fresh)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def hold(self) -> None:
        """Let all reads from now on see one state; until it is closed, no writer can change the index."""
        with _translated(self.path):
            self._connection.execute("BEGIN")

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def meta(self) -> Meta | None:
        """Where verification has got to; None before the first sync (raises IntegrityError)."""
        found = dict(self._all("SELECT key, value FROM meta", ()))
        if not found:
            return None
        try:
            numbers = {key: int(found[key]) for key in ("root_version", "clock")}
            return Meta(**{name: found[name] for name in _META_FIELDS} | numbers)
        except (KeyError, ValueError) as error:
            raise DamagedIndexError(f"index '{self.path}' is damaged: {error}") from error

    def replace_all(self, entities: Iterable[StoredEntity], meta: Meta) -> None:
        """Put exactly these entities and this ratchet in place of everything, all or nothing."""
        with self.writing() as writer:
            writer.clear()
            for stored in entities:
                writer.enter(record(stored), stored.row.time, stored.row.position)
            writer.keep(meta)

    @contextlib.contextmanager
    def writing(self) -> Iterator[Writer]:
        """Changes that are made all together when the block ends, or not at all."""
        with self._transaction() as connection:
            yield Writer(connection)

    def entities(
        self, kind: Kind, where: Filter | None = None, *, limit: int | None = None, offset: int = 0
    ) -> list[Row]:
        """Rows of a kind, by id and version; by default what is in force."""
        clause, parameters = (where or Filter()).clauses(kind)
        sql = f"SELECT {COLUMNS} FROM entities WHERE {clause} ORDER BY id, version LIMIT ? OFFSET ?"  # noqa: S608 - built of constants
        return self._rows(sql, [*parameters, -1 if limit is None else limit, offset])

    def count(self, kind: Kind, where: Filter | None = None) -> int:
        """How many rows `entities` would give without a limit."""
        clause, parameters = (where or Filter()).clauses(kind)
        ((number,),) = self._all(f"SELECT count(*) FROM entities WHERE {clause}", parameters)  # noqa: S608 - built of constants
        return int(number)

    def ids(self, kind: str, sort: str | None = None) -> list[str]:
        """Every id of a kind, or of one type of cube, whatever its standing."""
        sql = "SELECT DISTINCT id FROM entities WHERE kind = ? AND (? IS NULL OR type = ?) ORDER BY id"
        return [str(i) for (i,) in self._all(sql, [kind, sort, sort])]

    def get(self, kind: Kind, entity_id: str, version: int | None = None) -> Row:
        """One version; without a number the one in force, or else the newest (raises UnknownIdError)."""
        sql = f"SELECT {COLUMNS} FROM entities WHERE kind = ? AND id = ?"  # noqa: S608 - built of constants
        parameters: list[str | int] = [str(kind), entity_id]
        if version is not None:
            sql, parameters = f"{sql} AND version = ?", [*parameters, max(0, min(version, _LARGEST))]
        rows = self._rows(f"{sql} ORDER BY in_force DESC, version DESC LIMIT 1", parameters)
        if not rows:
            shown = f" '{entity_id}'" if entity_id else ""
            shown += f" of version {version}" if version is not None else ""
            raise UnknownIdError(f"there is no {kind}{shown}")
        return rows[0]

    def stored(self, path: str) -> StoredEntity:
        """One entity with its exact bytes, by path relative to `registry/` (raises UnknownIdError)."""
        rows = self._rows(f"SELECT {COLUMNS} FROM entities WHERE path = ?", [path])  # noqa: S608 - built of constants
        if not rows:
            raise UnknownIdError(f"'{path}' is not in the index")
        ((yml,),) = self._all("SELECT yml FROM entities WHERE path = ?", [path])
        signatures = self._all("SELECT path, data FROM signatures WHERE entity = ? ORDER BY path", [path])
        return StoredEntity(rows[0], yml, dict(signatures))

    def votes(self, path: str) -> list[Row]:
        """Decisions and recorded approvals about the file at a path, whatever they say; by path."""
        folders = [f"{FOLDERS[kind]}/{path.removesuffix('.yml')}" for kind in VOTES]
        sql = f"SELECT {COLUMNS} FROM entities WHERE path >= ? AND path < ? ORDER BY path"  # noqa: S608 - built of constants
        return [row for folder in folders for row in self._rows(sql, [f"{folder}/", f"{folder}0"])]

    def ask(self, sql: str, *parameters: str | bytes) -> list[tuple[Any, ...]]:
        """What a query gives (raises DamagedIndexError); for readers of the tables beside this class."""
        return self._all(sql, parameters)

    def has(self, path: str) -> bool:
        """Whether a file of this path, relative to `registry/`, is verified."""
        return bool(self._all("SELECT 1 FROM entities WHERE path = ?", [path]))

    def resolve(self, kind: Kind, partial: str) -> str:
        """The id that `partial` means: the id itself, its last name, or any part that only one id has.

        Raises:
            UnknownIdError: nothing or more than one thing fits; names what comes near.

        """
        ids = [
            i
            for (i,) in self._all("SELECT DISTINCT id FROM entities WHERE kind = ? ORDER BY id", [str(kind)])
        ]
        last = [i for i in ids if i.rpartition("/")[2] == partial]
        inside = [i for i in ids if partial in i] if partial else []  # an unset variable names nothing
        for fits in ([partial] if partial in ids else [], last, inside):
            if len(fits) == 1:
                return fits[0]
        raise _unknown(kind, partial, ids, last or inside)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with _translated(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                if self._connection.in_transaction:  # some failures end it by themselves
                    self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def _rows(self, sql: str, parameters: Sequence[str | int]) -> list[Row]:
        records = self._all(sql, parameters)
        try:
            return [row_of(record) for record in records]
        except ValueError as error:
            raise DamagedIndexError(f"index '{self.path}' is damaged: {error}") from error

    def _all(self, sql: str, parameters: Sequence[str | int | bytes | None]) -> list[tuple[Any, ...]]:
        with _translated(self.path):
            return self._connection.execute(sql, parameters).fetchall()


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    # Transactions are begun and ended here by name, so the module must not open its own.
    connection = sqlite3.connect(
        uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


@contextlib.contextmanager
def _translated(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into ours: busy, not permitted, damaged."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise ConflictError(
                f"index '{path}' is in use", hint="wait until the other command has finished"
            ) from error
        if "no such table" in str(error) or "no such column" in str(error):
            raise DamagedIndexError(f"index '{path}' is damaged: {error}") from error
        full = error.sqlite_errorcode == sqlite3.SQLITE_FULL
        raise ConfigurationError(
            f"index '{path}' cannot be used: {error}",
            hint=FREE_SPACE if full else "see that this user may read (to sync: write) there",
        ) from error
    except sqlite3.DatabaseError as error:
        raise DamagedIndexError(f"index '{path}' is damaged: {error}") from error


def _unknown(kind: Kind, partial: str, ids: list[str], fits: list[str]) -> UnknownIdError:
    if fits:
        more = f" and {len(fits) - _SHOWN} more" if len(fits) > _SHOWN else ""
        return UnknownIdError(
            f"'{partial}' means {len(fits)} {kind}s: {', '.join(fits[:_SHOWN])}{more}",
            hint="give more of the id, or all of it",
        )
    names: dict[str, str] = {i.rpartition("/")[2]: i for i in ids} | {i: i for i in ids}
    near = dict.fromkeys(names[n] for n in difflib.get_close_matches(partial, names, n=_SHOWN))
    hint = f"did you mean {' or '.join(near)}?" if near else None
    return UnknownIdError(f"there is no {kind} '{partial}'", hint=hint)
