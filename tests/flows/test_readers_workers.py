"""History judged by worker processes: one is killed, or their parent is; nothing is lost, nobody stays."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from medperf_cli.flows.reading.sync import sync
from tests.support.dump import dump
from tests.support.hosting import Hosted
from tests.support.office import Office, office

ROOT = Path(__file__).parents[2]
PATIENCE = 30.0
"""Seconds in which a process must have ended that nobody holds up."""

_SYNC = """
import sys
from pathlib import Path
from medperf_cli.errors import MedperfError
from medperf_cli.flows.reading import replay
from medperf_cli.flows.reading.sync import sync
from tests.support.killing import deps_of
from multiprocessing import active_children

class Talk:
    def say(self, text):
        pass
    def progress(self, step, done, total):
        if step == "verify" and done == 1:
            print(*(child.pid for child in active_children()), flush=True)
            sys.stdin.readline()

if __name__ == "__main__":
    replay.STRETCH, replay._WORTH_WORKERS, replay.processors = 1, 0, lambda: 2
    deps = deps_of(Path(sys.argv[1]))
    object.__setattr__(deps, "talk", Talk())
    try:
        print(sync(deps).judged)
    except MedperfError as error:
        print(error.code, error.message, error.hint, sep="|")
"""
"""A sync by two workers; once a change is judged it prints their pids, and waits for a line."""


@pytest.fixture
def anew(host: Hosted) -> Office:
    """A reader whose index is gone, so that all of a dozen changes are judged again."""
    for name in ("forest", "grove", "wood", "heath", "moor", "field", "marsh"):
        host.enter(host.cube(name))
    acme = office(host, "acme")
    (acme.copy / "index.sqlite").unlink()
    return acme


@contextlib.contextmanager
def syncing(who: Office, script: Path) -> Iterator[tuple[subprocess.Popen[bytes], list[int]]]:
    """A sync in the middle of its work, with the pids of its workers."""
    script.write_text(_SYNC)
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    argv = [sys.executable, str(script), str(who.home)]
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=pipe, cwd=ROOT, env=environ) as process:
        assert process.stdout is not None
        workers = [int(word) for word in process.stdout.readline().split()]
        try:
            assert workers, process.stderr and process.stderr.read()
            yield process, workers
        finally:
            process.kill()


def ended(pids: list[int]) -> bool:
    """Wait for processes that are not ours; whether all have ended in time."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            descriptor = os.pidfd_open(pid)
            try:
                if not select.select([descriptor], [], [], PATIENCE)[0]:
                    return False
            finally:
                os.close(descriptor)
    return True


def test_by_workers_or_alone_the_state_is_the_same(anew: Office, tmp_path: Path) -> None:
    with syncing(anew, tmp_path / "sync.py") as (process, workers):
        out, _ = process.communicate(b"\n")
        assert out.strip() == b"12"
        assert ended(workers)
    by_workers = dump(anew.home)
    (anew.copy / "index.sqlite").unlink()
    assert sync(anew.deps).judged == 12
    assert dump(anew.home) == by_workers


def test_a_worker_that_is_killed_is_said_and_nothing_is_lost(anew: Office, tmp_path: Path) -> None:
    with syncing(anew, tmp_path / "sync.py") as (process, workers):
        os.kill(workers[0], signal.SIGKILL)
        assert ended(workers[:1])
        out, _ = process.communicate(b"\n")
        code, message, hint = out.decode().strip().split("|")
        assert (code, message) == ("MP-FAILED", "a worker process was ended from outside")
        assert "run the same command again" in hint
        assert ended(workers)
    assert dump(anew.home) == "MP-CONFIG"
    assert sync(anew.deps).judged == 12


def test_workers_end_with_a_parent_that_is_killed(anew: Office, tmp_path: Path) -> None:
    with syncing(anew, tmp_path / "sync.py") as (process, workers):
        process.kill()
        process.communicate()
        assert ended(workers)
    assert sync(anew.deps).judged == 12
