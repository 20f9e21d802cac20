"""Associations: a dataset's or model's request to take part in a benchmark."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from medperf_cli.core.entities.fields import Key, Pin, Record, Sha256, Text
from medperf_cli.core.entities.header import Entity


class TestSummary(Record):
    """The compatibility test: which cubes ran on which data (SHA-256 or salted hash), what came out."""

    __test__ = False
    cubes: Annotated[tuple[Pin, ...], Field(min_length=1, max_length=8, strict=False)]
    data: Sha256
    metrics: Annotated[tuple[Key, ...], Field(min_length=1, max_length=32, strict=False)]
    outcome: Literal["passed"]


class Association(Entity):
    """The request, signed by the subject's owner."""

    benchmark: Pin
    subject: Pin
    test: TestSummary
    message: Text | None = None
