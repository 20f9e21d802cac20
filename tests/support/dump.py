"""All that lists and views would say of the registry in a home, to compare one state with another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from medperf_cli.adapters.store.index_rows import Filter
from medperf_cli.adapters.store.settings import load
from medperf_cli.core.lifecycle.reader import sha256
from medperf_cli.core.names import Kind
from medperf_cli.errors import MedperfError
from medperf_cli.flows.reading.verified_index import reading


def dump(home: Path) -> Any:
    """Every row with its bytes and signatures, and the ratchet; the error's code where it cannot be read."""
    settings = load({"MEDPERF_HOME": str(home)}, home)
    try:
        with reading(settings) as (index, meta):
            rows = [row for kind in Kind for row in index.entities(kind, Filter(in_force=None))]
            stored = [index.stored(row.path) for row in rows]
    except MedperfError as error:
        return error.code
    shown = [
        (
            *(s.row.path, s.row.sha256, sha256(s.yml), s.row.standing, s.row.in_force, s.row.position),
            *(s.row.commit, s.row.time, str(s.row.waiting), sorted(s.signatures)),
        )
        for s in stored
    ]
    return [meta.verified_commit, meta.root_version, meta.clock, shown]
