"""One entity for people (the exact file, then what the registry makes of it) or machines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from medperf_cli.adapters.store.index_rows import StoredEntity


def entity_text(stored: StoredEntity, form: Literal["yaml", "json"]) -> str:
    """The signed bytes as they are, with facts as comments; or both as one JSON object."""
    row = stored.row
    facts = {
        "path": row.path,
        "sha256": row.sha256,
        "standing": row.standing,
        "in_force": row.in_force,
        "signer": row.signer,
        "key": row.fingerprint,
        "commit": row.commit,
    }
    if form == "json":
        return json.dumps({**facts, "document": row.document}, indent=2, ensure_ascii=False) + "\n"
    head = "".join(f"# {name}: {value}\n" for name, value in facts.items())
    return head + stored.yml.decode()
