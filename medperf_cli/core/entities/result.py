"""Results: what one model scored on one dataset, as moments and sums, never as cases."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from medperf_cli.core.entities.fields import Count, ImageDigest, Key, Line, Number, Pin, Record, Time
from medperf_cli.core.entities.header import Entity

Spread = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Unit = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=48)]


class GroupMean(Record):
    """The mean over one group's patients."""

    column: Line
    value: Line
    count: Count
    mean: Number
    sd: Spread


class MeanMetric(Record):
    """Moments over `count` patients (or cases, see `Result.unit`): mean, sd (n-1), adjusted skewness.

    Skewness is the adjusted Fisher-Pearson one; `failed` and `missing` always count cases.
    """

    key: Key
    kind: Literal["mean"]
    count: Count
    mean: Number
    sd: Spread
    skewness: Number | None = None
    failed: Count
    missing: Count
    groups: Annotated[tuple[GroupMean, ...], Field(max_length=256, strict=False)] = ()

    @model_validator(mode="after")
    def _groups_within_count(self) -> MeanMetric:
        for column in {group.column for group in self.groups}:
            if sum(g.count for g in self.groups if g.column == column) > self.count:
                raise ValueError(f"metric '{self.key}': groups of '{column}' count more than the whole")
        return self


class RatioMetric(Record):
    """Both sums, and the sd (n-1) of the linearised terms (num - R*den)/mean(den) over patients.

    `support` counts those whose denominator is not zero (for a sensitivity: the positives); `failed` and
    `missing` always count cases.
    """

    key: Key
    kind: Literal["ratio"]
    count: Count
    support: Count
    numerator: Number
    denominator: Number
    sd: Spread
    failed: Count
    missing: Count

    @model_validator(mode="after")
    def _support_within_count(self) -> RatioMetric:
        if self.support > self.count:
            raise ValueError(f"metric '{self.key}': support is more than count")
        return self


class ReportedMetric(Record):
    """The cube's own number, with its own standard error or none."""

    key: Key
    kind: Literal["reported"]
    value: Number
    error: Spread | None = None


Metric = Annotated[MeanMetric | RatioMetric | ReportedMetric, Field(discriminator="kind")]


class PairedDifference(Record):
    """This result minus an earlier one over the patients both have: count, difference, sd of the terms."""

    key: Key
    count: Count
    difference: Number
    sd: Spread


class Against(Record):
    """Paired differences against one earlier result on the same data."""

    result: Pin
    metrics: Annotated[tuple[PairedDifference, ...], Field(min_length=1, max_length=32, strict=False)]

    @model_validator(mode="after")
    def _distinct(self) -> Against:
        if len({m.key for m in self.metrics}) != len(self.metrics):
            raise ValueError("a metric is compared twice")
        return self


class ResultCubes(Record):
    """The benchmark's cubes beside the model."""

    data_preparator: Pin
    metrics: Pin


class EngineRecord(Record):
    """The container engine that ran the tasks."""

    name: Unit
    version: Line
    rootless: bool


class Hardware(Record):
    """The machine, as far as it matters to a reader."""

    cpu: Line
    cpus: Annotated[int, Field(ge=1, le=100_000)]
    memory_bytes: Count
    gpus: Annotated[tuple[Line, ...], Field(max_length=64, strict=False)] = ()


class TaskRecord(Record):
    """One task as it ran: image, effective isolation (applied and missing), start and duration."""

    task: Key
    cube: Pin
    image: ImageDigest
    applied: Annotated[tuple[Unit, ...], Field(max_length=32, strict=False)]
    missing: Annotated[tuple[Unit, ...], Field(max_length=32, strict=False)] = ()
    started: Time
    duration_seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Execution(Record):
    """How the numbers came about."""

    tool: Line
    contract: Annotated[int, Field(ge=1, le=1000)]
    engine: EngineRecord
    hardware: Hardware
    tasks: Annotated[tuple[TaskRecord, ...], Field(min_length=1, max_length=8, strict=False)]


class Result(Entity):
    """One model on one dataset for one benchmark, signed by the dataset's owner.

    `unit` says what counts count: patients, or cases where the cube names no patients; absent where all
    metrics are the cube's own numbers.
    """

    benchmark: Pin
    model: Pin
    dataset: Pin
    cubes: ResultCubes
    unit: Literal["patient", "case"] | None = None
    metrics: Annotated[tuple[Metric, ...], Field(min_length=1, max_length=32, strict=False)]
    against: Annotated[tuple[Against, ...], Field(max_length=64, strict=False)] = ()
    partial: bool
    failed_cases: Count
    execution: Execution

    @model_validator(mode="after")
    def _distinct(self) -> Result:
        keys = [m.key for m in self.metrics]
        if len(set(keys)) != len(keys):
            raise ValueError("two metrics have the same key")
        computed = any(not isinstance(m, ReportedMetric) for m in self.metrics)
        if computed != (self.unit is not None):
            raise ValueError("`unit` stands where a metric has a count, and only there")
        pins = [a.result.path for a in self.against]
        if len(set(pins)) != len(pins):
            raise ValueError("a result is compared with the same earlier result twice")
        return self
