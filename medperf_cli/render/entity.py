"""One entity for people (the exact file, then what the registry makes of it) or machines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from medperf_cli.adapters.store.index_rows import StoredEntity
    from medperf_cli.core.evidence import Evidence


def entity_text(stored: StoredEntity, form: Literal["yaml", "json"], votes: Sequence[Evidence] = ()) -> str:
    """The signed bytes as they are, with facts and votes as comments; or all as one JSON object."""
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
        said = {"votes": [vote.fields() for vote in votes], "document": row.document}
        return json.dumps({**facts, **said}, indent=2, ensure_ascii=False) + "\n"
    lines = [f"# {name}: {value}\n" for name, value in facts.items() if value is not None]
    lines += [f"# {vote.verdict}: {vote.says}\n" for vote in votes]
    return "".join(lines) + stored.yml.decode()
