"""A reader killed at any moment: the old state stays usable, and the next try ends well."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from medperf_cli.adapters.store.settings import save
from medperf_cli.errors import MedperfError
from medperf_cli.flows.reading.explain import explain
from medperf_cli.flows.reading.sync import sync
from tests.support.dump import dump
from tests.support.hosting import Hosted
from tests.support.office import Office, office

ROOT = Path(__file__).parents[2]
MEDPERF = Path(sys.executable).with_name("medperf")
EVERY = 10_000


@pytest.fixture
def behind(host: Hosted) -> Office:
    """A reader who has not seen the last three changes."""
    acme = office(host, "acme")
    for name in ("forest", "grove", "wood"):
        host.enter(host.cube(name))
    return acme


def killed(who: Office, points: int, **more: Any) -> dict[str, Any]:
    """What was left by each of up to `points` kills, by the helper process."""
    scratch = who.host.folder / "scratch"
    scratch.mkdir(exist_ok=True)
    plan = {"home": str(who.home), "scratch": str(scratch), "points": points, **more}
    argv = [sys.executable, "-m", "tests.support.killing"]
    done = subprocess.run(argv, input=json.dumps(plan), capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def settled(found: dict[str, Any], *, least: int) -> None:
    """See that every kill hit, left the old state or the new one, and that the next try gave the new one."""
    assert found["changes"]
    assert found["steps"] >= least
    # The last step of one run may not be there in another.
    assert [k for k in found["killed"][:-1] if k["code"] != -signal.SIGKILL] == []
    assert [k for k in found["killed"] if k["left"] not in ("old", "new")] == []
    assert [k for k in found["killed"] if k["again"] != 0 or not k["right"]] == []
    assert {"old", "new"} == {k["left"] for k in found["killed"]}


def test_killed_at_every_step_of_a_sync(behind: Office) -> None:
    found = killed(behind, EVERY)
    settled(found, least=30)
    assert len(found["killed"]) == found["steps"]


def test_killed_while_many_changes_are_written_beside_the_index(behind: Office) -> None:
    settled(killed(behind, 16, aside=True), least=30)


@pytest.mark.parametrize("damage", [Path.unlink, lambda index: index.write_bytes(b"no database")])
def test_killed_while_a_damaged_index_is_made_anew(behind: Office, damage: Callable[[Path], object]) -> None:
    whole = dump(behind.home)
    damage(behind.copy / "index.sqlite")
    settled(killed(behind, 16, whole=whole), least=30)


def test_killed_while_a_registry_is_added(host: Hosted) -> None:
    who = office(host, "acme", add=False)
    save(who.settings, {"member": "acme"})
    settled(killed(who, 16, add=(host.url, who.root)), least=30)


# --- from outside, at moments nobody chose


def medperf(who: Office, *words: str) -> subprocess.Popen[bytes]:
    """The command as a process group of its own."""
    argv = [MEDPERF, *words]
    environ = {**os.environ, "MEDPERF_HOME": str(who.home)}
    return subprocess.Popen(
        argv,
        env=environ,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def done(process: subprocess.Popen[bytes]) -> bool:
    """Whether it ended well."""
    _, said = process.communicate()
    assert process.returncode == 0, said
    return True


@pytest.mark.parametrize("whom", ["the command alone", "all it started"])
def test_killed_at_any_moment_by_chance(behind: Office, whom: str) -> None:
    """The moments are spread over the time that a whole sync takes; the last try is left alone."""
    before, chance = dump(behind.home), random.Random(7)  # noqa: S311 - moments, no secrets
    kept = behind.host.folder / "kept"
    shutil.copytree(behind.home, kept, symlinks=True)
    assert done(medperf(behind, "registry", "sync"))
    after = dump(behind.home)
    assert before != after
    for _ in range(6):
        shutil.rmtree(behind.home)
        shutil.copytree(kept, behind.home, symlinks=True)
        process = medperf(behind, "registry", "sync")
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=chance.uniform(0.2, 1.5))
        with contextlib.suppress(ProcessLookupError):
            if whom == "all it started":
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
        process.communicate()
        assert dump(behind.home) in (before, after)
        assert done(medperf(behind, "registry", "sync"))
        assert dump(behind.home) == after


@pytest.mark.parametrize(
    "lock",
    [
        "refs/remotes/origin/main.lock",
        "refs/medperf/verified.lock",
        "packed-refs.lock",
        "HEAD.lock",
        "config.lock",
        "shallow.lock",
        "index.lock",
    ],
)
def test_a_lock_that_a_killed_git_left_does_not_stop_the_next_sync(behind: Office, lock: str) -> None:
    left = behind.copy / "mirror.git" / lock
    left.parent.mkdir(parents=True, exist_ok=True)
    left.touch()
    assert sync(behind.deps).judged == 3
    assert not left.exists()


def test_half_of_a_transaction_is_undone_by_whoever_reads_next(behind: Office) -> None:
    """A journal as a killed writer leaves it; the reader that finds it rolls back."""
    before = dump(behind.home)
    index = behind.copy / "index.sqlite"
    writer = subprocess.Popen(
        [sys.executable, "-c", _HALF, str(index)], stdout=subprocess.PIPE, start_new_session=True
    )
    assert writer.stdout is not None
    assert writer.stdout.readline() == b"written\n"
    writer.kill()
    writer.communicate()
    journal = index.with_name("index.sqlite-journal")
    assert journal.stat().st_size > 0
    assert dump(behind.home) == before
    assert sync(behind.deps).judged == 3


_HALF = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("PRAGMA cache_size = 1")
db.execute("PRAGMA cache_spill = 1")
db.execute("BEGIN IMMEDIATE")
db.execute("UPDATE entities SET standing = 'revoked', document = document || printf('%.20000c', 'x')")
print("written", flush=True)
import signal
signal.pause()
"""


# --- two at once


def test_two_processes_that_sync_at_once_both_end_well(behind: Office) -> None:
    alone = behind.host.folder / "alone"
    shutil.copytree(behind.home, alone, symlinks=True)
    both = [medperf(behind, "registry", "sync") for _ in range(4)]
    ended = [process.communicate() for process in both]
    assert [process.returncode for process in both] == [0] * 4, ended
    # One of them judged what was new; to the others nothing was.
    said = sorted(stderr.decode().rpartition(": ")[2].strip() for _, stderr in ended)
    assert said == ["0 new changes"] * 3 + ["3 new changes"]
    one = Office(behind.host, alone, behind.settings)
    assert done(medperf(one, "registry", "sync"))
    assert dump(behind.home) == dump(alone)


def test_readers_beside_a_sync_see_the_old_state_or_the_new_one(behind: Office) -> None:
    before = dump(behind.home)
    process = medperf(behind, "registry", "sync")
    seen = []
    while process.poll() is None:
        seen.append(dump(behind.home))
    process.communicate()
    after = dump(behind.home)
    assert seen
    assert [s for s in seen if s not in (before, after)] == []


def test_an_index_without_any_verified_commit_lists_nothing_as_if_it_were_all(behind: Office) -> None:
    """What a kill right after the index was begun anew leaves is no registry without members."""
    with contextlib.closing(sqlite3.connect(behind.copy / "index.sqlite")) as index:
        index.execute("UPDATE meta SET value = '' WHERE key = 'verified_commit'")
        index.execute("DELETE FROM entities")
        index.commit()
    assert dump(behind.home) == "MP-CONFIG"
    with pytest.raises(MedperfError, match="was not synced yet"):
        explain(behind.deps, "acme")
    assert sync(behind.deps).judged == 8
