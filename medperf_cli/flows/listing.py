"""What the verified index holds, as rows to print; no git, no parsing of files."""

from __future__ import annotations

from typing import Any

from medperf_cli.adapters.store.index_rows import Filter, Row, StoredEntity
from medperf_cli.core.names import Kind
from medperf_cli.flows.deps import Deps
from medperf_cli.flows.registry import reading


def listed(deps: Deps, kind: Kind, where: Filter) -> list[dict[str, Any]]:
    """Rows of a kind that fit a filter (raises ConfigurationError where nothing was synced)."""
    with reading(deps.settings) as (index, _):
        return [summary(row) for row in index.entities(kind, where)]


def summary(row: Row) -> dict[str, Any]:
    """One row for a table: the fields that lists show."""
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


def found(deps: Deps, kind: Kind, partial: str, version: int | None) -> StoredEntity:
    """One entity by a unique part of its id (raises UnknownIdError)."""
    with reading(deps.settings) as (index, _):
        row = index.get(kind, index.resolve(kind, partial), version)
        return index.stored(row.path)
