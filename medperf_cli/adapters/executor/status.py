"""The record of one attempt, `status.json`: written by this package only, read back with suspicion."""

from __future__ import annotations

import enum
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

from medperf_cli.adapters.executor.cell import Phase

_TIME = "%Y-%m-%dT%H:%M:%SZ"


class State(enum.StrEnum):
    """Where an attempt stands; `interrupted` is also what a process that was killed leaves behind."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True, kw_only=True)
class CellStatus:
    """How an attempt goes or went.

    `started` and `ended` are UTC text such as 2026-01-31T12:00:00Z (empty: not yet). `code` and `message` are
    of the error that ended it. `outputs`: path inside the attempt's folder -> digest, see `outputs.py`.
    """

    state: State
    phase: Phase | None = None
    code: str = ""
    message: str = ""
    started: str = ""
    ended: str = ""
    outputs: Mapping[str, str] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """The file: JSON, indented for people, ASCII so that any file name survives."""
        return (json.dumps(asdict(self), indent=1) + "\n").encode("ascii")


def utc_text(moment: datetime) -> str:
    """An aware time as UTC text, to the second."""
    return moment.astimezone(UTC).strftime(_TIME)


def parse_status(data: bytes) -> CellStatus:
    """Read `status.json` back.

    Raises:
        ValueError: it is not what `to_bytes` writes; the text says where.

    """
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        raise ValueError("it is not JSON") from None
    if not isinstance(document, dict) or set(document) != set(CellStatus.__slots__):
        raise ValueError("its fields are not those of a status")
    texts = {key: _text(document, key) for key in ("code", "message", "started", "ended")}
    phase = document["phase"]
    status = CellStatus(
        state=State(_text(document, "state")),
        phase=None if phase is None else Phase(phase),
        outputs=_outputs(document["outputs"]),
        **texts,
    )
    if status.state is State.DONE and not status.outputs:
        raise ValueError("it is done without outputs")
    return status


def _text(document: dict[str, Any], key: str) -> str:
    value = document[key]
    if not isinstance(value, str):
        raise ValueError(f"`{key}` is not a text")  # noqa: TRY004 - one kind of error for one kind of damage
    return value


def _outputs(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(digest, str) for digest in value.values()):
        raise ValueError("`outputs` is not a mapping of paths to digests")
    for name in value:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\0" in name:
            raise ValueError("`outputs` names a path outside of the attempt")
    return value
