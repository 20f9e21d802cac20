"""Members: people and organisations, with the keys that sign for them."""

from __future__ import annotations

import enum
from typing import Annotated

from pydantic import Field, model_validator

from medperf_cli.core.entities.fields import Count, Line, Mailbox, PublicKeyText, Record, Time
from medperf_cli.core.entities.header import Entity


class MemberType(enum.StrEnum):
    """Whether a member is one person or an organisation."""

    ORGANISATION = "organisation"
    PERSON = "person"


class RevocationReason(enum.StrEnum):
    """Why a key no longer signs; `compromised` marks what it signed before."""

    RETIRED = "retired"
    LOST = "lost"
    COMPROMISED = "compromised"


class Revoked(Record):
    """That a key signs nothing any more, why, and since when its owner says so."""

    reason: Annotated[RevocationReason, Field(strict=False)]
    since: Time


class MemberKey(Record):
    """One signing key of a member."""

    key: PublicKeyText
    label: Line
    revoked: Revoked | None = None


ForgeHost = Annotated[str, Field(pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)+$", max_length=100)]
LoginName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]


class Login(Record):
    """An account on a forge; `number` is the forge's own id of it, which a rename does not change."""

    forge: ForgeHost
    login: LoginName
    number: Count


class Member(Entity):
    """A person or an organisation; `contact` is a role mailbox, never a private one."""

    name: Line
    type: Annotated[MemberType, Field(strict=False)]
    contact: Mailbox
    logins: Annotated[tuple[Login, ...], Field(max_length=16, strict=False)] = ()
    keys: Annotated[tuple[MemberKey, ...], Field(min_length=1, max_length=32, strict=False)]
    recipients: Annotated[
        tuple[Annotated[str, Field(pattern=r"^(age1[0-9a-z]{58}|ssh-(ed25519|rsa) [A-Za-z0-9+/=]+)$")], ...],
        Field(max_length=16, strict=False),
    ] = ()

    @model_validator(mode="after")
    def _distinct_keys(self) -> Member:
        if len({k.key for k in self.keys}) != len(self.keys):
            raise ValueError("a key is named twice")
        if len({(x.forge, x.number) for x in self.logins}) != len(self.logins):
            raise ValueError("a login is named twice")
        return self

    @property
    def valid_keys(self) -> tuple[str, ...]:
        """The keys that may sign, as public key texts."""
        return tuple(k.key for k in self.keys if k.revoked is None)
