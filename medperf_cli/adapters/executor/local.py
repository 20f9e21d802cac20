"""The executor on this machine: a pool of threads, each bringing one cell after another to its outcome."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress

from medperf_cli.adapters.executor.base import QUIET, CellJob, CellReport, Observer, Work
from medperf_cli.adapters.executor.cell_queue import Queue
from medperf_cli.adapters.executor.spool import Spool
from medperf_cli.errors import ConfigurationError, InterruptedByUserError


class LocalExecutor:
    """Runs up to `parallel` cells at once; see `base.Executor`.

    A cell that another process is at comes last: it is asked for every `poll_seconds`, until it is finished
    (then it counts as cached) or free again.
    """

    def __init__(self, spool: Spool, *, parallel: int = 1, poll_seconds: float = 1.0) -> None:
        if parallel < 1:
            hint = "set how many cells may run at once to 1 or more"
            raise ConfigurationError(f"cannot run '{parallel}' cells at once", hint=hint)
        self._spool = spool
        self._parallel = parallel
        self._poll_seconds = poll_seconds

    def run(self, jobs: Sequence[CellJob], work: Work, observer: Observer = QUIET) -> list[CellReport]:
        """Bring every cell to an outcome; see `base.Executor`."""
        queue = Queue(self._spool, jobs, work, observer, poll_seconds=self._poll_seconds)
        pool = ThreadPoolExecutor(self._parallel, thread_name_prefix="cell")
        futures: list[Future[None]] = []
        try:
            for _ in range(min(self._parallel, len(jobs))):
                futures.append(pool.submit(queue.work_off))  # noqa: PERF401 - an interrupt must find all so far
            wait(futures)
        except (KeyboardInterrupt, InterruptedByUserError):
            _end(queue, futures)
            message = f"stopped with {queue.finished} of {len(jobs)} cells finished"
            raise InterruptedByUserError(message) from queue.bug
        finally:
            pool.shutdown()
        for future in futures:
            future.result()
        if queue.bug is not None:
            raise queue.bug
        return [queue.reports[index] for index in range(len(jobs))]


def _end(queue: Queue, futures: list[Future[None]]) -> None:
    """Stop the work under way and wait for its end; a second Ctrl-C must not leave containers behind."""
    with ThreadPoolExecutor(1, thread_name_prefix="stop") as pool:
        stopping = pool.submit(queue.interrupt)
        with suppress(KeyboardInterrupt, InterruptedByUserError):
            queue.observer.stopping()
        while not all(future.done() for future in (stopping, *futures)):
            with suppress(KeyboardInterrupt, InterruptedByUserError):
                wait((stopping, *futures))
