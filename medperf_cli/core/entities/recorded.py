"""Recorded approvals: what a forge said of a member's review, written down by the merge bot."""

from __future__ import annotations

import enum
from typing import Annotated

from pydantic import AfterValidator, Field

from medperf_cli.core.entities.decision import DecisionVerdict
from medperf_cli.core.entities.fields import Pin
from medperf_cli.core.entities.header import Entity
from medperf_cli.core.entities.member import ForgeHost, LoginName
from medperf_cli.core.names import Kind

RECORDABLE = frozenset({Kind.ASSOCIATION})
"""Kinds for which a root may let recorded approvals suffice; for the others no root can."""

Repository = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*){1,9}$", max_length=200)
]


def _approve(verdict: DecisionVerdict) -> DecisionVerdict:
    if verdict is not DecisionVerdict.APPROVE:
        raise ValueError("only an approval is recorded from a forge; all else is signed")
    return verdict


class How(enum.StrEnum):
    """By which act in the forge's page the member approved."""

    REVIEW = "review"
    MERGE = "merge"


class Recorded(Entity):
    """That the forge says: this login approved `subject`; the path names the member it is taken for.

    `number` is the login's numeric id on the forge, `request` the number of the pull or merge request, and
    `commit` the head of it that the login saw.
    """

    subject: Pin
    verdict: Annotated[DecisionVerdict, Field(strict=False), AfterValidator(_approve)]
    authority: Pin
    forge: ForgeHost
    repository: Repository
    request: Annotated[int, Field(ge=1, lt=2**53)]
    login: LoginName
    number: Annotated[int, Field(ge=0, lt=2**53)]
    commit: Annotated[str, Field(pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})$")]
    how: Annotated[How, Field(strict=False)]
