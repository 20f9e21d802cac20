"""How the work of one attempt is told, from another thread, that it shall end."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

from medperf_cli.errors import InterruptedByUserError


class Cancellation:
    """Says to the work of one attempt, from another thread, that it shall end."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._stops: list[Callable[[], None]] = []

    @property
    def requested(self) -> bool:
        """Whether the work shall end."""
        return self._event.is_set()

    def request(self) -> None:
        """Tell the work to end; every `stop` that is registered is called once, in this thread."""
        with self._lock:
            stops, self._stops = self._stops, []
            self._event.set()
        for stop in stops:
            stop()

    def wait(self, seconds: float) -> bool:
        """Wait until it is requested, at most `seconds`; says whether it was."""
        return self._event.wait(seconds)

    def check(self) -> None:
        """Raise InterruptedByUserError once it is requested; for work that goes in small steps."""
        if self.requested:
            raise InterruptedByUserError("the cell was told to end")

    @contextlib.contextmanager
    def calling(self, stop: Callable[[], None]) -> Iterator[None]:
        """Inside, a request calls `stop` (such as an engine's), at once if it was made before."""
        with self._lock:
            late = self.requested
            if not late:
                self._stops.append(stop)
        if late:
            stop()
        try:
            yield
        finally:
            with self._lock, contextlib.suppress(ValueError):
                self._stops.remove(stop)
