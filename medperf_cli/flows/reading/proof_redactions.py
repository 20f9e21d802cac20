"""Redactions in what `verify` says: what one took out, and which of them took out a claim."""

from __future__ import annotations

from medperf_cli.adapters.store.index import Index
from medperf_cli.core.entities.redaction import Redaction
from medperf_cli.core.names import EntityPath, Kind
from medperf_cli.flows.reading.proof_files import Link


def taken_out(redaction: Redaction) -> Link:
    """What a redaction took out of history, and why."""
    gone = tuple(Link(file.path) for file in redaction.files if file.path.endswith(".yml"))
    return Link(f"took {len(gone)} entities out of history", f"reason: {redaction.reason}", None, gone)


def took_out(index: Index, path: EntityPath) -> EntityPath | None:
    """The redaction that took a version out of history, if one did."""
    number = 1
    while index.has(f"redactions/{number}.yml"):
        found = EntityPath(Kind.REDACTION, "", number)
        dropped = index.stored(str(found)).row.document["dropped"]
        if any(file["path"] == str(path) for group in dropped for file in group["files"]):
            return found
        number += 1
    return None
