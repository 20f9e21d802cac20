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

from medperf_cli.adapters.store.locks import exclusive
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
