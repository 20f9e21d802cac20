"""Cubes: containers with MedPerf's contract, pinned by digest."""

from __future__ import annotations

import enum
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from medperf_cli.core.entities.fields import (
    Asset,
    FileName,
    ImageDigest,
    Key,
    Line,
    MountPath,
    Record,
    Text,
    Url,
)
from medperf_cli.core.entities.header import Entity, State


class CubeType(enum.StrEnum):
    """What a cube is for."""

    DATA_PREPARATOR = "data-preparator"
    MODEL = "model"
    METRICS = "metrics"


class Volume(Record):
    """Where one declared input or output is mounted inside the container."""

    mount_path: MountPath
    type: Literal["file", "directory"]


Argument = Annotated[str, Field(max_length=1000)]
Words = Annotated[tuple[Argument, ...], Field(max_length=64, strict=False)]
Volumes = Annotated[dict[Key, Volume], Field(max_length=32)]


class RunArgs(Record):
    """The only arguments a cube may set for its run; a site's ceiling bounds them."""

    command: Argument | Words | None = None
    entrypoint: Argument | Words | None = None
    environment: Annotated[
        dict[Annotated[str, Field(pattern=r"^[A-Z_][A-Z0-9_]{0,63}$")], Argument], Field(max_length=64)
    ] = Field(default_factory=dict)
    shm_size: Annotated[str, Field(pattern=r"^[1-9][0-9]{0,8}[bkmg]$")] | None = None
    gpus: Literal["all"] | Annotated[int, Field(ge=0, le=64)] | None = None


class Task(Record):
    """One task of a cube: how it is started and what is mounted (nothing else is)."""

    run_args: RunArgs = Field(default_factory=RunArgs)
    input_volumes: Volumes = Field(default_factory=dict)
    output_volumes: Volumes = Field(default_factory=dict)

    @model_validator(mode="after")
    def _distinct_mounts(self) -> Task:
        paths = [v.mount_path for v in (*self.input_volumes.values(), *self.output_volumes.values())]
        if len(set(paths)) != len(paths):
            raise ValueError("two volumes have the same mount_path")
        both = set(self.input_volumes) & set(self.output_volumes)
        if both:
            raise ValueError(f"'{min(both)}' is an input and an output")
        return self


class Container(Record):
    """MedPerf's container config, with the image pinned.

    `DockerImage`: `image` is a reference with a registry digest (`host/name@sha256:…`).
    `DockerArchive`: `archive` is the `docker save` file, `image_id` the id the engine reports once loaded.
    `SingularityFile`: `archive` is the SIF file.
    """

    container_type: Literal["DockerImage", "DockerArchive", "SingularityFile"]
    image: Annotated[str, Field(pattern=r"^[a-z0-9][A-Za-z0-9./:_-]{0,254}@sha256:[0-9a-f]{64}$")] | None = (
        None
    )
    archive: Asset | None = None
    image_id: ImageDigest | None = None
    tasks: Annotated[dict[Key, Task], Field(min_length=1, max_length=16)]

    @model_validator(mode="after")
    def _pinned(self) -> Container:
        wanted = {
            "DockerImage": (True, False, False),
            "DockerArchive": (False, True, True),
            "SingularityFile": (False, True, False),
        }[self.container_type]
        given = (self.image is not None, self.archive is not None, self.image_id is not None)
        if given != wanted:
            fields = [f for f, w in zip(("image", "archive", "image_id"), wanted, strict=True) if w]
            raise ValueError(f"a {self.container_type} is pinned by exactly: {', '.join(fields)}")
        return self


class AdditionalFile(Asset):
    """An asset laid into the cube's `additional_files` folder; `unpack` extracts a `.tar.gz` there."""

    name: FileName
    unpack: bool


class ModelCard(Record):
    """What a reader must know before trusting a model."""

    intended_use: Text
    training_data_overlap: Text


Parameters = dict[str, Any]
"""A free mapping; the strict YAML loader has bounded depth, size and kinds of values."""


class Cube(Entity):
    """A data-preparator, model or metrics container of one member."""

    type: Annotated[CubeType, Field(strict=False)]
    description: Text
    container: Container
    parameters: Parameters | None = None
    additional_files: Annotated[tuple[AdditionalFile, ...], Field(max_length=32, strict=False)] = ()
    licence: Line
    links: Annotated[tuple[Url, ...], Field(max_length=16, strict=False)] = ()
    card: ModelCard | None = None
    state: Annotated[State, Field(strict=False)]

    @model_validator(mode="after")
    def _card_for_models(self) -> Cube:
        if (self.type is CubeType.MODEL) != (self.card is not None):
            raise ValueError("a cube of type model, and no other, has a `card`")
        files = [f.name for f in self.additional_files]
        if len(set(files)) != len(files):
            raise ValueError("two additional_files have the same name")
        return self
