"""What a new version holds unless a test says otherwise: the version in force, or what the story has."""

from __future__ import annotations

from typing import Any

from medperf_cli.core.entities.header import Entity
from medperf_cli.core.names import EntityPath, Kind
from tests.support.keys import member_key
from tests.support.story_fields import (
    TISSUE,
    association_fields,
    benchmark_fields,
    cube_fields,
    dataset_fields,
    result_fields,
)
from tests.support.world import World

_HEADER = {("schema" if name == "schema_" else name) for name in Entity.model_fields}


def template(world: World, path: EntityPath) -> dict[str, Any]:
    """The fields of an entity at a path, without its header."""
    earlier = [p for p in world.state.reader.versions(path.kind, path.id) if p.version < path.version]
    found = world.state.reader.entity(earlier[-1]) if earlier else None
    if found is not None:
        return {key: value for key, value in found.document().items() if key not in _HEADER}
    return _new(world, path)


def _new(world: World, path: EntityPath) -> dict[str, Any]:
    match path.kind:
        case Kind.MEMBER:
            key = {"key": member_key(path.id).public_text, "label": "first key"}
            contact = f"registry@{path.id}.example"
            return {"name": path.id.title(), "type": "organisation", "contact": contact, "keys": [key]}
        case Kind.CUBE:
            return cube_fields("model", "infer", "9")
        case Kind.BENCHMARK:
            return benchmark_fields(world)
        case Kind.DATASET:
            return dataset_fields(world, benchmark=_newest(world, Kind.BENCHMARK, TISSUE))
        case Kind.ASSOCIATION:
            kind = Kind.CUBE if path.parts[2] == "models" else Kind.DATASET
            return association_fields(
                world,
                _newest(world, Kind.BENCHMARK, "/".join(path.parts[:2])),
                _newest(world, kind, "/".join(path.parts[3:])),
            )
        case Kind.RESULT:
            return result_fields(world, _newest(world, Kind.CUBE, "/".join(path.parts[2:4])))
    raise ValueError(f"there is no template for '{path}'")


def _newest(world: World, kind: Kind, entity_id: str) -> str:
    return str(world.state.reader.versions(kind, entity_id)[-1])
