"""Observers that stand between an executor and the caller's: one call at a time, phases written down."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from medperf_cli.adapters.executor.base import Attempt, CellJob, CellReport, Observer
from medperf_cli.adapters.executor.cell import Phase
from medperf_cli.adapters.executor.spool import Spool


class OneAtATime:
    """Passes every call on, never two at once."""

    def __init__(self, inner: Observer) -> None:
        self._inner = inner
        self._lock = threading.Lock()

    def planned(self, jobs: Sequence[CellJob]) -> None:
        """Pass it on."""
        with self._lock:
            self._inner.planned(jobs)

    def cell_waiting(self, job: CellJob, attempt: Attempt) -> None:
        """Pass it on."""
        with self._lock:
            self._inner.cell_waiting(job, attempt)

    def cell_started(self, job: CellJob, attempt: Attempt) -> None:
        """Pass it on."""
        with self._lock:
            self._inner.cell_started(job, attempt)

    def phase(self, job: CellJob, phase: Phase) -> None:
        """Pass it on."""
        with self._lock:
            self._inner.phase(job, phase)

    def said(self, job: CellJob, text: str) -> None:
        """Pass it on."""
        with self._lock:
            self._inner.said(job, text)

    def progress(self, job: CellJob, step: str, done: int, total: int | None) -> None:
        """Pass it on."""
        with self._lock:
            self._inner.progress(job, step, done, total)

    def cell_from_cache(self, report: CellReport) -> None:
        """Pass it on."""
        with self._lock:
            self._inner.cell_from_cache(report)

    def cell_finished(self, report: CellReport) -> None:
        """Pass it on."""
        with self._lock:
            self._inner.cell_finished(report)

    def stopping(self) -> None:
        """Pass it on."""
        with self._lock:
            self._inner.stopping()


class Recorder(OneAtATime):
    """What the work of one attempt speaks to: its phase goes into the spool too."""

    def __init__(self, inner: Observer, spool: Spool, attempt: Attempt) -> None:
        super().__init__(inner)
        self._spool = spool
        self._attempt = attempt

    def phase(self, job: CellJob, phase: Phase) -> None:
        """Write it down, then pass it on."""
        self._spool.note_phase(self._attempt, phase)
        super().phase(job, phase)
