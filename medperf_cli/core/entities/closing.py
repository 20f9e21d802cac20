"""Closings: what a member says when a request ends without entering main."""

from __future__ import annotations

import enum
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from medperf_cli.core.entities.fields import Name, Record, RegistryId, Text, Time, TreeId
from medperf_cli.core.strict_yaml import emit, load_strict
from medperf_cli.errors import DocumentError

STATEMENT, SIGNATURE = "closing.yml", "closing.sig"
"""The two files that a closing consists of."""


class ClosingVerdict(enum.StrEnum):
    """How a request ended."""

    REJECTED = "rejected"
    """By somebody whose decision it asked for."""
    TAKEN_BACK = "taken-back"
    """By whoever signed all of it."""


class Closing(Record):
    """That `member` ends the request with this id, whose head is this commit, and why.

    It stands beside the request and never enters the registry, so it is no entity and has no path.
    """

    schema_: Annotated[Literal["closing/1"], Field(alias="schema")]
    registry: RegistryId
    request: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    head: TreeId
    verdict: Annotated[ClosingVerdict, Field(strict=False)]
    reason: Text
    member: Name
    time: Time


def parse_closing(data: bytes) -> Closing:
    """Read a closing from the bytes of its statement (raises DocumentError)."""
    try:
        closing = Closing.model_validate(load_strict(data))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the document"
        raise DocumentError(f"not a valid closing: field '{where}': {first['msg'].lower()}") from None
    if emit_closing(closing) != data:
        raise DocumentError("not a valid closing: not in the one spelling of its content")
    return closing


def emit_closing(closing: Closing) -> bytes:
    """The bytes that are signed."""
    return emit(closing.document())


def closing_namespace(registry: str) -> str:
    """The SSHSIG namespace of signatures over closings."""
    return f"closing.v1@{registry}"
