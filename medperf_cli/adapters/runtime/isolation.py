"""What isolates a run: the words of the policy, and what was applied of it; nothing here asks an engine."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Measure(enum.StrEnum):
    """One measure of the isolation policy; the value is the word written into a result."""

    NO_NETWORK = "no-network"
    INPUTS_READ_ONLY = "inputs-read-only"
    NO_NEW_PRIVILEGES = "no-new-privileges"
    CLEAN_ENVIRONMENT = "clean-environment"
    NOT_PRIVILEGED = "not-privileged"
    ROOT_READ_ONLY = "root-read-only"
    CAPABILITIES_DROPPED = "capabilities-dropped"
    SECCOMP_DEFAULT = "seccomp-default"
    PIDS_LIMIT = "pids-limit"
    MEMORY_LIMIT = "memory-limit"
    CPU_LIMIT = "cpu-limit"
    FILE_LIMIT = "file-limit"
    PRIVATE_IPC = "private-ipc"
    LOG_CAP = "log-cap"
    OUTPUT_WATCHDOG = "output-watchdog"


REQUIRED = frozenset(
    {
        Measure.NO_NETWORK,
        Measure.INPUTS_READ_ONLY,
        Measure.NO_NEW_PRIVILEGES,
        Measure.CLEAN_ENVIRONMENT,
        Measure.NOT_PRIVILEGED,
    }
)
"""Without one of these a run does not start."""


@dataclass(frozen=True, slots=True)
class Isolation:
    """The policy, divided: `applied` was read back from the engine, `missing` was not; both sorted."""

    applied: tuple[str, ...]
    missing: tuple[str, ...]

    @classmethod
    def of(cls, applied: Iterable[Measure]) -> Isolation:
        """Divide the whole policy by what was found applied."""
        found = frozenset(applied)
        return cls(
            applied=tuple(sorted(m.value for m in found)),
            missing=tuple(sorted(m.value for m in Measure if m not in found)),
        )

    def without(self, refuted: Iterable[Measure]) -> Isolation:
        """The same, less what a later look at the running process refuted."""
        gone = frozenset(refuted)
        return Isolation.of(Measure(word) for word in self.applied if Measure(word) not in gone)

    @property
    def unconfirmed(self) -> tuple[str, ...]:
        """Required measures that are missing; empty when the run may go on."""
        return tuple(word for word in self.missing if Measure(word) in REQUIRED)
