"""Closings as members sign them, and as somebody else would like to."""

from __future__ import annotations

from typing import Any

from medperf_cli.core.entities.closing import (
    SIGNATURE,
    STATEMENT,
    Closing,
    closing_namespace,
    emit_closing,
)
from tests.support.keys import TestKey, member_key
from tests.support.world import REGISTRY

WHEN = "2026-01-02T10:00:00Z"


def closing(
    member: str, request: str, head: str, *, key: TestKey | None = None, space: str = "", **changes: Any
) -> dict[str, bytes]:
    """The two files of a closing; fields may be changed, and another key or namespace may sign."""
    fields = {
        "schema": "closing/1",
        "registry": REGISTRY,
        "request": request,
        "head": head,
        "verdict": "rejected",
        "reason": "trained on all patients",
        "member": member,
        "time": WHEN,
    }
    payload = emit_closing(Closing.model_validate({**fields, **changes}))
    armor = (key or member_key(member)).sign(payload, space or closing_namespace(REGISTRY))
    return {STATEMENT: payload, SIGNATURE: armor}
