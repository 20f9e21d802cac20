"""The verified state as rows of the index: each entity with its standing, signer and where it entered."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from medperf_cli.adapters.store.index_rows import Row, StoredEntity
from medperf_cli.core.check.submission import Submission
from medperf_cli.core.lifecycle.reader import Reader, sha256
from medperf_cli.core.lifecycle.standing import Lifecycle, Standing
from medperf_cli.core.lifecycle.waiting import pending
from medperf_cli.core.names import EntityPath, SignaturePath, parse_path, parse_signature_path
from medperf_cli.core.snapshot import Snapshot
from medperf_cli.core.sshsig import parse_public_key


@dataclass(frozen=True)
class Entry:
    """Where (commit) and when (the forge's clock, seconds since 1970) an entity entered, by which key.

    `position` counts entities in the order in which they entered.
    """

    commit: str
    time: int
    fingerprint: str = ""
    position: int = 0


def entered(submission: Submission, at: Entry) -> dict[str, Entry]:
    """The entities a lawful change brought in."""
    return {
        str(signature.entity): Entry(
            at.commit, at.time, parse_public_key(submission.signing_key(signature)).fingerprint
        )
        for signature in submission.change.signatures
    }


def rows(snapshot: Snapshot, entries: Mapping[str, Entry]) -> Iterator[StoredEntity]:
    """All entities of a verified snapshot with their standing, computed from the tree alone.

    A sync writes only what a change touches; this says what must come out.
    """
    state = Lifecycle(Reader(snapshot))
    files = list(snapshot.list(""))
    signatures = signatures_of(parse_signature_path(text) for text in files if text.endswith(".sig"))
    for text in files:
        if text.endswith(".yml"):
            path = parse_path(text)
            armors = {str(s): snapshot.get(str(s)) or b"" for s in signatures[path]}
            entity = state.reader.entity(path)
            document = {} if entity is None else entity.document()
            found = stored(state, path, entries[text], armors, document)
            row = dataclasses.replace(found.row, waiting=waiting(state, path))
            yield dataclasses.replace(found, row=row)


def signatures_of(signatures: Iterable[SignaturePath]) -> Mapping[EntityPath, list[SignaturePath]]:
    """Signatures by the entity they sign."""
    found = defaultdict[EntityPath, list[SignaturePath]](list)
    for signature in signatures:
        found[signature.entity].append(signature)
    return found


def stored(
    state: Lifecycle,
    path: EntityPath,
    entry: Entry,
    armors: dict[str, bytes],
    document: dict[str, Any],
) -> StoredEntity:
    """One entity as the index holds it, but for who must act; `armors` are its signatures by path."""
    data = state.reader.snapshot.get(str(path)) or b""
    row = Row(
        path=str(path),
        sha256=sha256(data),
        document=document,
        standing=str(state.standing(path)),
        in_force=is_in_force(state, path),
        signer=path.signer,
        fingerprint=entry.fingerprint,
        commit=entry.commit,
        time=entry.time,
        position=entry.position,
    )
    return StoredEntity(row, data, armors)


def is_in_force(state: Lifecycle, path: EntityPath) -> bool:
    """Whether this version is the one that counts now."""
    return state.in_force(path.kind, path.id) == path


def waiting(state: Lifecycle, path: EntityPath) -> dict[str, Any] | None:
    """Who must still approve a version that is pending and not overtaken by another."""
    if state.standing(path) is not Standing.PENDING:
        return None
    current = state.in_force(path.kind, path.id)
    if current is not None and current.version > path.version:
        return None
    found = pending(state, path)
    about = {"verb": str(found.verdict), "role": str(found.role), "count": found.count}
    return {**about, "members": list(found.members)}
