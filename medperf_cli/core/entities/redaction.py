"""Redactions: which files were taken out of history, and where, so that history still adds up."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from medperf_cli.core.entities.fields import Record, Sha256, Text, TreeId
from medperf_cli.core.entities.header import Entity
from medperf_cli.core.names import EntityPath, Kind, parse_path, parse_signature_path

KEPT = frozenset({Kind.ROOT, Kind.MEMBER, Kind.REDACTION})
"""Kinds that are never taken out: who may sign, and what was taken out, stays known."""


class DroppedFile(Record):
    """One file that is gone: its path, its git blob id, and for a `.yml` the SHA-256 of its bytes."""

    path: Annotated[str, Field(max_length=400, pattern=r"\.(yml|sig)$")]
    blob: TreeId
    sha256: Sha256 | None = None

    @model_validator(mode="after")
    def _is_a_file_of_a_registry(self) -> DroppedFile:
        _ = self.entity
        if (self.sha256 is not None) != self.path.endswith(".yml"):
            raise ValueError(f"'{self.path}': a `.yml` has its `sha256` here, a `.sig` has none")
        return self

    @property
    def entity(self) -> EntityPath:
        """The entity whose file or signature it is."""
        if self.path.endswith(".yml"):
            return parse_path(self.path)
        return parse_signature_path(self.path).entity


class Dropped(Record):
    """Files that entered together.

    `position` is that of the first-parent commit that brought them, genesis being 1; `before` is the git tree
    id that `registry/` had until then.
    """

    position: Annotated[int, Field(ge=2, lt=2**53)]
    before: TreeId
    files: Annotated[tuple[DroppedFile, ...], Field(min_length=1, max_length=1000, strict=False)]


class Redaction(Entity):
    """That files were taken out of history, and why; signed by admins as the root in force asks."""

    id: None = None
    reason: Text
    dropped: Annotated[tuple[Dropped, ...], Field(min_length=1, max_length=500, strict=False)]

    @model_validator(mode="after")
    def _nothing_twice(self) -> Redaction:
        paths = [file.path for file in self.files]
        if len(set(paths)) != len(paths):
            raise ValueError("a file is named twice")
        positions = [group.position for group in self.dropped]
        if positions != sorted(set(positions)):
            raise ValueError("the positions do not go up")
        return self

    @property
    def files(self) -> tuple[DroppedFile, ...]:
        """All files it took out."""
        return tuple(file for group in self.dropped for file in group.files)

    @property
    def digests(self) -> dict[EntityPath, str]:
        """The entities it took out, with the SHA-256 of their bytes."""
        return {file.entity: file.sha256 for file in self.files if file.sha256 is not None}
