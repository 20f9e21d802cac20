"""Work spread over processes: order, bounds, errors, and machines that have no processes to give."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from medperf_cli.adapters import workers
from medperf_cli.adapters.processes import born
from medperf_cli.adapters.workers import in_order
from medperf_cli.errors import IntegrityError, MedperfError
from tests.support.cells import eventually


def slow_square(number: int) -> tuple[int, int]:
    if number % 3 == 0:
        time.sleep(0.02)  # so that later jobs end before earlier ones
    return number * number, os.getpid()


def refuses(number: int) -> int:
    raise IntegrityError(f"no {number}", hint="take another")


def test_results_come_in_the_order_of_the_jobs_from_other_processes() -> None:
    found = list(in_order(slow_square, range(12), 2))
    assert [square for square, _ in found] == [n * n for n in range(12)]
    assert os.getpid() not in {pid for _, pid in found}


def test_jobs_are_taken_only_as_far_ahead_as_workers_need() -> None:
    taken: list[int] = []

    def jobs() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    results = in_order(slow_square, jobs(), 2)
    next(results)
    assert len(taken) <= 5


def test_what_a_job_raises_arrives_with_its_hint() -> None:
    with pytest.raises(IntegrityError, match="no 1") as refused:
        list(in_order(refuses, [1], 1))
    assert refused.value.hint == "take another"


@pytest.mark.parametrize("where", ["at the start", "at a job"])
def test_without_processes_the_work_is_done_here(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def lacks(*_: object, **__: object) -> None:
        raise OSError(38, "Function not implemented")

    if where == "at the start":
        monkeypatch.setattr(workers, "ProcessPoolExecutor", lacks)
    else:
        monkeypatch.setattr(workers.ProcessPoolExecutor, "submit", lacks)
    assert list(in_order(slow_square, [2, 3], 2)) == [(4, os.getpid()), (9, os.getpid())]


PARENT = """
import os, sys, time
from medperf_cli.adapters.workers import in_order

def tell(path):
    with open(f"{path}/{os.getpid()}", "w"):
        pass
    time.sleep(60)

if __name__ == "__main__":
    list(in_order(tell, [sys.argv[1]] * 2, 2))
"""


def test_workers_of_a_killed_parent_end_too(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    told = tmp_path / "told"
    told.mkdir()
    parent = subprocess.Popen([sys.executable, script, told])
    eventually(lambda: len(list(told.iterdir())) == 2)
    pids = [int(path.name) for path in told.iterdir()]
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    eventually(lambda: all(born(pid) is None for pid in pids))


def test_a_killed_worker_is_an_error_with_a_next_step() -> None:
    with pytest.raises(MedperfError, match="ended from outside") as refused:
        list(in_order(kills_itself, [0], 1))
    assert "run the same command again" in refused.value.hint


def kills_itself(_: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)
