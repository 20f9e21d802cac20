"""Signals around a run: a termination signal becomes an error, and a few moments may not be interrupted."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

from medperf_cli.errors import InterruptedByUserError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_ENDING = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def endings_raise() -> Iterator[None]:
    """Inside, SIGTERM and SIGHUP raise InterruptedByUserError, so that `finally` blocks run.

    Only in the main thread (signals arrive nowhere else), and only where nobody else handles them.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    free = [number for number in _ENDING if signal.getsignal(number) is signal.SIG_DFL]
    for number in free:
        signal.signal(number, _raise)
    try:
        yield
    finally:
        for number in free:
            signal.signal(number, signal.SIG_DFL)


def _raise(number: int, _frame: FrameType | None) -> NoReturn:
    raise InterruptedByUserError(f"ended by {signal.Signals(number).name}")


@contextmanager
def held_back() -> Iterator[None]:
    """Inside, Ctrl-C and termination signals wait; they take effect when the block is left.

    For the moments in which an interruption would lose track of a container.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    waiting: list[int] = []
    before = {n: signal.getsignal(n) for n in (signal.SIGINT, *_ENDING)}
    for number in before:
        signal.signal(number, lambda n, _frame: waiting.append(n))
    try:
        yield
    finally:
        for number, handler in before.items():
            # None: a handler that C code installed; it cannot be put back from Python
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        for late in waiting:
            signal.raise_signal(late)
