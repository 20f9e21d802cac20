"""The root: who admits members, what this registry's rules and limits are."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from medperf_cli.core.entities.fields import Line, Name, PublicKeyText, Record, Time
from medperf_cli.core.entities.header import Entity

FORMAT = 2
"""The highest registry format this tool judges."""


class Admin(Record):
    """An admin and the key that signs root files and decisions made as an admin."""

    member: Name
    key: PublicKeyText


class Admins(Record):
    """Who decides about members and benchmarks: `threshold` of them together."""

    threshold: Annotated[int, Field(ge=1, le=32)]
    members: Annotated[tuple[Admin, ...], Field(min_length=1, max_length=32, strict=False)]

    @model_validator(mode="after")
    def _distinct(self) -> Admins:
        members = {a.member for a in self.members}
        keys = {a.key for a in self.members}
        if len(members) != len(self.members) or len(keys) != len(self.members):
            raise ValueError("an admin or a key is named twice")
        if self.threshold > len(self.members):
            raise ValueError(f"threshold {self.threshold} is more than the {len(self.members)} admins named")
        return self


class Recorder(Record):
    """The merge bot's key, which may only sign `recorded/` files."""

    key: PublicKeyText


class Limits(Record):
    """Bounds on one change; `seen_commits` is how many first-parent commits back `seen` may lie."""

    seen_commits: Annotated[int, Field(ge=10, le=1_000_000)] = 10_000
    change_entities: Annotated[int, Field(ge=10, le=1000)] = 50
    change_bytes: Annotated[int, Field(ge=65_536, le=16_777_216)] = 1_048_576


class Root(Entity):
    """The registry's constitution; its first version is what readers pin."""

    id: None = None
    title: Line
    format: Annotated[int, Field(ge=1, le=1000)]
    minimum_tool: Annotated[str, Field(pattern=r"^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)$")]
    admins: Admins
    recorder: Recorder | None = None
    recorded_kinds: Annotated[tuple[Literal["association"], ...], Field(max_length=1, strict=False)] = ()
    limits: Limits
    expires: Time
