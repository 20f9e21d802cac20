"""Work spread over processes, results in order; the processes end with the one that started them."""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from medperf_cli.errors import MedperfError

A = TypeVar("A")
R = TypeVar("R")
_AHEAD = 2
"""Jobs under way for each worker: what bounds memory."""
_WATCH_SECONDS = 0.5
_MOST = 32
_COLLECT = (50_000, 20, 20)
"""When to look for cycles of objects: parsed files have none, and looking for them often takes a tenth."""


def processors() -> int:
    """How many processors this process may use."""
    return min(len(os.sched_getaffinity(0)), _MOST)


def in_order(task: Callable[[A], R], jobs: Iterable[A], workers: int) -> Iterator[R]:
    """What `task` makes of each job, in the order of the jobs; at most two jobs a worker are under way.

    Args:
        task: a function of a module, with arguments and results that can be pickled.
        jobs: its arguments, taken as they are needed.
        workers: how many processes.

    Raises:
        MedperfError: a worker was killed.
        Exception: what `task` raises.

    """
    executor = _executor(workers)
    waiting = deque[Future[R]]()
    try:
        for job in jobs:
            waiting.append(_started(executor, task, job))
            if len(waiting) >= _AHEAD * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool as error:
        raise MedperfError(
            "a worker process was ended from outside",
            hint="perhaps memory is short; nothing is lost, run the same command again",
        ) from error
    finally:
        if executor is not None:
            executor.shutdown(wait=True, cancel_futures=True)


def _executor(workers: int) -> ProcessPoolExecutor | None:
    """Processes to work in; None on a machine that has no semaphores for them (no /dev/shm, say)."""
    # Spawned, not forked: this process may have threads, pipes and a database open.
    context = multiprocessing.get_context("spawn")
    try:
        return ProcessPoolExecutor(workers, context, initializer=_begin, initargs=(os.getpid(),))
    except (OSError, ImportError, RuntimeError):
        return None


def _started(executor: ProcessPoolExecutor | None, task: Callable[[A], R], job: A) -> Future[R]:
    """A job under way; where no process can be had (a limit of the user's, say) it is done here and now."""
    if executor is not None:
        try:
            return executor.submit(task, job)
        except OSError:
            pass
    done = Future[R]()
    done.set_result(task(job))
    return done


def _begin(parent: int) -> None:
    """Leave Ctrl-C to the parent, and end when it has ended, however it did."""
    gc.freeze()
    gc.set_threshold(*_COLLECT)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    with contextlib.suppress(OSError):
        while os.getppid() == parent:
            time.sleep(_WATCH_SECONDS)
    os._exit(1)
