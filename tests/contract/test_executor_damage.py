"""The spool among damage: edited outputs, broken records, hostile files, full disks."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from medperf_cli.adapters.executor.cell import cell_key
from medperf_cli.adapters.executor.holder import this_process
from medperf_cli.adapters.executor.outputs import list_outputs
from medperf_cli.adapters.executor.spool import Grant, Spool
from medperf_cli.adapters.executor.status import State
from medperf_cli.adapters.files import write_atomic, writing
from medperf_cli.errors import ConfigurationError, ContainerError, IntegrityError
from tests.support.cells import begin, complete, make_spec, make_spool, write_outputs

SPEC = make_spec()
KEY = cell_key(SPEC)


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return make_spool(tmp_path)


def edit(path: Path) -> None:
    path.write_text("auc: 1.0\n")


def replace_by_link(path: Path) -> None:
    path.rename(path.with_suffix(".moved"))
    path.symlink_to(path.with_suffix(".moved"))


def replace_by_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("damage", [edit, Path.unlink, replace_by_link, replace_by_pipe])
def test_a_changed_output_is_named_and_only_no_cache_goes_on(
    spool: Spool, damage: Callable[[Path], None]
) -> None:
    attempt = complete(spool)
    damage(attempt.results / "results.yaml")
    with pytest.raises(IntegrityError, match=r"attempt-1/results/results\.yaml") as caught:
        spool.claim(SPEC)
    assert caught.value.hint == "run again with --no-cache"
    again = complete(spool, no_cache=True)
    assert again.number == 2
    assert spool.finished(KEY) == again


@pytest.mark.parametrize("data", [b"", b"{}", b'{"state":"done"}', b"\xff\0", b"null", None])
def test_a_damaged_record_counts_as_failed(spool: Spool, data: bytes | None) -> None:
    attempt = complete(spool)
    status = attempt.folder / "status.json"
    status.unlink() if data is None else status.write_bytes(data)
    assert spool.status(attempt).state is State.FAILED
    assert "status.json" in spool.status(attempt).message
    assert complete(spool).number == 2


def test_a_damaged_record_of_a_living_process_is_still_busy_and_mends(spool: Spool) -> None:
    attempt = begin(spool)
    with spool.holding(attempt):
        (attempt.folder / "status.json").write_bytes(b"?")
        assert spool.claim(SPEC) == (Grant.BUSY, attempt)
        write_outputs(attempt)
        spool.finish(attempt, list_outputs(attempt.output_folders))
    assert spool.finished(KEY) == attempt


@pytest.mark.parametrize("data", [b"", b"[]", b'{"pid": "1"}', b'{"pid": 1, "x": 2}', b"\xff"])
def test_a_damaged_lock_holds_until_it_is_stale(spool: Spool, data: bytes) -> None:
    attempt = begin(spool)
    lock = attempt.folder / "lock"
    lock.write_bytes(data)
    assert spool.claim(SPEC)[0] is Grant.BUSY
    os.utime(lock, (0, 0))
    assert complete(spool).number == 2


def test_what_is_no_attempt_is_passed_over(spool: Spool, tmp_path: Path) -> None:
    cell = tmp_path / "runs" / KEY
    cell.mkdir(parents=True)
    for name in ("attempt-0", "attempt-x", "attempt-1.bak", "notes"):
        (cell / name).mkdir()
    (cell / "attempt-3").write_text("a file in the way")
    (cell / "spec.json").write_text("damaged")
    assert complete(spool).number == 4
    assert hashlib.sha256((cell / "spec.json").read_bytes()).hexdigest() == KEY


def test_drafts_of_killed_processes_are_swept_and_those_of_living_ones_are_not(
    spool: Spool, tmp_path: Path
) -> None:
    cell = tmp_path / "runs" / KEY
    for name, holder in (("dead", replace(this_process(), born="1")), ("alive", this_process())):
        (cell / f".new-{name}").mkdir(parents=True)
        (cell / f".new-{name}" / "lock").write_bytes(holder.to_bytes())
    (cell / ".new-young").mkdir()
    (cell / ".new-old").mkdir()
    os.utime(cell / ".new-old", (0, 0))
    complete(spool)
    assert sorted(path.name for path in cell.glob(".new-*")) == [".new-alive", ".new-young"]


def test_an_attempt_that_wrote_nothing_is_not_done(spool: Spool) -> None:
    attempt = begin(spool)
    with spool.holding(attempt), pytest.raises(ContainerError, match="wrote no output"):
        spool.finish(attempt, list_outputs(attempt.output_folders))


def test_a_pipe_among_the_outputs_is_refused_and_not_read(spool: Spool) -> None:
    attempt = begin(spool)
    os.mkfifo(attempt.results / "results.yaml")
    with spool.holding(attempt), pytest.raises(ContainerError, match="neither a file"):
        spool.finish(attempt, list_outputs(attempt.output_folders))


def test_symlinks_are_recorded_as_such_and_never_followed(spool: Spool, tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key").write_text("private")
    attempt = begin(spool)
    attempt.local_outputs.rmdir()
    links = (attempt.local_outputs, attempt.predictions / "folder", attempt.predictions / "nowhere")
    for link in links:
        link.symlink_to(tmp_path / ("secret" if link.name != "nowhere" else "missing"))
    assert set(list_outputs(attempt.output_folders)) == set(links)
    with spool.holding(attempt):
        spool.finish(attempt, links)
    assert all(digest.startswith("link:") for digest in spool.status(attempt).outputs.values())
    links[1].unlink()
    links[1].symlink_to(tmp_path)
    with pytest.raises(IntegrityError, match="predictions/folder"):
        spool.finished(KEY)


def test_a_file_name_that_is_no_text_survives(spool: Spool) -> None:
    attempt = begin(spool)
    path = attempt.results / os.fsdecode(b"r\xff.yaml")
    path.write_text("x")
    with spool.holding(attempt):
        spool.finish(attempt, [path])
    assert spool.finished(KEY) == attempt


def test_a_full_disk_says_so_and_what_to_do(tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    with pytest.raises(ConfigurationError, match="no space left to write") as caught, writing(tmp_path):
        full.write_bytes(b"x")
    assert "free some space" in caught.value.hint


def test_a_file_in_the_way_of_the_spool_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("not a folder")
    with pytest.raises(ConfigurationError, match="runs"):
        make_spool(tmp_path).claim(SPEC)


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "inside").touch()
    with pytest.raises(ConfigurationError, match="cannot use"):
        write_atomic(tmp_path / "folder", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
    write_atomic(tmp_path / "file", b"old")
    write_atomic(tmp_path / "file", b"new", mode=0o600)
    assert (tmp_path / "file").read_bytes() == b"new"
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600
