"""Cells and their numbers, told in lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from medperf_cli.adapters.executor.base import Attempt, CellJob, CellReport, Observer, Outcome
from medperf_cli.adapters.executor.cell import Phase
from medperf_cli.core.stats.wording import in_words
from medperf_cli.flows.deps import Talk


class TellsCells:
    """Says each change; the phases are said by the tasks themselves."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk

    def planned(self, jobs: Sequence[CellJob]) -> None:
        """Nothing."""

    def cell_waiting(self, job: CellJob, attempt: Attempt) -> None:
        """Another process is at it."""
        self._talk.say(f"{job.label}: another process is at it, in '{attempt.folder}'; waiting")

    def cell_started(self, job: CellJob, attempt: Attempt) -> None:
        """An attempt began."""
        self._talk.say(f"{job.label}: started, logs in '{attempt.folder}'")

    def phase(self, job: CellJob, phase: Phase) -> None:
        """Nothing."""

    def said(self, job: CellJob, text: str) -> None:
        """What a cell's work says."""
        del job
        self._talk.say(text)

    def progress(self, job: CellJob, step: str, done: int, total: int | None) -> None:
        """Pass it on."""
        del job
        self._talk.progress(step, done, total)

    def cell_from_cache(self, report: CellReport) -> None:
        """It was finished before."""
        self._talk.say(f"{report.job.label}: finished before, outputs unchanged")

    def cell_finished(self, report: CellReport) -> None:
        """It is done or failed."""
        how = "done" if report.outcome is Outcome.DONE else f"failed: {report.error}"
        self._talk.say(f"{report.job.label}: {how} ({report.duration_seconds:.1f} s)")

    def stopping(self) -> None:
        """Ctrl-C was heard."""
        self._talk.say("stopping: containers that run are ended")


class CellTalk:
    """The talk of one attempt's work, which goes to the observer of its cell.

    Both raise InterruptedByUserError once the attempt shall end, so whatever tells of itself can be stopped.
    """

    def __init__(self, job: CellJob, attempt: Attempt, observer: Observer) -> None:
        self._job, self._attempt, self._observer = job, attempt, observer

    def say(self, text: str) -> None:
        """One line about what happens now."""
        self._attempt.cancellation.check()
        self._observer.said(self._job, text)

    def progress(self, step: str, done: int, total: int | None) -> None:
        """How far a step of it is."""
        self._attempt.cancellation.check()
        self._observer.progress(self._job, step, done, total)


def tell_metrics(talk: Talk, metrics: Iterable[Mapping[str, Any]]) -> None:
    """The numbers of a test or a result, one a line."""
    for metric in metrics:
        talk.say(f"  {in_words(metric)}")
