"""The work of one cell: infer with the model, evaluate with the metrics cube, and its numbers looked at."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from medperf_cli.adapters.executor.base import Attempt, CellJob, Observer
from medperf_cli.adapters.executor.cell import CellSpec, Phase
from medperf_cli.adapters.files import write_atomic
from medperf_cli.adapters.runtime.base import RunReport
from medperf_cli.core.entities.fields import Pin
from medperf_cli.core.entities.result import EngineRecord, Execution, Hardware, TaskRecord
from medperf_cli.flows.deps import TOOL_VERSION
from medperf_cli.flows.running.cell_files import EXECUTION, RESULTS, SUMMARY, summarised, summary_document
from medperf_cli.flows.running.cube_inputs import additional_digest, cube_digest, parameters_digest
from medperf_cli.flows.running.images import image_digest
from medperf_cli.flows.running.parts import Parts, PinnedCube
from medperf_cli.flows.running.tasks import CONTRACT, output_file, run_task, task_record
from medperf_cli.flows.running.telling import CellTalk
from medperf_cli.flows.running.workbench import Workbench

_TESTED_BY = "benchmarks/any/test/1.yml"
_TESTED = "cubes/any/test/1.yml"


@dataclass(frozen=True)
class Cell:
    """One model on one dataset: `data` and `labels` are the folders whose hash is `dataset_hash`.

    `test`: it is known by what its cubes do, whatever they are called and whether they are registered, so
    that a test is found done by whoever tests the same again; its numbers are not summarised.
    """

    parts: Parts
    model: PinnedCube
    dataset_hash: str
    data: Path
    labels: Path
    test: bool = False

    @property
    def spec(self) -> CellSpec:
        """All that decides its outcome."""
        return (spec_of_test if self.test else cell_spec)(self.parts, self.model, self.dataset_hash)

    def job(self, *, no_cache: bool = False) -> CellJob:
        """The cell for an executor, under the model's name."""
        return CellJob(self.spec, self.model.name, no_cache)


def cell_spec(parts: Parts, model: PinnedCube, dataset_hash: str) -> CellSpec:
    """All that decides the outcome of a model on a dataset."""
    cubes = {Phase.INFER: model.cube, Phase.EVALUATE: parts.metrics.cube}
    parameters = {phase: parameters_digest(cube, phase) for phase, cube in cubes.items()}
    files = {phase: additional_digest(cube, phase) for phase, cube in cubes.items()}
    return CellSpec(
        benchmark=parts.pin,
        model=model.pin,
        dataset_hash=dataset_hash,
        images={phase: image_digest(cube.container) for phase, cube in cubes.items()},
        parameters={phase: digest for phase, digest in parameters.items() if digest},
        additional_files={phase: digest for phase, digest in files.items() if digest},
        contract=CONTRACT,
    )


def spec_of_test(parts: Parts, model: PinnedCube, dataset_hash: str) -> CellSpec:
    """The same by content: the digests of what the cubes do stand in the place of their pins."""
    return replace(
        cell_spec(parts, model, dataset_hash),
        benchmark=Pin(path=_TESTED_BY, sha256=cube_digest(parts.metrics.cube)),
        model=Pin(path=_TESTED, sha256=cube_digest(model.cube)),
    )


def is_test(spec: CellSpec) -> bool:
    """Whether a spec is that of a test."""
    return (spec.benchmark.path, spec.model.path) == (_TESTED_BY, _TESTED)


class CellWork:
    """Does the cells of one run, found by their specs; what an executor is given as `Work`."""

    def __init__(self, workbench: Workbench, cells: Mapping[str, Cell]) -> None:
        self._workbench = workbench
        self._cells = cells

    def __call__(self, job: CellJob, attempt: Attempt, observer: Observer) -> None:
        """Run both tasks and write the summary (raises MedperfError; see `run_task`, `summarise`)."""
        cell = self._cells[job.label]
        workbench = self._workbench.own_engine(CellTalk(job, attempt, observer))
        with attempt.cancellation.calling(workbench.engine.stop):
            observer.phase(job, Phase.INFER)
            inferred = _infer(workbench, cell, attempt)
            attempt.cancellation.check()
            observer.phase(job, Phase.EVALUATE)
            evaluated = _evaluate(workbench, cell, attempt)
        _write(workbench, cell, attempt, inferred, evaluated)


def _infer(workbench: Workbench, cell: Cell, attempt: Attempt) -> RunReport:
    volumes = {"data_path": cell.data, "output_path": attempt.predictions}
    log = attempt.log(Phase.INFER)
    return run_task(workbench, cell.model.cube, Phase.INFER, volumes, log=log, phase=cell.model.name)


def _evaluate(workbench: Workbench, cell: Cell, attempt: Attempt) -> RunReport:
    cube = cell.parts.metrics.cube
    volumes = {
        "predictions": attempt.predictions,
        "labels": cell.labels,
        "output_path": output_file(cube, Phase.EVALUATE, "output_path", attempt.results, RESULTS),
        "local_outputs_path": attempt.local_outputs,
    }
    log = attempt.log(Phase.EVALUATE)
    return run_task(workbench, cube, Phase.EVALUATE, volumes, log=log, phase=cell.model.name)


def _write(
    workbench: Workbench, cell: Cell, attempt: Attempt, inferred: RunReport, evaluated: RunReport
) -> None:
    """Written beside the results, so the spool's digests hold for them too."""
    documents = {}
    if not cell.test:
        summary = summarised(cell.parts.benchmark, attempt, workbench.settings.minimum_cell)
        documents[SUMMARY] = summary_document(summary)
    tasks = (
        task_record(Phase.INFER, cell.model.pin, inferred),
        task_record(Phase.EVALUATE, cell.parts.metrics.pin, evaluated),
    )
    documents[EXECUTION] = _execution(workbench, tasks).document()
    for name, document in documents.items():
        write_atomic(attempt.results / name, (json.dumps(document, indent=1) + "\n").encode("ascii"))


def _execution(workbench: Workbench, tasks: tuple[TaskRecord, ...]) -> Execution:
    info, machine = workbench.engine.info(), workbench.engine.hardware()
    return Execution(
        tool=f"medperf {TOOL_VERSION}",
        contract=CONTRACT,
        engine=EngineRecord(name=info.name, version=info.version, rootless=info.rootless),
        hardware=Hardware(
            cpu=machine.cpu_model,
            cpus=machine.cpus,
            memory_bytes=machine.memory_bytes,
            gpus=tuple(gpu.model for gpu in machine.gpus),
        ),
        tasks=tasks,
    )
