"""What is known of a run under way, model by model: an observer that remembers, for a table to draw."""

from __future__ import annotations

import enum
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from medperf_cli.adapters.executor.base import Attempt, CellJob, CellReport, Outcome
from medperf_cli.adapters.executor.cell import Phase
from medperf_cli.errors import InterruptedByUserError


class Stage(enum.StrEnum):
    """Where one model stands; the word that is shown."""

    WAITING = "waiting"
    ELSEWHERE = "runs elsewhere"
    STARTING = "starting"
    INFER = "infer"
    EVALUATE = "evaluate"
    DONE = "done"
    CACHED = "from cache"
    FAILED = "failed"
    STOPPED = "stopped"


ACTIVE = frozenset({Stage.STARTING, Stage.INFER, Stage.EVALUATE})
OVER = frozenset({Stage.DONE, Stage.CACHED, Stage.FAILED})
_OUTCOMES = {Outcome.DONE: Stage.DONE, Outcome.CACHED: Stage.CACHED, Outcome.FAILED: Stage.FAILED}


@dataclass(frozen=True)
class Row:
    """One model: `since` is when its attempt began (seconds of the clock), `took` how long it was.

    `step`, `done` and `total` are of a long step under way since `step_since`, such as loading an image;
    `step` is empty where there is none.
    """

    model: str
    stage: Stage = Stage.WAITING
    since: float = 0.0
    took: float | None = None
    step: str = ""
    step_since: float = 0.0
    done: int = 0
    total: int | None = None

    def seconds(self, now: float) -> float | None:
        """How long it took, or has been under way; None before it began."""
        return now - self.since if self.stage in ACTIVE else self.took


@dataclass(frozen=True)
class Picture:
    """A run at one moment: `began` in seconds of the clock, `parallel` how many run at once."""

    rows: tuple[Row, ...] = ()
    talk: str = ""
    began: float = 0.0
    parallel: int = 1
    stopping: bool = False

    def count(self, *stages: Stage) -> int:
        """How many models stand at one of `stages`."""
        return sum(row.stage in stages for row in self.rows)

    def remaining(self, now: float) -> float | None:
        """Seconds until all are done, from what the finished ones took; None while none has."""
        took = [row.took for row in self.rows if row.stage is Stage.DONE and row.took is not None]
        if not took or self.stopping:
            return None
        usual = sum(took) / len(took)
        left = [max(0.0, usual - (row.seconds(now) or 0.0)) for row in self.rows if row.stage in ACTIVE]
        work = sum(left) + usual * self.count(Stage.WAITING, Stage.ELSEWHERE)
        return max([work / self.parallel, *left])


class RunState:
    """An observer and a talk that keep the picture of a run; `picture` may be asked for by any thread."""

    def __init__(self, clock: Callable[[], float], parallel: int = 1) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._places: dict[str, int] = {}
        self._picture = Picture(parallel=parallel)

    @property
    def picture(self) -> Picture:
        """The run as it stands."""
        return self._picture

    def planned(self, jobs: Sequence[CellJob]) -> None:
        """All of them wait."""
        self._places = {job.label: place for place, job in enumerate(jobs)}
        rows = tuple(Row(job.label) for job in jobs)
        self._picture = replace(self._picture, rows=rows, began=self._clock())

    def cell_waiting(self, job: CellJob, attempt: Attempt) -> None:
        """Another process is at it."""
        self._put(job, stage=Stage.ELSEWHERE, step="")
        self.say(f"{job.label}: another process is at it, in '{attempt.folder}'")

    def cell_started(self, job: CellJob, attempt: Attempt) -> None:
        """Its time runs."""
        del attempt
        self._put(job, stage=Stage.STARTING, since=self._clock(), step="")

    def phase(self, job: CellJob, phase: Phase) -> None:
        """It came to a task."""
        self._put(job, stage=Stage(str(phase)), step="")

    def said(self, job: CellJob, text: str) -> None:
        """Its step is over, and the line is shown."""
        self._put(job, step="")
        self.say(text)

    def progress(self, job: CellJob, step: str, done: int, total: int | None) -> None:
        """Its step is so far."""
        row = self._picture.rows[self._places[job.label]]
        since = row.step_since if row.step == step else self._clock()
        over = total is not None and done >= total
        self._put(job, step="" if over else step, step_since=since, done=done, total=total)

    def cell_from_cache(self, report: CellReport) -> None:
        """It was finished before."""
        self._end(report)

    def cell_finished(self, report: CellReport) -> None:
        """It is done or failed."""
        self._end(report)

    def stopping(self) -> None:
        """Ctrl-C was heard."""
        self._picture = replace(self._picture, stopping=True)

    def say(self, text: str) -> None:
        """The last line of talk; of several lines the first."""
        with self._lock:
            self._picture = replace(self._picture, talk=text.partition("\n")[0])

    def _end(self, report: CellReport) -> None:
        told = isinstance(report.error, InterruptedByUserError)
        stage = Stage.STOPPED if told else _OUTCOMES[report.outcome]
        took = report.duration_seconds if stage is not Stage.CACHED else None
        self._put(report.job, stage=stage, took=took, step="")
        self.say(f"{report.job.label}: {report.error or stage}")

    def _put(self, job: CellJob, **changes: object) -> None:
        with self._lock:
            rows = list(self._picture.rows)
            place = self._places[job.label]
            rows[place] = replace(rows[place], **changes)  # type: ignore[arg-type]
            self._picture = replace(self._picture, rows=tuple(rows))
