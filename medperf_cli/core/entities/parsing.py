"""Bytes in, frozen entity out, and back: the only place where an entity is built from a file."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

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

_SHOWN = 5


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
    entity = validate(path.kind, load_strict(data))
    identify(path, entity, data)
    return entity


def identify(path: EntityPath, entity: Entity, data: bytes) -> None:
    """See that an entity is in its one spelling and is what its path says (raises DocumentError)."""
    found = (entity.schema_, entity.id or "", entity.version)
    wanted = (f"{path.kind}/1", path.id, path.version)
    for field, is_, should in zip(("schema", "id", "version"), found, wanted, strict=True):
        if is_ != should:
            raise DocumentError(f"field '{field}' is '{is_}' where the path says '{should}'")
    if emit_entity(entity) != data:
        raise DocumentError(
            "not in the one spelling of its content: keys out of order, or an empty field left out"
        )


def emit_entity(entity: Entity) -> bytes:
    """The bytes of an entity's file: keys in schema order, free mappings sorted."""
    return emit(entity.document())


def _explain(error: ValidationError) -> str:
    shown = []
    for item in error.errors(include_url=False)[:_SHOWN]:
        where = ".".join(str(part) for part in item["loc"]) or "the document"
        what = item["msg"].removeprefix("Value error, ")
        shown.append(f"field '{where}': {what[:1].lower()}{what[1:]}")
    more = error.error_count() - len(shown)
    return "; ".join(shown) + (f" (and {more} more)" if more > 0 else "")
