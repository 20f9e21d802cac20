"""The command that measures how a registry scales, on a small one: every row comes, and means something."""

from __future__ import annotations

import dataclasses
import importlib
import os
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("generated")]

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """The scripts, with a cache of their own."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    monkeypatch.setattr(importlib.import_module("generate_registry"), "CACHE", tmp_path / "cache")
    return importlib.import_module


def test_every_row_of_the_table_is_measured(
    scripts: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    scale = scripts("scale")
    monkeypatch.setattr(scale, "SIZES", {"1k": 300})
    rows = list(scale.rows(tmp_path, ["1k"], 1))
    works = [row.work for row in rows]
    assert sum(work.startswith("check of one request") for work in works) == 8
    assert [work for work in works if not work.startswith("check")] == [
        "look for a `seen` that never was",
        "add: fetch, verify, index",
        "verify from genesis",
        "memory of a cold verify",
        "sync of one merge",
        "dataset ls --owner",
    ]
    by_work = {row.work: row for row in rows}
    assert "1.00 times" in by_work["check of one request: cube"].measured  # one size compared with itself
    memory = int(by_work["memory of a cold verify"].measured.removesuffix(" MiB"))
    assert 10 < memory < 2000
    assert {row.kept for row in rows if row.promise and row.promise != "bounded"} <= {True, False}


def test_the_check_job_of_a_forge_is_measured(
    scripts: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(scripts("scale"), "SIZES", {"1k": 300})
    job = scripts("check_job")
    monkeypatch.setattr(job, "SIZES", {"1k": 300})
    (row,) = job.rows(tmp_path, "1k", ["batch"], 1)
    assert (row.work, row.kept) == ("check job: batch", True)
    assert "s beside its fetch, judging 0." in row.measured
    path, events = job.serve(tmp_path / "again", 300)
    with pytest.raises(RuntimeError, match="is not lawful"):
        job.job(tmp_path, path, dataclasses.replace(events["batch"], told=events["cube"].told))


def test_the_reference_refuses_what_is_not_signed(scripts: Any) -> None:
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - beside its only use

    generator, reference = scripts("generate_registry"), scripts("scale_reference")
    path = generator.kept(60)
    found = reference.pairs(path)
    assert len(found) == 59  # the root has one signature per admin
    assert reference.judge(path, found) == 59
    entity, signature, namespace = found[0]
    with pytest.raises(InvalidSignature):
        reference.judge(path, [(entity, signature, namespace + "0")])


def test_a_command_that_fails_is_no_measurement(scripts: Any, tmp_path: Path) -> None:
    run = scripts("scale_run").run
    with pytest.raises(RuntimeError, match="ended with 3"):
        run([sys.executable, "-c", "raise SystemExit(3)"], tmp_path)


def test_memory_is_that_of_a_process_and_its_children(scripts: Any, tmp_path: Path) -> None:
    program = "import subprocess, sys; held = b'x' * 60_000_000; subprocess.run([sys.executable, '-c', {!r}])"
    child = (
        "import sys; held = b'x' * 50_000_000; sys.stdin.read(); import threading; threading.Event().wait(1)"
    )
    measured = scripts("scale_run").run([sys.executable, "-c", program.format(child)], tmp_path, watched=True)
    assert 110_000_000 < measured.memory < 200_000_000
    assert measured.processor > 0
    assert os.environ.get("MEDPERF_HOME") != str(tmp_path)
