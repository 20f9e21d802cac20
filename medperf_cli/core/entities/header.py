"""What every entity carries: schema, registry, id, version, previous, seen."""

from __future__ import annotations

import enum
from typing import Annotated

from pydantic import Field, model_validator

from medperf_cli.core.entities.fields import Record, RegistryId, Sha256, TreeId


class State(enum.StrEnum):
    """Development may change; operation freezes what a number depends on."""

    DEVELOPMENT = "development"
    OPERATION = "operation"


class Entity(Record):
    """One version of one entity; `id` and `version` equal its path.

    `previous` is the SHA-256 of the version it replaces (from version 2 on).
    `seen` is the git tree id of `registry/` its signer had verified (absent at genesis only).
    """

    schema_: Annotated[str, Field(alias="schema", pattern=r"^[a-z]+/1$")]
    registry: RegistryId
    id: Annotated[str, Field(max_length=400)] | None = None
    version: Annotated[int, Field(ge=1, le=999_999)]
    previous: Sha256 | None = None
    seen: TreeId | None = None

    @model_validator(mode="after")
    def _previous_from_two_on(self) -> Entity:
        if (self.version > 1) != (self.previous is not None):
            raise ValueError("`previous` stands in version 2 and later, and only there")
        return self
