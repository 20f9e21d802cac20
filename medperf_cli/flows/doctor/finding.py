"""What a check is given, and what it answers."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from medperf_cli.errors import MedperfError
from medperf_cli.flows.deps import Deps


class State(enum.StrEnum):
    """How it stands: `warn` for what some commands need, `fail` for what stops work."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True)
class Finding:
    """One answer: the state, what was found, and what to do about it (empty where nothing is)."""

    state: State
    text: str
    repair: str = ""


@dataclass(frozen=True)
class World:
    """What checks look at; with `offline` they reach for nothing beyond this machine.

    `trouble` is why the settings could not be read; then `deps` has the defaults.
    """

    deps: Deps
    environ: Mapping[str, str]
    offline: bool = False
    trouble: MedperfError | None = None


Check = Callable[[World], Finding]


def ok(text: str) -> Finding:
    """All is well."""
    return Finding(State.OK, text)


def warn(text: str, repair: str) -> Finding:
    """Some commands will not work, or not as well as they could."""
    return Finding(State.WARN, text, repair)


def fail(text: str, repair: str) -> Finding:
    """Work stops here until it is repaired."""
    return Finding(State.FAIL, text, repair)
