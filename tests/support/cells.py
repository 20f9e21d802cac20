"""Cells to run in tests, and a process of its own that runs one: `python -m tests.support.cells`."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from medperf_cli.adapters.executor.base import Attempt, CellJob, Observer
from medperf_cli.adapters.executor.cell import CellSpec, Phase
from medperf_cli.adapters.executor.local import LocalExecutor
from medperf_cli.adapters.executor.outputs import list_outputs
from medperf_cli.adapters.executor.spool import Grant, Spool
from medperf_cli.core.entities.fields import Pin
from medperf_cli.errors import InterruptedByUserError

ROOT = Path(__file__).resolve().parents[2]
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def make_spec(model: str = "unet", /, **changes: Any) -> CellSpec:
    fields: dict[str, Any] = {
        "benchmark": Pin(path="benchmarks/mgh/chest-ct/1.yml", sha256="1" * 64),
        "model": Pin(path=f"cubes/mgh/{model}/1.yml", sha256="2" * 64),
        "dataset_hash": "3" * 64,
        "images": {Phase.INFER: "sha256:" + "4" * 64, Phase.EVALUATE: "sha256:" + "5" * 64},
        "parameters": {Phase.EVALUATE: "6" * 64},
        "additional_files": {Phase.INFER: "7" * 64},
    }
    return CellSpec(**(fields | changes))


def make_job(model: str = "unet", *, no_cache: bool = False) -> CellJob:
    return CellJob(make_spec(model), model, no_cache)


def make_spool(root: Path, **settings: Any) -> Spool:
    return Spool(root, clock=lambda: NOON, **({"beat_seconds": 0.02} | settings))


def write_outputs(attempt: Attempt) -> None:
    (attempt.predictions / "cases.csv").write_text("a,0.5\n")
    (attempt.results / "results.yaml").write_text("auc: 0.9\n")


def begin(spool: Spool, *, no_cache: bool = False) -> Attempt:
    grant, attempt = spool.claim(make_spec(), no_cache=no_cache)
    assert grant is Grant.YOURS
    return attempt


def complete(spool: Spool, *, no_cache: bool = False) -> Attempt:
    attempt = begin(spool, no_cache=no_cache)
    with spool.holding(attempt):
        write_outputs(attempt)
        spool.finish(attempt, list_outputs(attempt.output_folders))
    return attempt


def good_work(job: CellJob, attempt: Attempt, observer: Observer) -> None:
    for phase in Phase:
        observer.phase(job, phase)
        attempt.log(phase).write_text(f"{phase} ran\n")
    write_outputs(attempt)


def spawn(mode: str, folder: Path, prefix: Sequence[str] = ()) -> subprocess.Popen[str]:
    """Start a process that runs one cell in the spool `folder`; `mode` is a function of this module."""
    command = [*prefix, sys.executable, "-m", "tests.support.cells", mode, str(folder)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def ended(process: subprocess.Popen[str]) -> str:
    """Wait for it and give back what it printed."""
    return process.communicate(timeout=30)[0].strip()


def eventually(condition: Callable[[], object], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.005)


def counted(job: CellJob, attempt: Attempt, observer: Observer) -> None:
    """Leave a line per run, and take long enough for others to come by."""
    with (attempt.folder.parents[2] / "count").open("a") as file:
        file.write(f"{os.getpid()}\n")
    time.sleep(0.2)
    good_work(job, attempt, observer)


def hanging(job: CellJob, attempt: Attempt, observer: Observer) -> None:
    """Write half of the outputs, then wait to be told to end, as for a container that takes its time."""
    observer.phase(job, Phase.INFER)
    (attempt.predictions / "cases.csv").write_text("half")
    (attempt.folder / "ready").touch()
    while not attempt.cancellation.wait(1):
        pass
    time.sleep(0.3)
    (attempt.folder / "stopped").touch()
    raise InterruptedByUserError("the container was stopped")


def filling(job: CellJob, attempt: Attempt, observer: Observer) -> None:
    """Write more than a small disk holds."""
    good_work(job, attempt, observer)
    (attempt.predictions / "large").write_bytes(bytes(2**20))


def main() -> None:
    _, mode, folder = sys.argv
    work = {"counted": counted, "hanging": hanging, "filling": filling}[mode]
    executor = LocalExecutor(make_spool(Path(folder)), poll_seconds=0.02)
    try:
        (report,) = executor.run([make_job()], work)
    except InterruptedByUserError as error:
        sys.stdout.write(f"{error.code}: {error}")
        sys.exit(error.exit_code)
    sys.stdout.write(f"{report.outcome} {report.code} {report.error or ''}")


if __name__ == "__main__":
    main()
