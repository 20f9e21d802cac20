"""The table of a run under way, drawn for screens of several sizes; read the difference when it changes."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from rich.console import Console

from medperf_cli.adapters.executor.base import Attempt, CellJob, CellReport, Outcome
from medperf_cli.adapters.executor.cell import Phase
from medperf_cli.adapters.steps import Bytes
from medperf_cli.commands.live_table import drawn
from medperf_cli.commands.run_state import RunState, Stage
from medperf_cli.errors import ContainerError, InterruptedByUserError
from tests.support.cells import make_spec

GOLDEN = Path(__file__).parent / "live"
REWRITE = "MEDPERF_REWRITE_GOLDEN"
SPEC = make_spec()
SIZES = [(100, 30), (60, 30), (40, 12), (20, 8), (80, 7), (5, 3)]


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def ended(job: CellJob, outcome: Outcome, seconds: float, error: Exception | None = None) -> CellReport:
    return CellReport(job, outcome, error, seconds, None)


def attempt(job: CellJob) -> Attempt:
    return Attempt(job.label, 1, Path("/site/runs/cell/attempt-1"))


def a_run(clock: Clock, more: int = 0) -> tuple[RunState, list[CellJob]]:
    """One model of each kind: done, cached, failed, under way twice, elsewhere, waiting."""
    state = RunState(clock, parallel=2)
    names = [
        "tumor-board/reference-model",
        "acme/forest",
        "acme/boosting",
        "uni-lab/svm",
        "uni-lab/memorizer",
    ]
    jobs = [
        CellJob(SPEC, name)
        for name in [*names, "acme/elsewhere", *(f"acme/more-{i:02}" for i in range(more + 1))]
    ]
    state.planned(jobs)
    state.cell_from_cache(ended(jobs[0], Outcome.CACHED, 0.01))
    state.cell_started(jobs[1], attempt(jobs[1]))
    state.cell_finished(ended(jobs[1], Outcome.DONE, 90))
    hostile = ContainerError("task 'infer' ended with exit code 1; the end:\n \x1b[2J")
    state.cell_finished(ended(jobs[2], Outcome.FAILED, 4000, hostile))
    state.cell_waiting(jobs[5], attempt(jobs[5]))
    state.cell_started(jobs[3], attempt(jobs[3]))
    state.phase(jobs[3], Phase.EVALUATE)
    clock.now += 30
    state.cell_started(jobs[4], attempt(jobs[4]))
    state.phase(jobs[4], Phase.INFER)
    state.progress(jobs[4], Bytes("loading image"), 0, 800_000_000)
    clock.now += 10
    state.progress(jobs[4], Bytes("loading image"), 600_000_000, 800_000_000)
    state.say(
        "uni-lab/memorizer: loading \x1b[31mred\x07 image.tar, by a talk that is longer than most lines are"
    )
    return state, jobs


def text(state: RunState, clock: Clock, width: int, height: int) -> str:
    console = Console(file=io.StringIO(), width=width, height=height, color_system=None, highlight=False)
    console.print(drawn(state.picture, clock.now, width=width, height=height))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_table_is_as_it_was_looked_at(width: int, height: int) -> None:
    clock = Clock()
    state, _ = a_run(clock, more=2)
    shown = text(state, clock, width, height)
    file = GOLDEN / f"{width}x{height}.txt"
    if os.environ.get(REWRITE):
        file.parent.mkdir(exist_ok=True)
        file.write_text(shown, encoding="utf-8")
    assert file.read_text(encoding="utf-8") == shown
    assert all(len(line) <= width for line in shown.splitlines())
    assert not set(shown) & set("\x1b\x07")


@pytest.mark.parametrize(("width", "height"), [*SIZES, (200, 60)])
def test_a_hundred_models_never_leave_the_screen(width: int, height: int) -> None:
    clock = Clock()
    state, _ = a_run(clock, more=100)
    lines = text(state, clock, width, height).splitlines()
    assert len(lines) <= max(height - 1, 5)


def test_what_is_under_way_or_failed_is_shown_before_what_waits() -> None:
    clock = Clock()
    state, jobs = a_run(clock, more=100)
    state.cell_started(jobs[-1], attempt(jobs[-1]))
    shown = text(state, clock, 80, 9)
    assert "acme/more-100" in shown
    assert "acme/boosting" in shown
    assert "and 103 more: 100 waiting" in shown


def test_remaining_time_comes_from_what_finished_models_took() -> None:
    clock = Clock()
    state = RunState(clock, parallel=2)
    jobs = [CellJob(SPEC, name) for name in ("a", "b", "c", "d")]
    state.planned(jobs)
    assert state.picture.remaining(clock.now) is None
    state.cell_from_cache(ended(jobs[0], Outcome.CACHED, 0))
    assert state.picture.remaining(clock.now) is None
    state.cell_finished(ended(jobs[1], Outcome.DONE, 100))
    assert state.picture.remaining(clock.now) == 100  # two wait, two at once
    state.cell_started(jobs[2], attempt(jobs[2]))
    clock.now += 40
    assert state.picture.remaining(clock.now) == 80  # 60 of c and 100 of d, two at once
    clock.now += 1000
    assert state.picture.remaining(clock.now) == 50
    state.stopping()
    assert state.picture.remaining(clock.now) is None


def test_a_step_ends_with_its_last_byte_or_with_the_next_line() -> None:
    clock = Clock()
    state, jobs = a_run(clock)
    assert state.picture.rows[4].step == "loading image"
    state.progress(jobs[4], Bytes("loading image"), 8, 8)
    assert (state.picture.rows[4].step, state.picture.rows[4].stage) == ("", Stage.INFER)
    state.progress(jobs[4], "hashing", 1, 8)
    state.said(jobs[4], "running")
    assert (state.picture.rows[4].step, state.picture.talk) == ("", "running")


def test_what_ctrl_c_ended_is_stopped_not_failed() -> None:
    clock = Clock()
    state, jobs = a_run(clock)
    state.stopping()
    state.cell_finished(ended(jobs[4], Outcome.FAILED, 10, InterruptedByUserError("told to end")))
    assert state.picture.rows[4].stage is Stage.STOPPED
    assert "stopping: containers that run are ended" in text(state, clock, 100, 30)
