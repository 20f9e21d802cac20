"""A disk that is full, and one that failing cubes would fill: locks are held, attempts do not pile up."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from medperf_cli.adapters.executor.base import Attempt
from medperf_cli.adapters.executor.cell import Phase
from medperf_cli.adapters.executor.spool import Spool
from medperf_cli.adapters.executor.status import State
from medperf_cli.adapters.store.locks import exclusive
from medperf_cli.errors import ConflictError, ContainerError
from tests.support.cells import begin, complete, make_spool


def fail(spool: Spool) -> Attempt:
    attempt = begin(spool)
    with spool.holding(attempt):
        attempt.log(Phase.INFER).write_text("out of cheese\n")
        (attempt.predictions / "large").write_bytes(bytes(2**20))
        spool.fail(attempt, ContainerError("the model failed"))
    return attempt


def test_what_a_failed_attempt_wrote_goes_when_it_is_tried_again_but_its_log_stays(tmp_path: Path) -> None:
    spool = make_spool(tmp_path)
    first = fail(spool)
    assert (first.predictions / "large").exists()
    second = fail(spool)
    assert not first.predictions.exists()
    assert (second.predictions / "large").exists()
    assert first.log(Phase.INFER).read_text() == "out of cheese\n"
    assert spool.status(first).state is State.FAILED


def test_what_a_finished_attempt_wrote_stays(tmp_path: Path) -> None:
    spool = make_spool(tmp_path)
    done = complete(spool)
    begin(spool, no_cache=True)
    assert spool.finished(done.key) == done


def test_a_lock_is_held_on_a_full_disk_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with (
        exclusive(tmp_path / "lock", "sync"),
        pytest.raises(ConflictError, match="is locked by another process"),
        exclusive(tmp_path / "lock", "sync"),
    ):
        pass
