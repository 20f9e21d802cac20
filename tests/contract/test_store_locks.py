"""The lock: who holds it, who may, and what happens when its holder dies."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from medperf_cli.adapters.store.locks import exclusive, one_of
from medperf_cli.errors import ConfigurationError, ConflictError

HOLD = """
import sys
from pathlib import Path
from medperf_cli.adapters.store.locks import exclusive
with exclusive(Path(sys.argv[1]), "sync"):
    print("held", flush=True)
    sys.stdin.readline()
"""


def test_the_lock_says_who_holds_it_and_ends_with_its_holder(tmp_path: Path) -> None:
    lock = tmp_path / "locks" / "sync"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, lock], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout
        assert other.stdout.readline() == "held\n"
        with (
            pytest.raises(ConflictError, match=rf"locked by sync, process {other.pid} on "),
            exclusive(lock, "sync"),
        ):
            pass
        other.kill()
    with exclusive(lock, "site build"):
        assert lock.read_text().startswith(f"site build, process {os.getpid()}")
    assert lock.read_text() == ""


@pytest.mark.parametrize(("folder_mode", "lock_mode"), [(0o2775, 0o664), (0o755, 0o644)])
def test_whoever_may_write_the_folder_may_hold_its_lock(
    tmp_path: Path, folder_mode: int, lock_mode: int
) -> None:
    folder = tmp_path / "shared.git"
    folder.mkdir()
    folder.chmod(folder_mode)
    with exclusive(folder / "bot.lock", "merge bot"):
        assert stat.S_IMODE((folder / "bot.lock").stat().st_mode) == lock_mode


def test_waiting_for_a_lock(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    entered = threading.Event()

    def hold() -> None:
        with exclusive(lock, "first"):
            entered.set()
            time.sleep(0.1)

    thread = threading.Thread(target=hold)
    thread.start()
    entered.wait()
    with exclusive(lock, "second", wait=10):
        assert lock.read_text().startswith("second")
    thread.join()


def test_a_lock_in_a_place_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(ConfigurationError, match="cannot open the lock"),
        exclusive(tmp_path / "file" / "lock", "x"),
    ):
        pass


def test_one_of_several_locks_is_held_and_without_any_the_work_goes_on(tmp_path: Path) -> None:
    locks = [tmp_path / "1", tmp_path / "2"]
    with one_of(locks, "a", wait=0) as first, one_of(locks, "b", wait=0) as second:
        assert (first, second) == (True, True)
        with one_of(locks, "c", wait=0) as third:
            assert third is False
    with exclusive(locks[0], "d"), one_of(locks, "e", wait=0) as free:
        assert free is True
        with pytest.raises(ConflictError):
            exclusive(locks[1], "f").__enter__()
    with one_of([tmp_path / "1" / "no folder"], "g", wait=9) as none:
        assert none is False


def test_who_waits_for_one_of_several_locks_gets_the_first_that_is_free(tmp_path: Path) -> None:
    locks, got = [tmp_path / "1", tmp_path / "2"], threading.Event()

    def wait() -> None:
        with one_of(locks, "later", wait=30) as held:
            assert held
            got.set()

    waiting = threading.Thread(target=wait)
    with exclusive(locks[0], "a"):
        with exclusive(locks[1], "b"):
            waiting.start()
            assert not got.wait(0.2)
        assert got.wait(30)
    waiting.join()
