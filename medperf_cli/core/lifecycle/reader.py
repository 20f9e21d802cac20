"""A snapshot with its entities parsed on demand; what it reads has passed the check before."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from typing import TypeVar

from medperf_cli.core import snapshot as snap
from medperf_cli.core.entities.benchmark import Benchmark
from medperf_cli.core.entities.fields import Pin
from medperf_cli.core.entities.header import Entity
from medperf_cli.core.entities.member import Member
from medperf_cli.core.entities.parsing import parse
from medperf_cli.core.entities.redaction import Redaction
from medperf_cli.core.entities.root import Root
from medperf_cli.core.names import EntityPath, Kind
from medperf_cli.errors import IntegrityError

E = TypeVar("E", bound=Entity)
Name = tuple[Kind, str]
"""What versions are counted under: a kind and an id."""


def sha256(data: bytes) -> str:
    """The lower-case hex SHA-256 of bytes."""
    return hashlib.sha256(data).hexdigest()


class Reader:
    """Parsed, cached access to a snapshot.

    Raises nothing for what is absent (None); what is there but unreadable raises DocumentError.
    """

    def __init__(
        self,
        snapshot: snap.Snapshot,
        known: Mapping[EntityPath, Entity] | None = None,
        read: Callable[[EntityPath, bytes], Entity] = parse,
    ) -> None:
        """Read `snapshot`; `known` are entities of it that were parsed before, `read` parses others."""
        self.snapshot = snapshot
        self._parse = read
        # Only what is there is kept: what is absent may come in a later state.
        self._entities: dict[EntityPath, Entity] = dict(known or {})
        self._digests: dict[EntityPath, str] = {}
        self._versions: dict[Name, list[EntityPath]] = {}
        self._redactions = 0
        self._dropped: Mapping[EntityPath, str] = {}
        self._gone: dict[Name, list[EntityPath]] = {}
        # What was read for its digest is parsed next, or the other way round; a later state has its own.
        self._data: dict[EntityPath, bytes] = {}

    def later(
        self, snapshot: snap.Snapshot, known: Mapping[EntityPath, Entity], touched: Collection[Name]
    ) -> Reader:
        """A reader of a later state of this registry, in which only `touched` names have new versions.

        What was read before is not read again: files never change.
        """
        reader = Reader(snapshot, read=self._parse)
        reader._entities = {**self._entities, **known}
        reader._digests = self._digests.copy()
        reader._versions = self._versions.copy()
        for name in touched:
            reader._versions.pop(name, None)
        return reader

    def entity(self, path: EntityPath) -> Entity | None:
        """The entity at a path."""
        found = self._entities.get(path)
        if found is None:
            data = self._read(path)
            if data is None:
                return None
            found = self._entities[path] = self._parse(path, data)
        return found

    def typed(self, path: EntityPath | None, sort: type[E]) -> E | None:
        """The entity at a path, if it is of that type."""
        found = None if path is None else self.entity(path)
        return found if isinstance(found, sort) else None

    def pinned(self, pin: Pin, sort: type[E]) -> E | None:
        """The entity a pin names, if it is there, of that type, with exactly the pinned bytes."""
        return self.typed(pin.entity, sort) if self.holds(pin) else None

    def digest(self, path: EntityPath) -> str | None:
        """SHA-256 of the bytes at a path."""
        found = self._digests.get(path)
        if found is None:
            data = self._read(path)
            if data is None:
                return None
            found = self._digests[path] = sha256(data)
        return found

    def known_digest(self, path: EntityPath) -> str | None:
        """SHA-256 of the bytes at a path, also where a redaction took the file out."""
        return self.digest(path) or self.dropped.get(path)

    @property
    def dropped(self) -> Mapping[EntityPath, str]:
        """What the redactions that stand here took out: entities, with the SHA-256 of their bytes."""
        found = self.versions(Kind.REDACTION, "")
        if len(found) != self._redactions:
            redactions = (self.typed(path, Redaction) for path in found)
            self._dropped = {p: d for r in redactions if r is not None for p, d in r.digests.items()}
            self._gone = {}
            for path in sorted(self._dropped):
                self._gone.setdefault((path.kind, path.id), []).append(path)
            self._redactions = len(found)
        return self._dropped

    def taken(self, kind: Kind, entity_id: str) -> list[EntityPath]:
        """All versions that an entity has or had before a redaction, lowest first."""
        there = self.versions(kind, entity_id)
        gone = self._gone.get((kind, entity_id), []) if self.dropped else []
        return sorted([*there, *gone]) if gone else there

    def holds(self, pin: Pin) -> bool:
        """Whether the pinned file stands here with exactly the pinned bytes."""
        return self.digest(pin.entity) == pin.sha256

    def pin(self, path: EntityPath) -> Pin:
        """Pin the file at a path (raises IntegrityError where there is none)."""
        digest = self.digest(path)
        if digest is None:
            raise IntegrityError(f"'{path}' is not in the registry")
        return Pin(path=str(path), sha256=digest)

    def versions(self, kind: Kind, entity_id: str) -> list[EntityPath]:
        """All versions of an entity, lowest first."""
        key = (kind, entity_id)
        if key not in self._versions:
            self._versions[key] = snap.versions(self.snapshot, kind, entity_id)
        return self._versions[key]

    @property
    def root_path(self) -> EntityPath:
        """The root in force: its highest version (raises IntegrityError where there is no registry)."""
        found = self.versions(Kind.ROOT, "")
        if not found:
            raise IntegrityError("there is no root: this is not a registry")
        return found[-1]

    @property
    def root(self) -> Root:
        """The root in force."""
        return self._must(self.root_path, Root)

    @property
    def first_root(self) -> Root:
        """Version 1 of the root, which readers pin."""
        return self._must(self.root_path.at(1), Root)

    def member(self, path: EntityPath | None) -> Member | None:
        """The member at a path."""
        return self.typed(path, Member)

    def benchmark(self, path: EntityPath | None) -> Benchmark | None:
        """The benchmark at a path."""
        return self.typed(path, Benchmark)

    def _read(self, path: EntityPath) -> bytes | None:
        data = self._data.get(path)
        if data is None:
            data = self.snapshot.get(str(path))
            if data is not None:
                self._data[path] = data
        return data

    def _must(self, path: EntityPath, sort: type[E]) -> E:
        found = self.typed(path, sort)
        if found is None:
            raise IntegrityError(f"'{path}' is not in the registry")
        return found
