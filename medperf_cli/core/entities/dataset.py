"""Datasets: data that never leaves its owner, known by a salted hash and by what the owner published."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, model_validator

from medperf_cli.core.entities.fields import Count, Key, Line, Pin, Record, Sha256, Text
from medperf_cli.core.entities.header import Entity, State


class Prepared(Record):
    r"""The prepared data: its salted hash, counts, and the statistics and metadata its owner published.

    `hash` is HMAC-SHA256, with a 32-byte salt kept at the site, over the SHA-256 of the sorted lines
    `<sha256> <size> <JSON-quoted path>\n` of all prepared files.
    """

    hash: Sha256
    counts: Annotated[dict[Key, Count], Field(min_length=1, max_length=32)]
    statistics: dict[str, Any] = Field(default_factory=dict)
    metadata: dict[str, Any] = Field(default_factory=dict)


class Dataset(Entity):
    """A dataset of one member, prepared by a cube for a benchmark."""

    description: Text
    location: Line
    data_preparator: Pin
    benchmark: Pin
    ethics_approval: Line
    state: Annotated[State, Field(strict=False)]
    prepared: Prepared | None = None

    @model_validator(mode="after")
    def _prepared_in_operation(self) -> Dataset:
        if (self.state is State.OPERATION) != (self.prepared is not None):
            raise ValueError("`prepared` stands in a dataset in operation, and only there")
        return self
