"""What an executor gets and gives back, and the Protocol of executors; nothing here touches the disk."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Protocol

from medperf_cli.adapters.executor.cancellation import Cancellation
from medperf_cli.adapters.executor.cell import CellSpec, Phase
from medperf_cli.errors import MedperfError


class Outcome(enum.StrEnum):
    """What a run has to say about one cell; `cached` is an earlier attempt that still holds."""

    DONE = "done"
    FAILED = "failed"
    CACHED = "cached"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at a cell, with a folder of its own that no other attempt writes to."""

    key: str
    number: int
    folder: Path
    cancellation: Cancellation = field(default_factory=Cancellation, compare=False, repr=False)

    FOLDERS: ClassVar[tuple[str, ...]] = ("predictions", "results", "local_outputs")
    """What holds outputs; they are made, empty, with the attempt."""

    @property
    def predictions(self) -> Path:
        """The folder that `infer` writes."""
        return self.folder / "predictions"

    @property
    def results(self) -> Path:
        """The folder for the file that `evaluate` writes."""
        return self.folder / "results"

    @property
    def local_outputs(self) -> Path:
        """The folder of what `evaluate` writes for this site only."""
        return self.folder / "local_outputs"

    @property
    def output_folders(self) -> tuple[Path, ...]:
        """All three of them."""
        return tuple(self.folder / name for name in self.FOLDERS)

    def log(self, phase: Phase) -> Path:
        """The file for what the container of one phase says."""
        return self.folder / f"{phase}.log"


@dataclass(frozen=True, slots=True)
class CellJob:
    """One cell to run; `label` is the word for it in tables, `no_cache` runs it even if it is finished."""

    spec: CellSpec
    label: str
    no_cache: bool = False


@dataclass(frozen=True, slots=True)
class CellReport:
    """What came of one job.

    `attempt` is None when none was begun. `duration_seconds` is what this run spent on the cell (about zero
    for a cached one). `error` is set exactly when the outcome is `failed`: a MedperfError, or what a bug
    raised.
    """

    job: CellJob
    outcome: Outcome
    error: Exception | None
    duration_seconds: float
    attempt: Attempt | None

    @property
    def code(self) -> str:
        """The error's code; empty where there is none."""
        return error_code(self.error) if self.error else ""


def error_code(error: Exception) -> str:
    """`MP-…` of an expected failure, `MP-BUG` of anything else."""
    return error.code if isinstance(error, MedperfError) else "MP-BUG"


class Observer(Protocol):
    """Is told how cells go; calls come from several threads, but never two at once."""

    def planned(self, jobs: Sequence[CellJob]) -> None:
        """These cells will be brought to their outcome; said once, before anything else."""

    def cell_waiting(self, job: CellJob, attempt: Attempt) -> None:
        """Another process is at this cell, with `attempt`; said once, its outcome is waited for."""

    def cell_started(self, job: CellJob, attempt: Attempt) -> None:
        """An attempt began."""

    def phase(self, job: CellJob, phase: Phase) -> None:
        """The attempt came to `phase`."""

    def said(self, job: CellJob, text: str) -> None:
        """One line about what the attempt does; it ends the step whose progress was told before."""

    def progress(self, job: CellJob, step: str, done: int, total: int | None) -> None:
        """Of a long step of the attempt (such as loading an image), `done` of `total` are done."""

    def cell_from_cache(self, report: CellReport) -> None:
        """The cell was finished before, and its outputs are unchanged."""

    def cell_finished(self, report: CellReport) -> None:
        """The cell is done or failed."""

    def stopping(self) -> None:
        """An interruption was heard: the attempts under way are told to end, and waited for."""


class Quiet:
    """The observer that does nothing."""

    def planned(self, jobs: Sequence[CellJob]) -> None:
        """Nothing."""

    def cell_waiting(self, job: CellJob, attempt: Attempt) -> None:
        """Nothing."""

    def cell_started(self, job: CellJob, attempt: Attempt) -> None:
        """Nothing."""

    def phase(self, job: CellJob, phase: Phase) -> None:
        """Nothing."""

    def said(self, job: CellJob, text: str) -> None:
        """Nothing."""

    def progress(self, job: CellJob, step: str, done: int, total: int | None) -> None:
        """Nothing."""

    def cell_from_cache(self, report: CellReport) -> None:
        """Nothing."""

    def cell_finished(self, report: CellReport) -> None:
        """Nothing."""

    def stopping(self) -> None:
        """Nothing."""


QUIET = Quiet()

Work = Callable[[CellJob, Attempt, Observer], None]
"""Does one cell inside `attempt.folder` and says `observer.phase(...)` as it goes.

Raises MedperfError on failure; ends soon, leaving nothing running, once `attempt.cancellation` is requested.
"""


class Executor(Protocol):
    """Runs cells somewhere; the same call again finishes what an earlier one left."""

    def run(self, jobs: Sequence[CellJob], work: Work, observer: Observer = QUIET) -> list[CellReport]:
        """Bring every cell to an outcome; the reports are in the order of `jobs`.

        A cell that fails does not stop the others.

        Raises:
            InterruptedByUserError: after Ctrl-C, once every attempt under way has ended.
            Exception: what `work` raised by a bug, once all other cells have their outcome.

        """
