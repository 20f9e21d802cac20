"""The fields of a result, from a finished cell: pins, metrics, comparisons, execution; nothing is signed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from medperf_cli.adapters.executor.cell import cell_key
from medperf_cli.adapters.store.index import Index
from medperf_cli.core.entities.association import Association
from medperf_cli.core.entities.dataset import Dataset
from medperf_cli.core.entities.fields import Pin
from medperf_cli.core.entities.parsing import validate
from medperf_cli.core.entities.result import Against, ReportedMetric, Result
from medperf_cli.core.lifecycle.standing import Lifecycle
from medperf_cli.core.names import FOLDERS, EntityPath, Kind, parse_path
from medperf_cli.core.stats.cases import Cases
from medperf_cli.core.stats.disclosure import result_violations
from medperf_cli.core.stats.paired import compare
from medperf_cli.core.stats.summary import Summary
from medperf_cli.errors import MedperfError, PolicyError, UnknownIdError, UsageError
from medperf_cli.flows.running.cell_files import read_cases, read_execution, summarised
from medperf_cli.flows.running.cell_work import cell_spec
from medperf_cli.flows.running.local_results import LocalResult, finished_attempts
from medperf_cli.flows.running.parts import Parts, fetch_cube, fetch_parts, standing_in
from medperf_cli.flows.running.whole import unseen_cases
from medperf_cli.flows.running.workbench import Workbench

MAX_AGAINST = 64
"""Earlier results one is compared with, so that a file stays below 64 KiB."""
_ANY_HEADER = {"schema": "result/1", "registry": "0" * 32, "id": "draft", "version": 1}


@dataclass(frozen=True)
class _Ground:
    """What a draft stands on.

    `data` is the dataset version that the association pins (by `dataset`) and `hash` that of its files;
    `minimum` is the smallest cell, in patients.
    """

    parts: Parts
    model: str
    data: Dataset
    dataset: Pin
    hash: str
    minimum: int


def result_fields(workbench: Workbench, state: Lifecycle, index: Index, local: LocalResult) -> dict[str, Any]:
    """All fields of a result but the header, as plain values.

    Args:
        workbench: the spool, and the site's smallest cell.
        state: the registry, with the files collected in the same request so far: results among them are
            compared with too.
        index: the verified registry; says which results are newer.
        local: what was run.

    Raises:
        UsageError: it was not finished, or was run for other versions than the associations pin.
        IntegrityError: its outputs were edited after the run.
        ContainerError: it counts cases that the dataset does not have.
        PolicyError: a number would tell about too few patients, or a metric of the benchmark is not there.

    """
    ground = _ground(workbench, state, local)
    attempt = workbench.spool.finished(local.key)
    if attempt is None:
        raise UsageError(f"local result '{local.uid}' was not finished", hint="run it again")
    summary = summarised(ground.parts.benchmark, attempt, ground.minimum)
    _refuse_incomplete(ground.parts, summary, local)
    cases = read_cases(ground.parts.benchmark, attempt)
    unseen = unseen_cases(ground.data, cases)
    fields = {
        "benchmark": local.spec.benchmark.document(),
        "model": local.spec.model.document(),
        "dataset": ground.dataset.document(),
        "cubes": _cubes(ground.parts),
        "unit": _unit(summary),
        "metrics": [metric.document() for metric in summary.metrics],
        "against": [a.document() for a in _against(workbench, state, index, ground, cases)],
        "partial": summary.partial or unseen > 0,
        "failed_cases": summary.failed_cases,
        "execution": read_execution(attempt).document(),
    }
    fields = {name: value for name, value in fields.items() if value is not None}
    _refuse_small(fields, ground.minimum, local)
    return fields


def _cubes(parts: Parts) -> dict[str, Any]:
    return {"data_preparator": parts.preparator.pin.document(), "metrics": parts.metrics.pin.document()}


def _ground(workbench: Workbench, state: Lifecycle, local: LocalResult) -> _Ground:
    """What the associations in force pin, and that the cell was run for exactly that."""
    dataset = _association(state, local, "datasets", local.dataset.entity.id)
    parts = fetch_parts(standing_in(state), local.spec.benchmark)
    agreed = [dataset.benchmark]
    if local.spec.model != parts.reference.pin:
        model = _association(state, local, "models", local.model)
        agreed.append(model.benchmark)
        _same(local, "model", local.spec.model, [model.subject])
    _same(local, "benchmark", local.spec.benchmark, agreed)
    data = state.reader.pinned(dataset.subject, Dataset)
    if data is None or data.prepared is None or data.prepared.hash != local.spec.dataset_hash:
        raise UsageError(
            f"local result '{local.uid}' is of other data than '{dataset.subject.path}'",
            hint="run the benchmark again",
        )
    minimum = max(parts.benchmark.disclosure.minimum_cell, workbench.settings.minimum_cell)
    return _Ground(parts, local.model, data, dataset.subject, data.prepared.hash, minimum)


def _association(state: Lifecycle, local: LocalResult, folder: str, subject: str) -> Association:
    path = state.in_force(Kind.ASSOCIATION, f"{local.benchmark}/{folder}/{subject}")
    found = state.reader.typed(path, Association)
    if found is None:
        raise UsageError(
            f"'{subject}' is not associated with benchmark '{local.benchmark}'",
            hint="see what is: `medperf association ls`",
        )
    return found


def _same(local: LocalResult, what: str, ran: Pin, agreed: list[Pin]) -> None:
    if ran not in agreed:
        raise UsageError(
            f"local result '{local.uid}' was run with {what} '{ran.path}', but associated is"
            f" '{agreed[0].path}'",
            hint="run the benchmark again",
        )


def _refuse_incomplete(parts: Parts, summary: Summary, local: LocalResult) -> None:
    lacking = {metric.key for metric in parts.benchmark.metrics} - {metric.key for metric in summary.metrics}
    if lacking:
        raise PolicyError(
            f"metric '{min(lacking)}' applies to no case of dataset '{local.dataset.entity.id}', and a result"
            " has all metrics of its benchmark",
            hint="this dataset cannot have a result in this benchmark",
        )


def _unit(summary: Summary) -> str | None:
    """What counts count; None where no metric has a count."""
    counted = any(not isinstance(metric, ReportedMetric) for metric in summary.metrics)
    return summary.unit if counted else None


def _refuse_small(fields: dict[str, Any], minimum: int, local: LocalResult) -> None:
    result = validate(Kind.RESULT, {**_ANY_HEADER, **fields})
    found = result_violations(result, minimum) if isinstance(result, Result) else []
    if found:
        raise PolicyError(
            f"result of '{local.model}' tells about too few patients: {'; '.join(found)}",
            hint=f"no cell below {minimum} patients leaves this site: pool more patients",
        )


def _against(
    workbench: Workbench, state: Lifecycle, index: Index, ground: _Ground, now: Cases | None
) -> Iterator[Against]:
    """Paired differences with results on the same data whose cases are at this site."""
    benchmark = ground.parts.benchmark
    if now is None:
        return
    found = 0
    for path, other in _others(state, index, ground):
        earlier = _cases_of(workbench, state, other, ground)
        if earlier is None:
            continue
        pairs = compare(
            benchmark.metrics,
            now,
            earlier,
            minimum_cell=ground.minimum,
            digits=benchmark.disclosure.significant_digits,
        )
        if pairs:
            yield Against(result=state.reader.pin(path), metrics=pairs)
            found += 1
        if found == MAX_AGAINST:
            return


def _others(state: Lifecycle, index: Index, ground: _Ground) -> Iterator[tuple[EntityPath, Result]]:
    """Other models' results in force on the same data: the reference model's, then the newest first."""
    reference = ground.parts.reference.name
    dataset, benchmark = ground.dataset.entity.id, ground.parts.pin.entity.id
    listed = state.reader.snapshot.list(f"{FOLDERS[Kind.RESULT]}/{benchmark}")
    ids = {parse_path(text).id for text in listed if text.endswith(".yml")}
    order = sorted(
        (i for i in ids if i.endswith(f"/{dataset}")),
        key=lambda i: (_model(i) != reference, -_position(state, index, i), i),
    )
    for entity_id in order:
        path = state.in_force(Kind.RESULT, entity_id)
        other = state.reader.typed(path, Result)
        if path is None or other is None or _model(entity_id) == ground.model:
            continue
        data = state.reader.pinned(other.dataset, Dataset)
        if data is not None and data.prepared == ground.data.prepared:
            yield path, other


def _model(result_id: str) -> str:
    return "/".join(result_id.split("/")[2:4])


def _position(state: Lifecycle, index: Index, result_id: str) -> float:
    """When it entered the registry; what is only in this request is newest."""
    path = state.in_force(Kind.RESULT, result_id)
    try:
        return index.stored(str(path)).row.position
    except UnknownIdError:
        return float("inf")


def _cases_of(workbench: Workbench, state: Lifecycle, other: Result, ground: _Ground) -> Cases | None:
    """The cases behind a result, if the very attempt it was made from is still here, unchanged."""
    try:
        fetch = standing_in(state)
        parts, model = fetch_parts(fetch, other.benchmark), fetch_cube(fetch, other.model)
        key = cell_key(cell_spec(parts, model, ground.hash))
        for attempt in finished_attempts(workbench.spool, key):
            if read_execution(attempt).tasks == other.execution.tasks:
                return read_cases(ground.parts.benchmark, attempt)
    except MedperfError:
        return None
    return None
