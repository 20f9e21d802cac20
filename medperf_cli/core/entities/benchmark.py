"""Benchmarks: what is measured, by which cubes, decided by whom."""

from __future__ import annotations

import enum
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from medperf_cli.core.entities.fields import Asset, Key, Line, Name, Number, Pin, Record, Text, Url
from medperf_cli.core.entities.header import Entity, State
from medperf_cli.core.names import Kind, entity_path

MINIMUM_CELL = 11
"""No cell of fewer patients leaves a site (the floor of CMS's cell size suppression policy)."""


class MetricKind(enum.StrEnum):
    """How a metric is summarised at a site."""

    MEAN = "mean"
    RATIO = "ratio"
    REPORTED = "reported"


LARGEST = 1e15
"""Bound of a metric's values, so that sums of many stay finite."""
RESERVED_COLUMNS = frozenset({"case", "patient"})


DottedPath = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$", max_length=200)]
Column = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,47}$")]


class MetricDefinition(Record):
    """One metric of a benchmark.

    mean: the mean of `column` in `cases.csv` (`binary` if its values are 0 and 1); ratio: the sum of column
    `numerator` over the sum of column `denominator`; reported: the number at the dotted `path` of the results
    file, with its standard error at `error` if the cube gives one. A failed case scores `failed_score` (mean:
    that value; ratio: that ratio, so its numerator is `failed_score` times its denominator, which is its own
    or else the average of those given for other cases, or 1 if none is).
    """

    key: Key
    name: Line
    kind: Annotated[MetricKind, Field(strict=False)]
    binary: bool
    path: DottedPath
    column: Column | None = None
    numerator: Column | None = None
    denominator: Column | None = None
    error: DottedPath | None = None
    failed_score: Number | None = None
    unit: Line
    better: Literal["higher", "lower"]
    minimum: Number | None = None
    maximum: Number | None = None
    primary: bool

    @model_validator(mode="after")
    def _fields_of_its_kind(self) -> MetricDefinition:
        given = {
            name
            for name in ("column", "numerator", "denominator", "failed_score")
            if getattr(self, name) is not None
        }
        wanted = {
            MetricKind.MEAN: {"column", "failed_score"},
            MetricKind.RATIO: {"numerator", "denominator", "failed_score"},
            MetricKind.REPORTED: set(),
        }[self.kind]
        if given != wanted:
            fields = ", ".join(sorted(wanted)) or "none of column, numerator, denominator, failed_score"
            raise ValueError(f"metric '{self.key}' of kind {self.kind} has exactly: {fields}")
        if self.error is not None and self.kind is not MetricKind.REPORTED:
            raise ValueError(f"metric '{self.key}': only a reported metric has `error`")
        if self.binary and self.kind is not MetricKind.MEAN:
            raise ValueError(f"metric '{self.key}': only a mean metric is binary")
        return self

    @model_validator(mode="after")
    def _bounds(self) -> MetricDefinition:
        low = -LARGEST if self.minimum is None else self.minimum
        high = LARGEST if self.maximum is None else self.maximum
        if not -LARGEST <= low < high <= LARGEST:
            raise ValueError(f"metric '{self.key}': minimum and maximum are not in order within {LARGEST:g}")
        if self.failed_score is not None and not low <= self.failed_score <= high:
            raise ValueError(f"metric '{self.key}': failed_score is outside minimum and maximum")
        if RESERVED_COLUMNS & {self.column, self.numerator, self.denominator}:
            raise ValueError(f"metric '{self.key}': columns 'case' and 'patient' name rows")
        return self


class Group(Record):
    """A grouping of cases by a column of `cases.csv`, such as sex or scanner, with the values that count."""

    column: Column
    name: Line
    values: Annotated[tuple[Line, ...], Field(min_length=2, max_length=32, strict=False)]


class Cubes(Record):
    """The three cubes that define a benchmark."""

    data_preparator: Pin
    reference_model: Pin
    metrics: Pin


class Committee(Record):
    """Who decides about associations: `threshold` of `members` together."""

    threshold: Annotated[int, Field(ge=1, le=32)]
    members: Annotated[tuple[Name, ...], Field(min_length=1, max_length=32, strict=False)]

    @model_validator(mode="after")
    def _distinct(self) -> Committee:
        if len(set(self.members)) != len(self.members):
            raise ValueError("a committee member is named twice")
        if self.threshold > len(self.members):
            raise ValueError(
                f"threshold {self.threshold} is more than the {len(self.members)} committee members"
            )
        return self


class Admission(Record):
    """Who is associated without a decision: nobody, everybody, or the members allowed."""

    mode: Literal["never", "always", "allow-list"]
    allow: Annotated[tuple[Name, ...], Field(max_length=500, strict=False)] = ()

    @model_validator(mode="after")
    def _allow_belongs_to_its_mode(self) -> Admission:
        if self.allow and self.mode != "allow-list":
            raise ValueError(f"`allow` names members, but mode is '{self.mode}'")
        if len(set(self.allow)) != len(self.allow):
            raise ValueError("a member is allowed twice")
        return self

    def admits(self, member: str) -> bool:
        """Whether a request of `member` needs no decision."""
        return self.mode == "always" or (self.mode == "allow-list" and member in self.allow)


class AssociationPolicy(Record):
    """Admission, separately for datasets and models."""

    datasets: Admission
    models: Admission


def _model_id(text: str) -> str:
    entity_path(Kind.CUBE, text, 1)
    return text


ModelId = Annotated[str, Field(max_length=80), AfterValidator(_model_id)]


class Priority(Record):
    """A model that data owners should run before others; higher runs earlier."""

    model: ModelId
    priority: Annotated[int, Field(ge=-1000, le=1000)]


class Ranking(Record):
    """How sites are weighted in a pooled estimate."""

    weighting: Literal["cases", "sites"]


class Disclosure(Record):
    """What may leave a site: the smallest cell in patients, and significant digits of every number."""

    minimum_cell: Annotated[int, Field(ge=MINIMUM_CELL, le=10_000)]
    significant_digits: Annotated[int, Field(ge=2, le=12)]


class ReleasePolicy(Record):
    """What is public; format 1 knows `open` only, where every site's numbers stand in clear."""

    policy: Literal["open"]


class Benchmark(Entity):
    """A clinical question, the cubes that measure it, and the committee that decides who takes part."""

    title: Line
    description: Text
    clinical_task: Text
    population: Text
    docs_url: Url | None = None
    annotation_methodology: Text
    terms_of_use: Text
    demo_dataset: Asset
    cubes: Cubes
    committee: Committee
    metrics: Annotated[tuple[MetricDefinition, ...], Field(min_length=1, max_length=32, strict=False)]
    groups: Annotated[tuple[Group, ...], Field(max_length=8, strict=False)] = ()
    ranking: Ranking
    association_policy: AssociationPolicy
    priorities: Annotated[tuple[Priority, ...], Field(max_length=500, strict=False)] = ()
    disclosure: Disclosure
    release: ReleasePolicy
    state: Annotated[State, Field(strict=False)]

    @model_validator(mode="after")
    def _one_primary(self) -> Benchmark:
        keys = [m.key for m in self.metrics]
        if len(set(keys)) != len(keys):
            raise ValueError("two metrics have the same key")
        if sum(m.primary for m in self.metrics) != 1:
            raise ValueError("exactly one metric is primary")
        columns = [g.column for g in self.groups]
        if len(set(columns)) != len(columns) or RESERVED_COLUMNS & set(columns):
            raise ValueError("a group's column is named twice, or names rows")
        if any(len(set(g.values)) != len(g.values) for g in self.groups):
            raise ValueError("a group has a value twice")
        if len({p.model for p in self.priorities}) != len(self.priorities):
            raise ValueError("a model has two priorities")
        return self
