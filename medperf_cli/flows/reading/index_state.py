"""The verified state as rows of the index: each entity with its standing, signer and where it entered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from medperf_cli.adapters.store.index import Index
from medperf_cli.adapters.store.index_rows import Filter, Row, StoredEntity
from medperf_cli.core.lifecycle.reader import Reader, sha256
from medperf_cli.core.lifecycle.standing import Lifecycle, Standing
from medperf_cli.core.lifecycle.waiting import pending
from medperf_cli.core.names import EntityPath, Kind, parse_path, parse_signature_path
from medperf_cli.core.snapshot import Change, Snapshot
from medperf_cli.core.sshsig import parse_public_key
from medperf_cli.core.trust.verified import signing_key


@dataclass(frozen=True)
class Entry:
    """Where (commit) and when (the forge's clock, seconds since 1970) an entity entered, by which key."""

    commit: str
    time: int
    fingerprint: str = ""


def entered(change: Change, at: Entry, registry: str) -> dict[str, Entry]:
    """The entities a lawful change brought in."""
    found: dict[str, Entry] = {}
    for signature in change.signatures:
        path = signature.entity
        key = signing_key(path, change.added[str(path)], change.added[str(signature)], registry)
        found[str(path)] = Entry(at.commit, at.time, parse_public_key(key).fingerprint)
    return found


def known_entries(index: Index) -> dict[str, Entry]:
    """What the index says of entities that entered before."""
    everything = Filter(in_force=None)
    return {
        row.path: Entry(row.commit, row.time, row.fingerprint)
        for kind in Kind
        for row in index.entities(kind, everything)
    }


def rows(snapshot: Snapshot, entries: Mapping[str, Entry]) -> Iterator[StoredEntity]:
    """All entities of a verified snapshot, with their standing."""
    state = Lifecycle(Reader(snapshot))
    files = list(snapshot.list(""))
    signatures: dict[EntityPath, list[str]] = {}
    for text in files:
        if text.endswith(".sig"):
            signatures.setdefault(parse_signature_path(text).entity, []).append(text)
    order = sorted(entries, key=lambda p: (entries[p].time, p))
    positions = {path: number for number, path in enumerate(order, 1)}
    for text in files:
        if text.endswith(".yml"):
            path = parse_path(text)
            armors = {s: snapshot.get(s) or b"" for s in signatures.get(path, [])}
            yield _stored(state, path, entries[text], positions[text], armors)


def _stored(
    state: Lifecycle, path: EntityPath, entry: Entry, position: int, armors: dict[str, bytes]
) -> StoredEntity:
    data = state.reader.snapshot.get(str(path)) or b""
    entity = state.reader.entity(path)
    row = Row(
        path=str(path),
        sha256=sha256(data),
        document={} if entity is None else entity.document(),
        standing=str(state.standing(path)),
        in_force=state.in_force(path.kind, path.id) == path,
        signer=path.signer,
        fingerprint=entry.fingerprint,
        commit=entry.commit,
        time=entry.time,
        position=position,
        waiting=_waiting(state, path),
    )
    return StoredEntity(row, data, armors)


def _waiting(state: Lifecycle, path: EntityPath) -> dict[str, Any] | None:
    """Who must still approve a version that is pending and not overtaken by another."""
    if state.standing(path) is not Standing.PENDING:
        return None
    current = state.in_force(path.kind, path.id)
    if current is not None and current.version > path.version:
        return None
    found = pending(state, path)
    about = {"verb": str(found.verdict), "role": str(found.role), "count": found.count}
    return {**about, "members": list(found.members)}
