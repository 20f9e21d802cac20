"""What the index holds: one row per verified entity, and where the verification has got to."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from medperf_cli.adapters.trace import without_secrets
from medperf_cli.core.names import Kind, parse_path

_UNDER_BENCHMARK = (Kind.ASSOCIATION, Kind.RESULT, Kind.RELEASE)

SCHEMA_VERSION = 3

SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE entities (
    path TEXT PRIMARY KEY, kind TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL,
    sha256 TEXT NOT NULL, document TEXT NOT NULL, standing TEXT NOT NULL, in_force INTEGER NOT NULL,
    signer TEXT, fingerprint TEXT NOT NULL, commit_id TEXT NOT NULL, time INTEGER NOT NULL,
    position INTEGER NOT NULL, waiting TEXT,
    owner TEXT, state TEXT, type TEXT, benchmark TEXT, yml BLOB NOT NULL
);
CREATE INDEX entities_by_id ON entities
    (kind, id, version, in_force, owner, state, type, benchmark, standing);
CREATE INDEX entities_by_position ON entities (position);
CREATE INDEX entities_pending ON entities (path) WHERE standing = 'pending';
CREATE TABLE signatures (
    path TEXT PRIMARY KEY, entity TEXT NOT NULL REFERENCES entities (path) ON DELETE CASCADE,
    data BLOB NOT NULL
);
CREATE INDEX signatures_by_entity ON signatures (entity);
"""

COLUMNS = (
    "path, kind, id, version, sha256, document, standing, in_force, signer, fingerprint,"
    " commit_id, time, position, waiting"
)


@dataclass(frozen=True)
class Row:
    """One verified version of one entity.

    `document` is the file as plain data. `standing` is `effective`, `pending`, `revoked` or `withdrawn`.
    `signer` is the member who signed (None where admins or the recorder do), `fingerprint` that of the key.
    `time` is the forge's clock (seconds since 1970, UTC) at `commit`, where the file entered;
    `position` counts entities in the order in which they entered. `waiting` says of what is pending who must
    still decide: `verb`, `role`, `count`, `members`.
    """

    path: str
    sha256: str
    document: dict[str, Any]
    standing: str
    in_force: bool
    signer: str | None
    fingerprint: str
    commit: str
    time: int
    position: int
    waiting: dict[str, Any] | None = None

    @property
    def kind(self) -> Kind:
        """The kind, from the path."""
        return parse_path(self.path).kind

    @property
    def id(self) -> str:
        """The id, from the path."""
        return parse_path(self.path).id

    @property
    def version(self) -> int:
        """The version, from the path."""
        return parse_path(self.path).version


@dataclass(frozen=True)
class StoredEntity:
    """A row with the exact bytes of its file and of its signatures (by path)."""

    row: Row
    yml: bytes
    signatures: dict[str, bytes]


@dataclass(frozen=True)
class Meta:
    """Which registry the index is of, and the last verified commit: the reader's ratchet.

    `clock` is the forge's clock at that commit (seconds since 1970, UTC).
    """

    registry: str
    url: str
    root_sha256: str
    """Of the pinned `root/1.yml`."""
    root_version: int
    """Of the root in force at the verified commit."""
    verified_commit: str
    clock: int

    @property
    def address(self) -> str:
        """The url as it may be shown: without a user and password."""
        return without_secrets(self.url)


@dataclass(frozen=True)
class Filter:
    """What to list; None means any. `name` is a part of the id, `benchmark` an id such as `acme/nodules`."""

    in_force: bool | None = True
    owner: str | None = None
    name: str | None = None
    state: str | None = None
    type: str | None = None
    benchmark: str | None = None
    standing: str | None = None

    def clauses(self, kind: Kind) -> tuple[str, list[str | int]]:
        """An SQL condition and its parameters."""
        wanted: list[tuple[str, str | int | None]] = [
            ("kind = ?", str(kind)),
            ("in_force = ?", None if self.in_force is None else int(self.in_force)),
            ("owner = ?", self.owner),
            ("instr(id, ?) > 0", self.name),
            ("state = ?", self.state),
            ("type = ?", self.type),
            ("benchmark = ?", self.benchmark),
            ("standing = ?", self.standing),
        ]
        used = [(clause, value) for clause, value in wanted if value is not None]
        return " AND ".join(clause for clause, _ in used), [value for _, value in used]


WRITTEN = (
    "path, kind, id, version, sha256, document, standing, in_force, signer, fingerprint, commit_id, waiting,"
    " owner, state, type, benchmark, yml, time, position"
)


@dataclass(frozen=True, slots=True)
class Record:
    """A stored entity as the tables take it, but for its time and position: they come when it is written."""

    values: tuple[object, ...]
    signatures: tuple[tuple[str, str, bytes], ...]


def record(stored: StoredEntity) -> Record:
    """A stored entity in the order of `WRITTEN`, without the last two."""
    row = stored.row
    path = parse_path(row.path)
    values = (
        *(row.path, str(path.kind), path.id, path.version, row.sha256),
        json.dumps(row.document, ensure_ascii=False, allow_nan=False),
        *(row.standing, int(row.in_force), row.signer, row.fingerprint, row.commit, as_json(row.waiting)),
        *(path.signer, _text(row.document.get("state")), _text(row.document.get("type"))),
        *(_benchmark(row), stored.yml),
    )
    return Record(values, tuple((name, row.path, data) for name, data in stored.signatures.items()))


def as_json(waiting: dict[str, Any] | None) -> str | None:
    """Who must still decide, as the column `waiting` holds it."""
    return None if waiting is None else json.dumps(waiting)


def row_of(record: tuple[Any, ...]) -> Row:
    """A row from the table's `COLUMNS` (raises ValueError where they do not fit)."""
    path, _, _, _, sha256, document, standing, in_force, signer, fingerprint, *entry = record
    commit, time, position, waiting = entry
    return Row(
        path=path,
        sha256=sha256,
        document=json.loads(document),
        standing=standing,
        in_force=bool(in_force),
        signer=signer,
        fingerprint=fingerprint,
        commit=commit,
        time=time,
        position=position,
        waiting=None if waiting is None else json.loads(waiting),
    )


def _benchmark(row: Row) -> str | None:
    """The benchmark an entity belongs to: by its path, or by the pin in its field `benchmark`."""
    path = parse_path(row.path)
    if path.kind in _UNDER_BENCHMARK:
        return "/".join(path.parts[:2])
    if path.kind is Kind.BENCHMARK:
        return path.id
    pin = row.document.get("benchmark")
    return parse_path(pin["path"]).id if isinstance(pin, dict) and "path" in pin else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
