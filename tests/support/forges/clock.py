"""The time on a simulated forge."""

from __future__ import annotations

import datetime as dt
import threading


class Ticking:
    """A clock that is one second later whenever somebody looks, so what happens later is later."""

    def __init__(self, begin: dt.datetime = dt.datetime(2026, 1, 2, 12, tzinfo=dt.UTC)) -> None:
        self._now = begin
        self._lock = threading.Lock()

    def __call__(self) -> dt.datetime:
        with self._lock:
            self._now += dt.timedelta(seconds=1)
            return self._now

    def forward(self, **delta: float) -> None:
        """Let time pass, such as `days=3`."""
        with self._lock:
            self._now += dt.timedelta(**delta)
