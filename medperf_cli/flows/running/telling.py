"""An observer of cells that tells in lines what happens."""

from __future__ import annotations

from medperf_cli.adapters.executor.base import Attempt, CellJob, CellReport, Outcome
from medperf_cli.adapters.executor.cell import Phase
from medperf_cli.flows.deps import Talk


class TellsCells:
    """Says each change; the phases are said by the tasks themselves."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk

    def cell_waiting(self, job: CellJob, attempt: Attempt) -> None:
        """Another process is at it."""
        self._talk.say(f"{job.label}: another process is at it, in '{attempt.folder}'; waiting")

    def cell_started(self, job: CellJob, attempt: Attempt) -> None:
        """An attempt began."""
        self._talk.say(f"{job.label}: started, logs in '{attempt.folder}'")

    def phase(self, job: CellJob, phase: Phase) -> None:
        """Nothing."""

    def cell_from_cache(self, report: CellReport) -> None:
        """It was finished before."""
        self._talk.say(f"{report.job.label}: finished before, outputs unchanged")

    def cell_finished(self, report: CellReport) -> None:
        """It is done or failed."""
        how = "done" if report.outcome is Outcome.DONE else f"failed: {report.error}"
        self._talk.say(f"{report.job.label}: {how} ({report.duration_seconds:.1f} s)")
