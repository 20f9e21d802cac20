"""The cells of one run: which are left, which are under way, and what came of each."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence

from medperf_cli.adapters.executor.base import Attempt, CellJob, CellReport, Observer, Outcome, Work
from medperf_cli.adapters.executor.outputs import list_outputs
from medperf_cli.adapters.executor.recorder import OneAtATime, Recorder
from medperf_cli.adapters.executor.spool import Grant, Spool
from medperf_cli.adapters.executor.taking import is_superseded
from medperf_cli.adapters.files import disk_error, is_disk_full
from medperf_cli.errors import MedperfError


class Queue:
    """Several threads call `work_off` at once; another one may call `interrupt`.

    `observer`: the caller's, told one thing at a time. `reports`: by the place of the job in `jobs`. `bug`:
    the first error of `work` that is no MedperfError.
    """

    def __init__(
        self, spool: Spool, jobs: Sequence[CellJob], work: Work, observer: Observer, *, poll_seconds: float
    ) -> None:
        self.reports: dict[int, CellReport] = {}
        self.bug: Exception | None = None
        self._spool = spool
        self._work = work
        self.observer = OneAtATime(observer)
        self.observer.planned(jobs)
        self._poll_seconds = poll_seconds
        self._left = deque((index, job, False) for index, job in enumerate(jobs))
        self._under_way: set[Attempt] = set()
        self._lock = threading.Lock()
        self._interrupted = threading.Event()

    @property
    def finished(self) -> int:
        """How many cells are done or cached."""
        return sum(report.outcome is not Outcome.FAILED for report in self.reports.values())

    def work_off(self) -> None:
        """Bring cells to their outcome until none is left; those of other processes come last."""
        while not self._interrupted.is_set():
            try:
                index, job, seen = self._left.popleft()
            except IndexError:
                return
            if seen and self._interrupted.wait(self._poll_seconds):
                return
            report = self._cell(job, seen=seen)
            if report is None:
                self._left.append((index, job, True))
            else:
                self.reports[index] = report

    def interrupt(self) -> None:
        """Begin no more cells, and tell the work under way to end."""
        self._interrupted.set()
        with self._lock:
            under_way = list(self._under_way)
        for attempt in under_way:
            self._request_end(attempt)

    def _request_end(self, attempt: Attempt) -> None:
        try:
            attempt.cancellation.request()
        except Exception as error:  # noqa: BLE001 - the others must be told all the same
            self.bug = self.bug or error

    def _cell(self, job: CellJob, *, seen: bool) -> CellReport | None:
        """The outcome of one cell; None when another process is at it."""
        begun = time.monotonic()
        try:
            grant, attempt = self._spool.claim(job.spec, no_cache=job.no_cache)
        except MedperfError as error:
            return self._reported(CellReport(job, Outcome.FAILED, error, time.monotonic() - begun, None))
        if grant is Grant.FINISHED:
            report = CellReport(job, Outcome.CACHED, None, time.monotonic() - begun, attempt)
            self.observer.cell_from_cache(report)
            return report
        if grant is Grant.BUSY:
            if not seen:
                self.observer.cell_waiting(job, attempt)
            return None
        return self._attempt(job, attempt, begun)

    def _attempt(self, job: CellJob, attempt: Attempt, begun: float) -> CellReport | None:
        with self._spool.holding(attempt), self._listed(attempt):
            self.observer.cell_started(job, attempt)
            error = self._outcome(job, attempt)
            if error is not None:
                # the error below matters more than that it could not be written down
                with contextlib.suppress(MedperfError):
                    self._spool.fail(attempt, error)
        if error is not None and is_superseded(attempt) and not self._interrupted.is_set():
            self.observer.cell_waiting(job, attempt)
            return None
        outcome = Outcome.DONE if error is None else Outcome.FAILED
        return self._reported(CellReport(job, outcome, error, time.monotonic() - begun, attempt))

    def _outcome(self, job: CellJob, attempt: Attempt) -> Exception | None:
        try:
            self._work(job, attempt, Recorder(self.observer, self._spool, attempt))
            self._spool.finish(attempt, list_outputs(attempt.output_folders))
        except MedperfError as error:
            return error
        except Exception as error:  # noqa: BLE001 - one bug must not cost the other cells; `run` raises it
            if isinstance(error, OSError) and is_disk_full(error):
                return disk_error(error, attempt.folder)
            if not attempt.cancellation.requested:
                error.add_note(f"in cell '{job.label}', see '{attempt.folder}'")
                self.bug = self.bug or error
            return error
        return None

    def _reported(self, report: CellReport) -> CellReport:
        self.observer.cell_finished(report)
        return report

    @contextlib.contextmanager
    def _listed(self, attempt: Attempt) -> Iterator[None]:
        with self._lock:
            self._under_way.add(attempt)
        try:
            if self._interrupted.is_set():  # between the claim and now
                self._request_end(attempt)
            yield
        finally:
            with self._lock:
                self._under_way.discard(attempt)
