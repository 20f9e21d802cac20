"""The verified state as one plain document, `snapshot.json`: what the site is made from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from medperf_cli.adapters.store.index_rows import Filter, Meta, Row, StoredEntity
from medperf_cli.core.evidence import RECORDED, evidence
from medperf_cli.core.names import VOTES, EntityPath, Kind, parse_path
from medperf_cli.flows.reading.allowed_signers import allowed_signers
from medperf_cli.flows.reading.verified_index import reading

if TYPE_CHECKING:
    from medperf_cli.adapters.store.index import Index
    from medperf_cli.core.entities.fields import Pin
    from medperf_cli.core.lifecycle.requirement import Role
    from medperf_cli.core.lifecycle.standing import Lifecycle
    from medperf_cli.flows.deps import Deps

SCHEMA = "snapshot/1"


def export_snapshot(deps: Deps) -> dict[str, Any]:
    """Every entity of the registry in use, with its exact bytes and why it counts; git is not touched.

    The document fits `site_generator/schema/snapshot-1.json`; the same state gives the same document.

    Raises:
        ConfigurationError: no registry is in use, or it was never synced.
        IntegrityError: the index is damaged.

    """
    with reading(deps.settings) as (index, meta):
        stored = list(_stored(index))
    return snapshot(stored, meta, allowed_signers(deps.settings))


def snapshot(stored: Iterable[StoredEntity], meta: Meta, signers: str) -> dict[str, Any]:
    """The same, from entities of an index, its ratchet, and the text of the allowed signers file."""
    everything = {s.row.path: s for s in stored}
    decisions = _by_subject(everything.values())
    state = _lifecycle(everything)
    entities = [_entity(s, decisions.get(s.row.path, []), state) for s in everything.values()]
    root = everything[str(EntityPath(Kind.ROOT, "", meta.root_version))]
    return {
        "schema": SCHEMA,
        "registry": {
            "id": meta.registry,
            "title": root.row.document["title"],
            "url": _public(meta.url),
            "root_sha256": meta.root_sha256,
            "root_version": meta.root_version,
            "verified_commit": meta.verified_commit,
            "clock": meta.clock,
        },
        "entities": entities,
        "allowed_signers": signers,
    }


def _stored(index: Index) -> Iterator[StoredEntity]:
    everything = Filter(in_force=None)
    for kind in Kind:
        for row in index.entities(kind, everything):
            yield index.stored(row.path)


def _public(url: str) -> str | None:
    """An address that others can use and that says nothing about this machine or its user."""
    return url if url.startswith("https://") and "@" not in url else None


def _lifecycle(everything: Mapping[str, StoredEntity]) -> Lifecycle:
    from medperf_cli.core.lifecycle.reader import Reader  # noqa: PLC0415 - start-up time
    from medperf_cli.core.lifecycle.standing import Lifecycle  # noqa: PLC0415 - as above
    from medperf_cli.core.snapshot import MemorySnapshot  # noqa: PLC0415 - as above

    return Lifecycle(Reader(MemorySnapshot({path: s.yml for path, s in everything.items()})))


def _by_subject(stored: Iterable[StoredEntity]) -> dict[str, list[Row]]:
    """Decisions by the path of what they are about, in the order in which they entered."""
    found: dict[str, list[Row]] = {}
    for row in sorted((s.row for s in stored if s.row.kind in VOTES), key=lambda r: r.position):
        found.setdefault(row.document["subject"]["path"], []).append(row)
    return found


def _entity(stored: StoredEntity, decisions: list[Row], state: Lifecycle) -> dict[str, Any]:
    row = stored.row
    path = parse_path(row.path)
    counted = _counted(state, path) if decisions else set()
    retracted = {d.signer for d in decisions if d.document["verdict"] == "retract"}
    return {
        "path": row.path,
        "kind": str(row.kind),
        "id": row.id,
        "version": row.version,
        "sha256": row.sha256,
        "document": row.document,
        "standing": row.standing,
        "in_force": row.in_force,
        "signer": row.signer,
        "role": str(state.role(path)),
        "fingerprint": row.fingerprint,
        "commit": row.commit,
        "time": row.time,
        "position": row.position,
        "decisions": [_decision(d, row.sha256, counted, retracted) for d in decisions],
        "waiting": _waiting(state, path) if row.standing == "pending" else None,
        "yml": stored.yml.decode("utf-8"),
        "signatures": {p: data.decode("ascii") for p, data in sorted(stored.signatures.items())},
    }


def _decision(
    row: Row, subject: str, counted: set[tuple[str, str]], retracted: set[str | None]
) -> dict[str, Any]:
    document = row.document
    found = evidence(parse_path(row.path), document)
    member = found.member
    counts = document["subject"]["sha256"] == subject and (member, document["verdict"]) in counted
    return {
        "path": row.path,
        "sha256": row.sha256,
        "member": member,
        "verdict": document["verdict"],
        "reason": document.get("reason", ""),
        "authority": document.get("authority"),
        "evidence": found.sort,
        "says": found.says,
        "fingerprint": row.fingerprint,
        "commit": row.commit,
        "time": row.time,
        "counted": counts and not (found.sort == RECORDED and member in retracted),
    }


def _counted(state: Lifecycle, path: EntityPath) -> set[tuple[str, str]]:
    """The decisions that made the version at `path` count, or end: member and verdict."""
    from medperf_cli.core.lifecycle.requirement import revoking_role  # noqa: PLC0415 - start-up time

    votes = state.votes(path)
    approve = _carrying(state, path, votes.approve, state.role(path), path.signer)
    revoke = _carrying(state, path, votes.revoke, revoking_role(path.kind), None)
    found = {(member, "approve") for member in approve} | {(member, "revoke") for member in revoke}
    return found | ({(path.signer or "", "withdraw")} if votes.withdrawn else set())


def _carrying(
    state: Lifecycle, path: EntityPath, votes: Mapping[Pin, set[str]], role: Role, requester: str | None
) -> set[str]:
    """The members whose votes, under one authority version, reach its threshold."""
    from medperf_cli.core.lifecycle.requirement import Role, body, gives_role  # noqa: PLC0415 - start-up time

    found: set[str] = set()
    for authority, members in votes.items():
        people = body(state.reader, authority.entity) if state.reader.holds(authority) else None
        if people is None or not gives_role(authority.entity, role, path):
            continue
        counted = people.counted(members, requester, admins=role is Role.ADMINS)
        found |= counted if len(counted) >= people.threshold else set()
    return found


def _waiting(state: Lifecycle, path: EntityPath) -> dict[str, Any]:
    """Who must still decide about what is pending: how many votes are missing, who may give one."""
    from medperf_cli.core.entities.decision import DecisionVerdict  # noqa: PLC0415 - start-up time

    missing, members = state.missing(path, state.role(path), DecisionVerdict.APPROVE)
    return {"missing": missing, "members": members}
