"""Decisions: what a member, in a role, says about one exact file."""

from __future__ import annotations

import enum
from typing import Annotated

from pydantic import Field, model_validator

from medperf_cli.core.entities.fields import Pin, Text
from medperf_cli.core.entities.header import Entity


class DecisionVerdict(enum.StrEnum):
    """What is decided."""

    APPROVE = "approve"
    RETRACT = "retract"
    REVOKE = "revoke"
    WITHDRAW = "withdraw"
    ACKNOWLEDGE = "acknowledge"
    REVEAL = "reveal"


class Decision(Entity):
    """A verdict about `subject`, made under `authority`: the root or benchmark version giving the role."""

    subject: Pin
    verdict: Annotated[DecisionVerdict, Field(strict=False)]
    reason: Text
    authority: Pin | None = None

    @model_validator(mode="after")
    def _authority_where_a_role_is_claimed(self) -> Decision:
        own = self.verdict in (
            DecisionVerdict.WITHDRAW,
            DecisionVerdict.ACKNOWLEDGE,
            DecisionVerdict.REVEAL,
        )
        if own == (self.authority is not None):
            raise ValueError(f"a decision to {self.verdict} names {'no' if own else 'its'} `authority`")
        return self
