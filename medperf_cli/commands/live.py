"""The table of a run that lives on a terminal: drawn anew a few times a second, gone at the end."""

from __future__ import annotations

import dataclasses
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Self

from medperf_cli.commands import console
from medperf_cli.commands.live_table import drawn
from medperf_cli.commands.run_state import OVER, RunState, Stage
from medperf_cli.render.progress import duration

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from rich.console import Console as RichConsole
    from rich.live import Live

    from medperf_cli.adapters.executor.base import CellJob, Observer
    from medperf_cli.flows.deps import Deps, Talk

_EVERY_SECONDS = 0.2


@contextmanager
def watching(deps: Deps) -> Iterator[tuple[Deps, Observer | None]]:
    """Inside, a run given this observer is shown as a table; without a terminal it is told in lines.

    The table begins once cells are planned. When it has gone, a line says what came of the run.
    """
    if console.is_quiet() or not sys.stderr.isatty() or os.environ.get("TERM", "dumb") == "dumb":
        yield deps, None
        return
    table = _LiveTable(deps.talk, deps.settings.parallel)
    try:
        yield dataclasses.replace(deps, talk=table.talk), table
    finally:
        table.end()


class _LiveTable(RunState):
    """The state of a run, and the thread that draws it."""

    def __init__(self, plain: Talk, parallel: int) -> None:
        super().__init__(time.monotonic, parallel)
        self._plain = plain
        self.talk = _Both(plain, self)
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def running(self) -> bool:
        """Whether the table is on the screen."""
        return self._thread is not None

    def planned(self, jobs: Sequence[CellJob]) -> None:
        """Begin to draw."""
        super().planned(jobs)
        self._thread = threading.Thread(target=self._draw, name="table", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Take the table away, and say what came of it."""
        if self._thread is None:
            return
        self._ended.set()
        self._thread.join()
        self._thread = None
        with suppress(OSError):  # the terminal may be gone: that is why it ends
            self._plain.say(_in_a_line(self))

    def _draw(self) -> None:
        if self._ended.wait(_EVERY_SECONDS):
            return
        with suppress(OSError), _Screen() as screen:
            screen.draw(self)
            while not self._ended.wait(_EVERY_SECONDS):
                screen.draw(self)


class _Both:
    """Talk before and after the table is lines, during it the line below the table."""

    def __init__(self, plain: Talk, table: _LiveTable) -> None:
        self._plain, self._table = plain, table

    def say(self, text: str) -> None:
        """One line."""
        (self._table if self._table.running else self._plain).say(text)

    def progress(self, step: str, done: int, total: int | None) -> None:
        """How far a step is that belongs to no model."""
        if not self._table.running:
            self._plain.progress(step, done, total)


class _Screen:
    """Rich's live display on stderr; begun anew on a screen of another size, where it would leave traces."""

    def __init__(self) -> None:
        from rich.console import Console as RichConsole

        self._console: RichConsole = RichConsole(stderr=True, highlight=False, markup=False, emoji=False)
        self._size = self._console.size
        self._live = self._begun()

    def draw(self, state: RunState) -> None:
        """Show how it stands."""
        size = self._console.size
        if size != self._size:
            self._live.stop()
            self._console.clear()
            self._size, self._live = size, self._begun()
        now = time.monotonic()
        self._live.update(drawn(state.picture, now, width=size.width, height=size.height), refresh=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take it away."""
        self._live.stop()

    def _begun(self) -> Live:
        from rich.live import Live

        live = Live(
            console=self._console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            vertical_overflow="crop",
        )
        live.start()
        return live


def _in_a_line(state: RunState) -> str:
    picture = state.picture
    counts = [f"{picture.count(stage)} {stage}" for stage in (Stage.DONE, Stage.CACHED, Stage.FAILED)]
    named = [text for text in counts if not text.startswith("0 ")]
    left = len(picture.rows) - picture.count(*OVER)
    named += [f"{left} not finished"] if left else []
    whole = len(picture.rows)
    models = f"{whole} model" if whole == 1 else f"{whole} models"
    return f"{models}: {', '.join(named)} ({duration(time.monotonic() - picture.began)})"
