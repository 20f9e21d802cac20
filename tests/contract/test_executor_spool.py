"""The spool: who may run a cell, what counts as finished, and what damage and dead processes cost."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from medperf_cli.adapters.executor.base import Attempt
from medperf_cli.adapters.executor.cell import Phase, cell_key
from medperf_cli.adapters.executor.holder import Holder, this_process
from medperf_cli.adapters.executor.outputs import list_outputs
from medperf_cli.adapters.executor.spool import Grant, Spool
from medperf_cli.adapters.executor.status import State
from medperf_cli.errors import (
    ConflictError,
    ContainerError,
    InterruptedByUserError,
)
from tests.support.cells import NOON, ROOT, begin, complete, make_spec, make_spool, write_outputs

SPEC = make_spec()
KEY = cell_key(SPEC)
ELSEWHERE = Holder(machine="node-7 another-boot pid:[1]", pid=1, born="1", nonce="0" * 32)


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return make_spool(tmp_path)


def leave_to(spool: Spool, holder: Holder, *, seconds_ago: float = 0) -> Attempt:
    """An attempt as another process left it: `running`, with its lock."""
    attempt = begin(spool)
    lock = attempt.folder / "lock"
    lock.write_bytes(holder.to_bytes())
    last_beat = lock.stat().st_mtime - seconds_ago
    os.utime(lock, (last_beat, last_beat))
    return attempt


def test_a_finished_cell_is_found_again_with_its_record(spool: Spool, tmp_path: Path) -> None:
    attempt = begin(spool)
    with spool.holding(attempt):
        spool.note_phase(attempt, Phase.INFER)
        assert spool.status(attempt).state is State.RUNNING
        assert str(os.getpid()) in str(spool.holder(attempt))
        write_outputs(attempt)
        spool.finish(attempt, list_outputs(attempt.output_folders))
    status = spool.status(attempt)
    assert (status.state, status.phase) == (State.DONE, Phase.INFER)
    assert (status.started, status.ended) == ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00Z")
    assert status.outputs == {
        "predictions/cases.csv": hashlib.sha256(b"a,0.5\n").hexdigest(),
        "results/results.yaml": hashlib.sha256(b"auc: 0.9\n").hexdigest(),
    }
    assert make_spool(tmp_path).finished(KEY) == attempt
    assert make_spool(tmp_path).claim(SPEC) == (Grant.FINISHED, attempt)
    assert spool.holder(attempt) is None


def test_the_folder_is_the_checksum_of_the_spec_beside_the_attempts(spool: Spool, tmp_path: Path) -> None:
    complete(spool)
    spec = tmp_path / "runs" / KEY / "spec.json"
    assert hashlib.sha256(spec.read_bytes()).hexdigest() == KEY
    assert sorted(path.name for path in spec.parent.iterdir()) == ["attempt-1", "spec.json"]
    assert (tmp_path / "runs").stat().st_mode & 0o077 == 0
    assert spool.cells() == [KEY]


def test_an_empty_spool_has_nothing_and_is_not_made_by_looking(spool: Spool, tmp_path: Path) -> None:
    assert spool.cells() == []
    assert spool.attempts(KEY) == []
    assert spool.finished(KEY) is None
    assert list(tmp_path.iterdir()) == []


def test_no_cache_keeps_the_earlier_attempt(spool: Spool) -> None:
    first, second = complete(spool), complete(spool, no_cache=True)
    assert spool.attempts(KEY) == [first, second]
    assert (first.results / "results.yaml").read_text() == "auc: 0.9\n"


def test_after_a_failed_attempt_the_next_is_a_new_one(spool: Spool) -> None:
    attempt = begin(spool)
    with spool.holding(attempt):
        spool.fail(attempt, ContainerError("exit code 3"))
    status = spool.status(attempt)
    assert (status.state, status.code, status.message) == (State.FAILED, "MP-CONTAINER", "exit code 3")
    assert complete(spool).number == 2


def test_leaving_without_a_word_is_an_interruption(spool: Spool) -> None:
    attempt = begin(spool)
    with pytest.raises(RuntimeError), spool.holding(attempt):
        raise RuntimeError
    assert spool.status(attempt).state is State.INTERRUPTED
    assert spool.holder(attempt) is None


def test_being_told_to_end_is_an_interruption_whatever_error_it_causes(spool: Spool) -> None:
    attempt = begin(spool)
    with spool.holding(attempt):
        attempt.cancellation.request()
        with pytest.raises(InterruptedByUserError):
            attempt.cancellation.check()
        spool.fail(attempt, ContainerError("exit code 137"))
    assert spool.status(attempt).state is State.INTERRUPTED


def test_a_cell_somebody_is_at_is_busy_and_an_older_finished_attempt_serves(spool: Spool) -> None:
    done = complete(spool)
    again = begin(spool, no_cache=True)
    with spool.holding(again):
        assert spool.claim(SPEC, no_cache=True) == (Grant.BUSY, again)
        assert spool.claim(SPEC) == (Grant.FINISHED, done)


class LateLook(Spool):
    """Looks at the lock only after the process that held it has finished."""

    def _is_held(self, attempt: Attempt) -> bool:
        write_outputs(attempt)
        self.finish(attempt, list_outputs(attempt.output_folders))
        (attempt.folder / "lock").unlink()
        return super()._is_held(attempt)


def test_an_attempt_that_ends_while_it_is_looked_at_is_not_run_again(spool: Spool, tmp_path: Path) -> None:
    attempt = begin(spool)
    assert LateLook(tmp_path, clock=lambda: NOON).claim(SPEC) == (Grant.FINISHED, attempt)
    again = begin(spool, no_cache=True)
    assert LateLook(tmp_path, clock=lambda: NOON).status(again).state is State.DONE


def test_another_machine_is_believed_while_its_heart_beats(spool: Spool) -> None:
    attempt = leave_to(spool, ELSEWHERE, seconds_ago=50)
    assert spool.claim(SPEC) == (Grant.BUSY, attempt)
    assert spool.status(attempt).state is State.RUNNING


@pytest.mark.parametrize("seconds_ago", [70, -7000])
def test_a_silent_machine_is_taken_over(spool: Spool, seconds_ago: float) -> None:
    lost = leave_to(spool, ELSEWHERE, seconds_ago=seconds_ago)
    assert spool.status(lost).state is State.INTERRUPTED
    assert complete(spool).number == 2


def test_on_this_machine_a_pid_that_was_given_away_again_is_no_life(spool: Spool) -> None:
    leave_to(spool, replace(this_process(), born="1"))
    assert complete(spool).number == 2


def test_on_this_machine_a_living_process_that_slept_is_not_robbed(spool: Spool) -> None:
    attempt = leave_to(spool, this_process(), seconds_ago=7000)
    assert spool.claim(SPEC) == (Grant.BUSY, attempt)


def test_a_process_that_died_but_was_not_reaped_is_dead(spool: Spool, tmp_path: Path) -> None:
    code = "import sys, pathlib; from tests.support.cells import *\n"
    code += "print(make_spool(pathlib.Path(sys.argv[1])).claim(make_spec())[0])"
    child = subprocess.Popen([sys.executable, "-c", code, tmp_path], cwd=ROOT, stdout=subprocess.PIPE)
    assert child.stdout is not None
    with child.stdout:
        assert child.stdout.read() == b"yours\n"
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert spool.status(spool.attempts(KEY)[0]).state is State.INTERRUPTED
    assert complete(spool).number == 2
    child.wait()


def test_of_many_that_take_over_a_dead_attempt_one_gets_it(tmp_path: Path) -> None:
    many = 8
    for round_number in range(10):
        spool = make_spool(tmp_path / str(round_number))
        leave_to(spool, ELSEWHERE, seconds_ago=70)
        start = threading.Barrier(many)

        def rush(spool: Spool = spool, start: threading.Barrier = start) -> tuple[Grant, Attempt]:
            start.wait(10)
            return spool.claim(SPEC)

        with ThreadPoolExecutor(many) as pool:
            claims = [future.result() for future in [pool.submit(rush) for _ in range(many)]]
        assert sorted(grant for grant, _ in claims) == [Grant.BUSY] * (many - 1) + [Grant.YOURS]
        assert {attempt.number for _, attempt in claims} == {2}


def test_who_was_taken_for_dead_is_told_and_cannot_finish(spool: Spool) -> None:
    attempt = begin(spool)
    stopped = threading.Event()
    with spool.holding(attempt), attempt.cancellation.calling(stopped.set):
        write_outputs(attempt)
        (attempt.folder.parent / "attempt-2").mkdir()
        assert stopped.wait(10)
        with pytest.raises(ConflictError, match="taken over"):
            spool.finish(attempt, list_outputs(attempt.output_folders))


def test_a_removed_attempt_ends_its_work(spool: Spool) -> None:
    attempt = begin(spool)
    with spool.holding(attempt):
        attempt.folder.rename(attempt.folder.parent / "away")
        assert attempt.cancellation.wait(10)


def test_a_heart_beats_while_the_claim_is_held(spool: Spool) -> None:
    attempt = begin(spool)
    lock = attempt.folder / "lock"
    os.utime(lock, (0, 0))
    with spool.holding(attempt):
        assert not attempt.cancellation.wait(0.2)
        assert lock.stat().st_mtime > 0


def test_a_stop_that_comes_too_late_to_be_called_is_called_at_once(spool: Spool) -> None:
    attempt = begin(spool)
    attempt.cancellation.request()
    calls: list[str] = []
    with attempt.cancellation.calling(lambda: calls.append("stop")):
        assert calls == ["stop"]
    with attempt.cancellation.calling(lambda: calls.append("again")):
        attempt.cancellation.request()
    assert calls == ["stop", "again"]
