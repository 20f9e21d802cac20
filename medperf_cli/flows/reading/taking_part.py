"""Which models take part in a benchmark, by the verified index alone."""

from __future__ import annotations

from collections.abc import Iterator

from medperf_cli.adapters.store.index import Index
from medperf_cli.adapters.store.index_rows import Filter, Row
from medperf_cli.core.names import Kind, parse_path
from medperf_cli.errors import UnknownIdError

_OPERATION = "operation"


def row_in_force(index: Index, kind: Kind, entity_id: str) -> Row | None:
    """The version in force of an id; None where there is none."""
    try:
        row = index.get(kind, entity_id)
    except UnknownIdError:
        return None
    return row if row.in_force else None


def models_taking_part(index: Index, benchmark: str) -> Iterator[Row]:
    """The associations in force of models that are in operation themselves."""
    for row in index.entities(Kind.ASSOCIATION, Filter(benchmark=benchmark)):
        if row.id.split("/")[2] != "models":
            continue
        current = row_in_force(index, Kind.CUBE, parse_path(row.document["subject"]["path"]).id)
        if current is not None and current.document.get("state") == _OPERATION:
            yield row
