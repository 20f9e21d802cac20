"""Running a benchmark's models on a dataset of ours: each comes to its outcome, whatever the others do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from medperf_cli.adapters.executor.base import CellReport, Observer, Outcome
from medperf_cli.adapters.executor.cell import cell_key
from medperf_cli.adapters.executor.local import LocalExecutor
from medperf_cli.adapters.runtime.signals import endings_raise
from medperf_cli.adapters.store.index import Index
from medperf_cli.errors import IntegrityError, MedperfError, PartialError
from medperf_cli.flows.running.cell_files import read_summary
from medperf_cli.flows.running.cell_plan import Plan, plan_cells
from medperf_cli.flows.running.cell_work import CellWork
from medperf_cli.flows.running.telling import TellsCells
from medperf_cli.flows.running.workbench import Workbench

SHORT = 12
"""Digits of a cell's key that name a local result."""


@dataclass(frozen=True)
class RunRow:
    """What came of one model.

    `partial`: values are missing (None where there is no result). `uid`: the local result's. `logs` is the
    folder with the logs of the attempt (None where none was begun). `error`, `hint` and `code` are empty
    unless `outcome` is `failed`.
    """

    model: str
    outcome: Outcome
    partial: bool | None
    uid: str
    duration_seconds: float
    logs: Path | None = None
    error: str = ""
    hint: str = ""
    code: str = ""


@dataclass(frozen=True)
class RunSummary:
    """What came of a run, model by model in the order in which they were run."""

    plan: Plan
    rows: tuple[RunRow, ...]
    errors: tuple[MedperfError, ...] = ()

    @property
    def untold(self) -> tuple[RunRow, ...]:
        """The failed ones whose error is not `failure` itself."""
        failed = [row for row in self.rows if row.outcome is Outcome.FAILED]
        told = 0 if self.failure is None or isinstance(self.failure, PartialError) else 1
        return tuple(failed[told:])

    @property
    def failure(self) -> MedperfError | None:
        """What the whole run should end with: nothing, PartialError, or the first error if all failed."""
        failed = [row.model for row in self.rows if row.outcome is Outcome.FAILED]
        if not failed:
            return None
        if len(failed) == len(self.rows) and self.errors:
            return self.errors[0]
        return PartialError(f"{len(failed)} of {len(self.rows)} models failed: {', '.join(failed)}")


def run_benchmark(
    workbench: Workbench,
    index: Index,
    benchmark: str,
    dataset: str,
    models: Sequence[str] | None = None,
    *,
    no_cache: bool = False,
    observer: Observer | None = None,
) -> RunSummary:
    """Run what `plan_cells` plans; finished cells are not run again unless `no_cache`.

    A model that fails does not stop the others; see `RunSummary.failure`.

    Raises:
        InterruptedByUserError: Ctrl-C or a termination signal; finished cells are kept.
        MedperfError: nothing can be run; see `plan_cells`.

    """
    plan = plan_cells(workbench.deps, index, benchmark, dataset, models)
    workbench.tidy()
    workbench.limits  # noqa: B018 - asks the engine now: without one no cell could run
    executor = LocalExecutor(workbench.spool, parallel=workbench.settings.parallel)
    work = CellWork(workbench, {cell.model.name: cell for cell in plan.cells})
    jobs = [cell.job(no_cache=no_cache) for cell in plan.cells]
    with endings_raise():
        reports = executor.run(jobs, work, observer or TellsCells(workbench.talk))
    errors = tuple(report.error for report in reports if isinstance(report.error, MedperfError))
    return RunSummary(plan, tuple(map(_row, reports)), errors)


def _row(report: CellReport) -> RunRow:
    error, outcome, partial = report.error, report.outcome, None
    if error is None and report.attempt is not None:
        try:
            partial = bool(read_summary(report.attempt)["partial"])
        except IntegrityError as damaged:
            error, outcome = damaged, Outcome.FAILED
    return RunRow(
        model=report.job.label,
        outcome=outcome,
        partial=partial,
        uid=cell_key(report.job.spec)[:SHORT],
        duration_seconds=report.duration_seconds,
        logs=None if report.attempt is None else report.attempt.folder,
        error="" if error is None else str(error),
        hint=error.hint if isinstance(error, MedperfError) else "",
        code=error.code if isinstance(error, MedperfError) else "",
    )
