"""The local executor, in this process and in real ones that race, are killed and are interrupted."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from medperf_cli.adapters.executor.base import Attempt, CellJob, CellReport, Executor, Observer, Outcome
from medperf_cli.adapters.executor.cell import Phase, cell_key
from medperf_cli.adapters.executor.holder import this_process
from medperf_cli.adapters.executor.local import LocalExecutor
from medperf_cli.adapters.executor.outputs import list_outputs
from medperf_cli.adapters.executor.spool import Spool
from medperf_cli.adapters.executor.status import CellStatus, State
from medperf_cli.adapters.executor.taking import attempt_at, take
from medperf_cli.errors import ConfigurationError, ContainerError
from tests.support.cells import (
    ended,
    eventually,
    good_work,
    make_job,
    make_spec,
    make_spool,
    spawn,
    write_outputs,
)

KEY = cell_key(make_spec())


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return make_spool(tmp_path)


def make_executor(spool: Spool, parallel: int = 1) -> Executor:
    return LocalExecutor(spool, parallel=parallel, poll_seconds=0.02)


class Listener:
    """Writes down what it is told, as one line each."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def planned(self, jobs: Sequence[CellJob]) -> None:
        assert jobs

    def said(self, job: CellJob, text: str) -> None:
        self.lines.append(f"{job.label} said {text}")

    def progress(self, job: CellJob, step: str, done: int, total: int | None) -> None:
        self.lines.append(f"{job.label} {step} {done} of {total}")

    def stopping(self) -> None:
        self.lines.append("stopping")

    def cell_waiting(self, job: CellJob, attempt: Attempt) -> None:
        self.lines.append(f"{job.label} waits for attempt {attempt.number}")

    def cell_started(self, job: CellJob, attempt: Attempt) -> None:
        self.lines.append(f"{job.label} started attempt {attempt.number}")

    def phase(self, job: CellJob, phase: Phase) -> None:
        self.lines.append(f"{job.label} {phase}")

    def cell_from_cache(self, report: CellReport) -> None:
        self.lines.append(f"{report.job.label} {report.outcome}")

    def cell_finished(self, report: CellReport) -> None:
        self.lines.append(f"{report.job.label} {report.outcome} {report.code}".strip())


def never(job: CellJob, _attempt: Attempt, _observer: Observer) -> None:
    pytest.fail(f"'{job.label}' was run")


def test_the_second_run_takes_everything_from_the_first(spool: Spool) -> None:
    jobs = [make_job("unet"), make_job("resnet")]
    listener = Listener()
    first = make_executor(spool).run(jobs, good_work, listener)
    assert [report.outcome for report in first] == [Outcome.DONE, Outcome.DONE]
    second = make_executor(spool).run(jobs[::-1], never, listener)
    assert [report.outcome for report in second] == [Outcome.CACHED, Outcome.CACHED]
    assert [report.attempt for report in second] == [report.attempt for report in first[::-1]]
    assert listener.lines == [
        "unet started attempt 1",
        "unet infer",
        "unet evaluate",
        "unet done",
        "resnet started attempt 1",
        "resnet infer",
        "resnet evaluate",
        "resnet done",
        "resnet cached",
        "unet cached",
    ]


def test_no_cache_runs_it_again(spool: Spool) -> None:
    for number in (1, 2):
        (report,) = make_executor(spool).run([make_job(no_cache=True)], good_work)
        assert report.attempt is not None
        assert (report.outcome, report.attempt.number) == (Outcome.DONE, number)


def test_no_jobs_are_no_reports(spool: Spool) -> None:
    assert make_executor(spool).run([], never) == []


def test_a_cell_named_twice_runs_once(spool: Spool) -> None:
    reports = make_executor(spool, parallel=2).run([make_job(), make_job()], good_work)
    assert sorted(report.outcome for report in reports) == [Outcome.CACHED, Outcome.DONE]


def test_cells_run_side_by_side_and_report_in_order(spool: Spool) -> None:
    meeting = threading.Barrier(2)

    def work(job: CellJob, attempt: Attempt, observer: Observer) -> None:
        meeting.wait(10)
        good_work(job, attempt, observer)

    labels = ["m1", "m2", "m3", "m4"]
    reports = make_executor(spool, parallel=2).run([make_job(label) for label in labels], work)
    assert [report.job.label for report in reports] == labels
    assert {report.outcome for report in reports} == {Outcome.DONE}


def test_no_more_cells_run_at_once_than_allowed(spool: Spool) -> None:
    seats = threading.Semaphore(2)

    def work(job: CellJob, attempt: Attempt, observer: Observer) -> None:
        assert seats.acquire(blocking=False)
        attempt.cancellation.wait(0.01)
        seats.release()
        good_work(job, attempt, observer)

    reports = make_executor(spool, parallel=2).run([make_job(f"m{i}") for i in range(8)], work)
    assert {report.outcome for report in reports} == {Outcome.DONE}


def test_a_failed_cell_leaves_the_others_alone_and_runs_again_next_time(spool: Spool) -> None:
    def work(job: CellJob, attempt: Attempt, observer: Observer) -> None:
        if job.label == "broken":
            observer.phase(job, Phase.INFER)
            raise ContainerError("'infer' ended with exit code 3")
        good_work(job, attempt, observer)

    jobs = [make_job("broken"), make_job("unet")]
    failed, done = make_executor(spool).run(jobs, work)
    assert (failed.outcome, failed.code, done.outcome) == (Outcome.FAILED, "MP-CONTAINER", Outcome.DONE)
    assert failed.attempt is not None
    status = spool.status(failed.attempt)
    assert (status.state, status.phase) == (State.FAILED, Phase.INFER)
    assert status.message == "'infer' ended with exit code 3"
    repaired, cached = make_executor(spool).run(jobs, good_work)
    assert (repaired.outcome, cached.outcome) == (Outcome.DONE, Outcome.CACHED)


def test_a_bug_is_recorded_and_raised_once_the_others_are_done(spool: Spool) -> None:
    def work(job: CellJob, attempt: Attempt, observer: Observer) -> None:
        if job.label == "buggy":
            raise KeyError("oops")
        good_work(job, attempt, observer)

    listener = Listener()
    with pytest.raises(KeyError, match="oops") as caught:
        make_executor(spool).run([make_job("buggy"), make_job("unet")], work, listener)
    assert "in cell 'buggy'" in caught.value.__notes__[0]
    assert listener.lines[-4:] == ["unet started attempt 1", "unet infer", "unet evaluate", "unet done"]
    status = spool.status(spool.attempts(cell_key(make_spec("buggy")))[0])
    assert (status.state, status.code) == (State.FAILED, "MP-BUG")


def test_an_observer_that_breaks_is_a_bug_too(spool: Spool) -> None:
    class Broken(Listener):
        def cell_finished(self, report: CellReport) -> None:
            raise RuntimeError(report.job.label)

    with pytest.raises(RuntimeError, match="unet"):
        make_executor(spool).run([make_job()], good_work, Broken())


def test_an_edited_output_fails_that_cell_only(spool: Spool) -> None:
    jobs = [make_job("unet"), make_job("resnet")]
    first, _ = make_executor(spool).run(jobs, good_work)
    assert first.attempt is not None
    (first.attempt.results / "results.yaml").write_text("auc: 1.0\n")
    edited, cached = make_executor(spool).run(jobs, never)
    assert (edited.outcome, edited.code, edited.attempt) == (Outcome.FAILED, "MP-INTEGRITY", None)
    assert cached.outcome is Outcome.CACHED


def test_nothing_to_write_is_a_failure(spool: Spool) -> None:
    (report,) = make_executor(spool).run([make_job()], lambda _job, _attempt, _observer: None)
    assert (report.outcome, report.code) == (Outcome.FAILED, "MP-CONTAINER")


def test_at_least_one_cell_at_once(spool: Spool) -> None:
    with pytest.raises(ConfigurationError, match="'0' cells at once"):
        make_executor(spool, parallel=0)


def test_a_cell_that_another_machine_took_over_comes_from_there(spool: Spool) -> None:
    def work(job: CellJob, attempt: Attempt, _observer: Observer) -> None:
        other = attempt_at(attempt.folder.parent, attempt.number + 1)
        running = CellStatus(state=State.RUNNING)
        assert take(other, this_process(), {"status.json": running.to_bytes()})
        told = attempt.cancellation.wait(10)
        write_outputs(other)
        spool.finish(other, list_outputs(other.output_folders))
        assert told, "was not told that it lost the cell"
        raise ContainerError(f"the container of '{job.label}' was stopped")

    listener = Listener()
    (report,) = make_executor(spool).run([make_job()], work, listener)
    assert report.attempt is not None
    assert (report.outcome, report.attempt.number) == (Outcome.CACHED, 2)
    assert [spool.status(a).state for a in spool.attempts(KEY)] == [State.INTERRUPTED, State.DONE]
    assert listener.lines == ["unet started attempt 1", "unet waits for attempt 1", "unet cached"]


def test_two_processes_and_one_cell(tmp_path: Path) -> None:
    outcomes = [ended(process) for process in [spawn("counted", tmp_path) for _ in range(3)]]
    assert sorted(outcomes) == ["cached", "cached", "done"]
    assert len((tmp_path / "count").read_text().splitlines()) == 1


def test_killed_in_the_middle_the_same_command_goes_on(spool: Spool, tmp_path: Path) -> None:
    process = spawn("hanging", tmp_path)
    ready = tmp_path / "runs" / KEY / "attempt-1" / "ready"
    eventually(ready.exists)
    process.kill()
    ended(process)
    (lost,) = spool.attempts(KEY)
    assert (spool.status(lost).state, spool.status(lost).phase) == (State.INTERRUPTED, Phase.INFER)
    (report,) = make_executor(spool).run([make_job()], good_work)
    assert report.attempt is not None
    assert (report.outcome, report.attempt.number) == (Outcome.DONE, 2)
    assert (lost.predictions / "cases.csv").read_text() == "half"


@pytest.mark.parametrize("presses", [1, 3])
def test_ctrl_c_waits_for_the_work_to_stop_and_lets_go(spool: Spool, tmp_path: Path, presses: int) -> None:
    process = spawn("hanging", tmp_path)
    folder = tmp_path / "runs" / KEY / "attempt-1"
    eventually((folder / "ready").exists)
    for _ in range(presses):
        process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.05)
    printed = ended(process)
    assert process.returncode == 130
    assert printed == "MP-INTERRUPTED: stopped with 0 of 1 cells finished"
    assert (folder / "stopped").exists()
    (attempt,) = spool.attempts(KEY)
    assert spool.holder(attempt) is None
    assert (spool.status(attempt).state, spool.status(attempt).code) == (State.INTERRUPTED, "MP-INTERRUPTED")
    (report,) = make_executor(spool).run([make_job()], good_work)
    assert report.outcome is Outcome.DONE


def test_a_spool_without_write_permission_says_so_and_what_is_there_still_serves(
    spool: Spool, tmp_path: Path
) -> None:
    # root may write anywhere until that capability is dropped
    drop = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    if drop and not shutil.which("setpriv"):
        pytest.skip("root without setpriv cannot give up its right to write")
    tmp_path.chmod(0o500)
    try:
        printed = ended(spawn("counted", tmp_path, drop))
    finally:
        tmp_path.chmod(0o700)
    assert printed == f"failed MP-CONFIG no permission for '{tmp_path / 'runs'}'"
    make_executor(spool).run([make_job()], good_work)
    cell = tmp_path / "runs" / KEY
    cell.chmod(0o500)
    try:
        assert ended(spawn("counted", tmp_path, drop)) == "cached"
    finally:
        cell.chmod(0o700)


def test_a_disk_that_fills_up_says_so(tmp_path: Path) -> None:
    mount = f'mount -t tmpfs -o size=256k none "{tmp_path}" && exec "$@"'
    private = ["unshare", "--mount", "--map-root-user", "sh", "-c", mount, "sh"]
    if not shutil.which("unshare") or subprocess.run([*private, "true"], check=False).returncode:
        pytest.skip("no small file system can be mounted here")
    printed = ended(spawn("filling", tmp_path, private))
    assert printed.startswith("failed MP-CONFIG no space left to write")
    assert "attempt-1" in printed
