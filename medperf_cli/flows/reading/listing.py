"""What the verified index holds, as rows to print; no git, no parsing of files."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

from medperf_cli.adapters.store.index import Index
from medperf_cli.adapters.store.index_rows import Filter, Row, StoredEntity
from medperf_cli.core.evidence import Evidence, standing_votes
from medperf_cli.core.evidence import evidence as evidence_of
from medperf_cli.core.figures import decimals, figure
from medperf_cli.core.names import Kind, parse_path
from medperf_cli.core.scores import Value, value_of
from medperf_cli.flows.deps import Deps
from medperf_cli.flows.reading.asked import Waits, read_asked
from medperf_cli.flows.reading.registry import place
from medperf_cli.flows.reading.requested import associated, ran, requested, waits_fields
from medperf_cli.flows.reading.verified_index import reading

COLUMNS: dict[Kind, tuple[str, ...]] = {
    Kind.MEMBER: ("id", "version", "standing", "type", "title"),
    Kind.CUBE: ("id", "version", "type", "standing", "state", "title"),
    Kind.ASSOCIATION: ("benchmark", "type", "subject", "version", "standing"),
    Kind.DECISION: ("member", "verdict", "subject", "reason"),
    Kind.RECORDED: ("member", "verdict", "subject", "says"),
    Kind.RESULT: ("benchmark", "model", "dataset", "version", "standing", "primary", "partial"),
}
_COLUMNS = ("id", "version", "standing", "state", "title")
_PENDING = "pending"


def columns(kind: Kind) -> tuple[str, ...]:
    """What a table of a kind shows; JSON has every field."""
    return COLUMNS.get(kind, _COLUMNS)


def listed(
    deps: Deps, kind: Kind, where: Filter, *, asked: bool = False, evidence: bool = False
) -> list[dict[str, Any]]:
    """Rows of a kind that fit a filter; `where.benchmark` may be any unique part of an id.

    Args:
        deps: the world.
        kind: the kind.
        where: what to list.
        asked: also what is not in force yet: pending in main, or asked for in open requests (`requested`, as
            of the last contact); each such row has `request`, `waits` and `since`.
        evidence: also the votes about each version that stands in main, and what each rests on.

    Raises:
        ConfigurationError: nothing was synced.
        UnknownIdError: no benchmark, or more than one, is meant.

    """
    with reading(deps.settings) as (index, _):
        if where.benchmark is not None:
            where = dataclasses.replace(where, benchmark=index.resolve(Kind.BENCHMARK, where.benchmark))
        rows = [_row(index, kind, row) for row in index.entities(kind, where)]
        if asked:
            rows += _pending(index, kind, where)
        if evidence:
            for row in rows:
                row["votes"] = [v.fields() for v in votes(index, row["path"], row["sha256"])]
        if asked:
            rows += requested(read_asked(place(deps.settings)).requests, index, kind, where)
            rows.sort(key=lambda row: (row["id"], row["version"]))
        return rows


def votes(index: Index, path: str, sha256: str) -> tuple[Evidence, ...]:
    """The votes about a file of these bytes that were not taken back, and what each rests on."""
    return standing_votes(((parse_path(v.path), v.document) for v in index.votes(path)), sha256)


def _row(index: Index, kind: Kind, row: Row) -> dict[str, Any]:
    return {**_general(row), **_SPECIAL.get(kind, _nothing)(index, row), **_waits(row)}


def _pending(index: Index, kind: Kind, where: Filter) -> Iterator[dict[str, Any]]:
    """What stands in main and still waits there, where only what is in force was listed."""
    if where.in_force and where.standing is None:
        every = dataclasses.replace(where, in_force=None, standing=_PENDING)
        yield from (_row(index, kind, row) for row in index.entities(kind, every) if row.waiting)


def _waits(row: Row) -> dict[str, Any]:
    if row.waiting is None:
        return {}
    waits = Waits(row.path, **{**row.waiting, "members": tuple(row.waiting["members"])})
    since = dt.datetime.fromtimestamp(row.time, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"request": None, **waits_fields(waits), "since": since}


def found(deps: Deps, kind: Kind, partial: str, version: int | None) -> StoredEntity:
    """One entity by a unique part of its id (raises UnknownIdError)."""
    with reading(deps.settings) as (index, _):
        row = index.get(kind, index.resolve(kind, partial), version)
        return index.stored(row.path)


def viewed(
    deps: Deps, kind: Kind, partial: str, version: int | None
) -> tuple[StoredEntity, tuple[Evidence, ...]]:
    """One entity by a unique part of its id, with the votes about it (raises UnknownIdError)."""
    with reading(deps.settings) as (index, _):
        row = index.get(kind, index.resolve(kind, partial), version)
        return index.stored(row.path), votes(index, row.path, row.sha256)


def _general(row: Row) -> dict[str, Any]:
    document = row.document
    return {
        "id": row.id or "root",
        "version": row.version,
        "standing": row.standing,
        "in_force": row.in_force,
        "state": document.get("state"),
        "type": document.get("type"),
        "title": document.get("title") or document.get("name") or document.get("description"),
        "signer": row.signer,
        "path": row.path,
        "sha256": row.sha256,
    }


def _nothing(_index: Index, _row: Row) -> dict[str, Any]:
    return {}


def _association(_index: Index, row: Row) -> dict[str, Any]:
    return associated(parse_path(row.path), row.document)


def _decision(_index: Index, row: Row) -> dict[str, Any]:
    document = row.document
    about = {"subject": document["subject"]["path"], "member": row.signer}
    return {**about, "verdict": document["verdict"], "reason": document["reason"]}


def _recorded(_index: Index, row: Row) -> dict[str, Any]:
    found = evidence_of(parse_path(row.path), row.document)
    return {"subject": row.document["subject"]["path"], **found.fields()}


def _result(index: Index, row: Row) -> dict[str, Any]:
    """Who ran what on what, and the benchmark's primary metric."""
    about = ran(parse_path(row.path), {})
    key = _primary(index, row)
    found = next((value_of(m) for m in row.document["metrics"] if m["key"] == key), Value(None))
    shown = f"{key} {figure(found.value, decimals(found.error))}"
    number = {"metric": key, "value": found.value, "primary": shown}
    return {**about, **number, "partial": row.document["partial"]}


def _primary(index: Index, row: Row) -> str | None:
    """The key of the metric that the pinned benchmark ranks by."""
    metrics = index.stored(row.document["benchmark"]["path"]).row.document["metrics"]
    return next((m["key"] for m in metrics if m["primary"]), None)


_SPECIAL: dict[Kind, Callable[[Index, Row], dict[str, Any]]] = {
    Kind.ASSOCIATION: _association,
    Kind.RESULT: _result,
    Kind.DECISION: _decision,
    Kind.RECORDED: _recorded,
}
