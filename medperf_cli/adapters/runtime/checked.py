"""Running a task that has to succeed: failures become errors that quote the log, outputs are checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medperf_cli.adapters.runtime import logs, outputs
from medperf_cli.adapters.runtime.base import QUIET, Engine, Observer, RunReport, RunSpec
from medperf_cli.errors import ContainerError

if TYPE_CHECKING:
    from pathlib import Path

_KILLED = 137  # 128 + SIGKILL, as shells count


def run_checked(engine: Engine, spec: RunSpec, observer: Observer = QUIET) -> RunReport:
    """Run, and return the report of a run that ended with exit code 0 and left outputs safe to read.

    Raises:
        ContainerError: it failed (with the log's last lines and path), or an output is not safe.
        MedperfError: whatever `Engine.run` raises.

    """
    report = engine.run(spec, observer)
    if report.exit_code != 0:
        raise ContainerError(_failure(spec, report))
    limits = spec.limits
    written: list[Path] = [mount.host for mount in spec.outputs]
    outputs.check_outputs(written, max_bytes=limits.output_bytes, max_files=limits.output_files)
    return report


def _failure(spec: RunSpec, report: RunReport) -> str:
    if report.out_of_memory:
        cause = f"ran out of memory at {spec.limits.memory_bytes} bytes"
    elif report.exit_code == _KILLED:
        cause = "was killed"
    else:
        cause = f"ended with exit code {report.exit_code}"
    lines = logs.last_lines(report.log_file)
    quoted = "".join(f"\n  {line}" for line in lines) if lines else " (empty)"
    return f"task '{spec.name}' {cause}; the end of its log '{report.log_file}':{quoted}"
