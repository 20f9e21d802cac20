"""Bytes in, frozen entity out, and back: the only place where an entity is built from a file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from pydantic import ValidationError

from medperf_cli.core.entities.association import Association
from medperf_cli.core.entities.benchmark import Benchmark
from medperf_cli.core.entities.cube import Cube
from medperf_cli.core.entities.dataset import Dataset
from medperf_cli.core.entities.decision import Decision
from medperf_cli.core.entities.header import Entity
from medperf_cli.core.entities.member import Member
from medperf_cli.core.entities.recorded import Recorded
from medperf_cli.core.entities.redaction import Redaction
from medperf_cli.core.entities.result import Result
from medperf_cli.core.entities.root import FORMAT, Root
from medperf_cli.core.names import EntityPath, Kind
from medperf_cli.core.strict_yaml import emit, load_strict
from medperf_cli.core.strict_yaml_lines import guess
from medperf_cli.errors import DocumentError

MODELS: dict[Kind, type[Entity]] = {
    Kind.ROOT: Root,
    Kind.MEMBER: Member,
    Kind.CUBE: Cube,
    Kind.BENCHMARK: Benchmark,
    Kind.DATASET: Dataset,
    Kind.ASSOCIATION: Association,
    Kind.RESULT: Result,
    Kind.DECISION: Decision,
    Kind.RECORDED: Recorded,
    Kind.REDACTION: Redaction,
}
"""The kinds that some format has; releases arrive with a later one."""

SINCE: dict[Kind, int] = {Kind.RECORDED: 2, Kind.REDACTION: 2}
"""Kinds that format 1 does not know, and the format that brought them."""

_LARGE = 16 * 1024
"""Bytes; few sound files are larger, and a hostile one should be looked at once, not twice."""
_SHOWN = 5
_DECODER = json.JSONDecoder()


def validate(kind: Kind, document: Mapping[str, Any], format_: int = FORMAT) -> Entity:
    """Check a document against the fields of its kind, in a registry of a format.

    Raises:
        DocumentError: naming each wrong field and what was expected, or that the kind is of a higher format.

    """
    model = MODELS.get(kind)
    if model is None or SINCE.get(kind, 1) > format_:
        raise DocumentError(
            f"a {kind} is not part of registry format {format_}",
            hint="a newer version of this tool may know it",
        )
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise DocumentError(f"not a valid {kind}: {_explain(error)}") from None


@lru_cache(maxsize=1024)
def parse(path: EntityPath, data: bytes) -> Entity:
    """Read an entity from the bytes of its file; the caller did the reading.

    Entities are frozen, and a replay asks for the same root, members and benchmarks at every commit: the
    last thousand are kept.

    Raises:
        DocumentError: not strict YAML, not valid, not in the one spelling, or not what its path says.

    """
    found = sound(path, data)
    if found is not None:
        return found.entity
    entity = validate(path.kind, load_strict(data))
    identify(path, entity, data)
    return entity


class Sound(NamedTuple):
    """An entity that is right in every respect, and its document (`Record.document`)."""

    entity: Entity
    document: dict[str, Any]


@lru_cache(maxsize=128)
def sound(path: EntityPath, data: bytes) -> Sound | None:
    """Read an entity that is right in every respect; None where `parse` is to say what is wrong, if it is.

    The spelling is compared once: if that of the entity is these bytes, they are strict YAML and mean it,
    however its content was guessed (ADR 0026). A check asks first, and `parse` next.
    """
    model = MODELS.get(path.kind)
    guessed = None if model is None or len(data) > _LARGE else guess(data)
    if guessed is None or model is None:
        return None
    try:
        entity = model.model_validate(guessed)
        return Sound(entity, identify(path, entity, data))
    except (ValidationError, DocumentError):
        return None


@lru_cache(maxsize=512)
def proved(path: EntityPath, data: bytes) -> Entity:
    """Read an entity that was proved to be sound when it entered; its spelling is not proved again.

    For a replay in stretches: what stands in a base was judged in an earlier stretch, and if it was not sound
    there, nothing that comes later is believed.

    Raises:
        DocumentError: as `parse`.

    """
    model = MODELS.get(path.kind)
    guessed = None if model is None else guess(data)
    if guessed is None or model is None:
        return parse(path, data)
    try:
        return model.model_validate(guessed)
    except ValidationError:
        return parse(path, data)


def identify(path: EntityPath, entity: Entity, data: bytes) -> dict[str, Any]:
    """See that an entity is in its one spelling and is what its path says (raises DocumentError).

    Returns its document.
    """
    found = (entity.schema_, entity.id or "", entity.version)
    wanted = (f"{path.kind}/1", path.id, path.version)
    for field, is_, should in zip(("schema", "id", "version"), found, wanted, strict=True):
        if is_ != should:
            raise DocumentError(f"field '{field}' is '{is_}' where the path says '{should}'")
    document = entity.document()
    if emit(document) != data:
        raise DocumentError(
            "not in the one spelling of its content: keys out of order, or an empty field left out"
        )
    return document


def emit_entity(entity: Entity) -> bytes:
    """The bytes of an entity's file: keys in schema order, free mappings sorted."""
    return emit(entity.document())


def _explain(error: ValidationError) -> str:
    """Name the first faults; a hostile file has tens of thousands, too slow to make objects of all."""
    every = error.json(include_url=False, include_context=False, include_input=False)
    count, at, shown = error.error_count(), 1, []
    for _ in range(min(count, _SHOWN)):
        item, at = _DECODER.raw_decode(every, at)
        at += 1  # the comma
        where = ".".join(str(part) for part in item["loc"]) or "the document"
        what = item["msg"].removeprefix("Value error, ")
        shown.append(f"field '{where}': {what[:1].lower()}{what[1:]}")
    more = count - len(shown)
    return "; ".join(shown) + (f" (and {more} more)" if more > 0 else "")
