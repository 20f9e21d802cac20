"""Answers of a simulated forge that are other than they were: shorter, older, or of another type."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.support.forges.faults import How, on
from tests.support.forges.stage import Stage


def spoil(stage: Stage, part: str, change: Callable[[Any], Any], method: str = "GET") -> None:
    """Let the next answer from a path be another one."""

    def altered(body: bytes) -> bytes:
        return json.dumps(change(json.loads(body))).encode()

    stage.forge.faults.add(How.SPOILT, on(method, part), change=altered)


def without(*names: str) -> Callable[[Any], Any]:
    """Answers that lack fields, as of an older version."""

    def shorter(value: Any) -> Any:
        if isinstance(value, list):
            return [shorter(item) for item in value]
        if isinstance(value, dict):
            return {name: shorter(item) for name, item in value.items() if name not in names}
        return value

    return shorter
