"""Redactions in memory: the file that admins sign, and a world without what it takes out."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from medperf_cli.core.entities.parsing import emit_entity, parse, validate
from medperf_cli.core.entities.redaction import Redaction
from medperf_cli.core.lifecycle.reader import sha256
from medperf_cli.core.names import EntityPath, Kind, signature_path
from tests.support.git_tree import tree_id
from tests.support.keys import member_key
from tests.support.world import World


def redaction(
    world: World,
    paths: Sequence[str],
    signed_by: Mapping[str, str],
    before: str,
    *,
    version: int = 1,
    files: Sequence[str] | None = None,
) -> dict[str, bytes]:
    """The files of a redaction of entities in the world; `signed_by` names a key for each admin."""
    both = files or [text for path in paths for text in (path, f"{path.removesuffix('.yml')}.sig")]
    dropped = [{"position": 2, "before": before, "files": [_dropped(world, text) for text in both]}]
    path = EntityPath(Kind.REDACTION, "", version)
    fields = {"reason": "a description named a patient", "dropped": dropped}
    data = emit_entity(validate(Kind.REDACTION, world.document(Kind.REDACTION, "", version, **fields)))
    added = {str(path): data}
    for admin, key in signed_by.items():
        armor = member_key(key).sign(data, path.namespace(world.registry))
        added[str(signature_path(path, admin))] = armor
    return added


def _dropped(world: World, text: str) -> dict[str, Any]:
    data = world.files.get(text, b"")
    blob = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()  # noqa: S324 - git's
    return {"path": text, "blob": blob, **({"sha256": sha256(data)} if text.endswith(".yml") else {})}


def take_out(world: World, data: bytes) -> None:
    """Rewrite the world's history without what a redaction takes out; old trees stay known."""
    found = parse(EntityPath(Kind.REDACTION, "", _version(data)), data)
    assert isinstance(found, Redaction)
    for file in found.files:
        world.files.pop(file.path, None)
    world.trees.insert(0, tree_id(world.files))


def _version(data: bytes) -> int:
    return int(data.decode().partition("\nversion: ")[2].partition("\n")[0])
