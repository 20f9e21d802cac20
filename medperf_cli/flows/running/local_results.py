"""Results at this site, from the spool: what was run, what can be submitted, what stands in the registry."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medperf_cli.adapters.executor import outputs
from medperf_cli.adapters.executor.base import Attempt
from medperf_cli.adapters.executor.cell import CellSpec, Phase
from medperf_cli.adapters.executor.spool import Spool
from medperf_cli.adapters.executor.status import State
from medperf_cli.adapters.store.index import Index
from medperf_cli.adapters.store.index_rows import Filter, Row
from medperf_cli.core.entities.fields import Pin
from medperf_cli.core.names import Kind
from medperf_cli.errors import IntegrityError, UnknownIdError
from medperf_cli.flows.running.benchmark_run import SHORT
from medperf_cli.flows.running.cell_files import EXECUTION, read_summary
from medperf_cli.flows.running.cell_plan import associated_pins
from medperf_cli.flows.running.cell_work import is_test

_SPEC = "spec.json"


@dataclass(frozen=True)
class LocalResult:
    """One cell of our data: its newest attempt, and the finished one if there is any.

    `current`: it was run for exactly what the associations in force pin. `published` is the path of the
    result in the registry that was made from the finished attempt.
    """

    key: str
    spec: CellSpec
    dataset: Pin
    state: State
    error: str
    when: str
    attempt: Attempt | None
    current: bool
    published: str | None

    @property
    def uid(self) -> str:
        """The short name of it."""
        return self.key[:SHORT]

    @property
    def benchmark(self) -> str:
        """Id of the benchmark."""
        return self.spec.benchmark.entity.id

    @property
    def model(self) -> str:
        """Id of the model."""
        return self.spec.model.entity.id

    @property
    def result_id(self) -> str:
        """The id it has in the registry, or would have."""
        return f"{self.benchmark}/{self.model}/{self.dataset.entity.id}"

    @property
    def submittable(self) -> bool:
        """Whether it is finished, fits the associations in force, and is not in the registry."""
        return self.attempt is not None and self.current and self.published is None

    @property
    def summary(self) -> Mapping[str, Any]:
        """Its numbers, at this site (raises IntegrityError where there are none or they were damaged)."""
        if self.attempt is None:
            raise IntegrityError(f"local result '{self.uid}' was not finished", hint="run it again")
        return read_summary(self.attempt)


def local_results(spool: Spool, index: Index, owner: str) -> list[LocalResult]:
    """All cells of `owner`'s registered data in the spool, by benchmark and model; tests are left out.

    Outputs are not read; whether they are unchanged is seen when a result is drafted.
    """
    datasets = _datasets(index, owner)
    published = _published(index)
    found = []
    for key in spool.cells():
        spec = _spec(spool, key)
        row = None if spec is None else datasets.get(spec.dataset_hash)
        if spec is not None and row is not None and not is_test(spec):
            pin = Pin(path=row.path, sha256=row.sha256)
            found.append(_local(spool, key, spec, pin, published, current=_is_current(index, spec, pin)))
    return sorted(found, key=lambda result: (result.result_id, result.when, result.key))


def find_local(spool: Spool, index: Index, owner: str, uid: str) -> LocalResult:
    """The one whose key begins with `uid` (raises UnknownIdError where none or several do)."""
    fits = [result for result in local_results(spool, index, owner) if uid and result.key.startswith(uid)]
    if len(fits) != 1:
        raise UnknownIdError(
            f"'{uid}' means {len(fits)} local results", hint="see `medperf result show_local_results`"
        )
    return fits[0]


def finished_attempts(spool: Spool, key: str) -> Iterator[Attempt]:
    """The attempts at a cell that are done and whose outputs are unchanged, newest first."""
    for attempt in reversed(spool.attempts(key)):
        status = spool.status(attempt)
        if status.state is State.DONE and outputs.first_changed(attempt.folder, status.outputs) is None:
            yield attempt


def started_of(execution: Mapping[str, Any]) -> tuple[str, ...]:
    """Which cubes ran when and for how long, by an execution record: what tells two attempts apart."""
    return tuple(
        f"{task['cube']['path']} {task['started']} {task['duration_seconds']}" for task in execution["tasks"]
    )


def _local(
    spool: Spool,
    key: str,
    spec: CellSpec,
    dataset: Pin,
    published: Mapping[tuple[str, ...], str],
    *,
    current: bool,
) -> LocalResult:
    states = [(attempt, spool.status(attempt)) for attempt in spool.attempts(key)]
    done = next((a for a, status in reversed(states) if status.state is State.DONE), None)
    newest = states[-1][1] if states else None
    return LocalResult(
        key=key,
        spec=spec,
        dataset=dataset,
        state=State.WAITING if newest is None else newest.state,
        error="" if newest is None else newest.message,
        when="" if newest is None else newest.ended or newest.started,
        attempt=done,
        current=current,
        published=None if done is None else published.get(_started(done)),
    )


def _is_current(index: Index, spec: CellSpec, dataset: Pin) -> bool:
    """Whether a result of it would pin what the associations in force pin."""
    benchmark, model = spec.benchmark.entity.id, spec.model.entity.id
    by_dataset = associated_pins(index, benchmark, "datasets", dataset.entity.id)
    if by_dataset is None or _hash(index, by_dataset[1]) != spec.dataset_hash:
        return False
    if spec.benchmark == by_dataset[0] and _reference(index, spec.benchmark) == spec.model:
        return True
    by_model = associated_pins(index, benchmark, "models", model)
    if by_model is None:
        return False
    return spec.model == by_model[1] and spec.benchmark in (by_dataset[0], by_model[0])


def _hash(index: Index, dataset: Pin) -> str:
    return str(index.stored(dataset.path).row.document["prepared"]["hash"])


def _reference(index: Index, benchmark: Pin) -> Pin:
    return Pin(**index.stored(benchmark.path).row.document["cubes"]["reference_model"])


def _started(attempt: Attempt) -> tuple[str, ...]:
    try:
        return started_of(json.loads((attempt.results / EXECUTION).read_bytes()))
    except (OSError, ValueError, KeyError, TypeError):
        return ()


def _datasets(index: Index, owner: str) -> dict[str, Row]:
    """Our registered data by hash; of several versions with one hash the newest."""
    rows = index.entities(Kind.DATASET, Filter(in_force=None, owner=owner))
    return {row.document["prepared"]["hash"]: row for row in rows if "prepared" in row.document}


def _published(index: Index) -> dict[tuple[str, ...], str]:
    rows = index.entities(Kind.RESULT, Filter(in_force=None, standing="effective"))
    return {started_of(row.document["execution"]): row.path for row in rows}


def _spec(spool: Spool, key: str) -> CellSpec | None:
    """What a cell is, read back from its folder; None where that is damaged."""
    attempts = spool.attempts(key)
    if not attempts:
        return None
    try:
        return _parsed(attempts[0].folder.parent / _SPEC)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _parsed(path: Path) -> CellSpec:
    document = json.loads(path.read_bytes())
    by_phase = {
        name: {Phase(phase): digest for phase, digest in document[name].items()}
        for name in ("images", "parameters", "additional_files")
    }
    return CellSpec(
        benchmark=Pin(**document["benchmark"]),
        model=Pin(**document["model"]),
        dataset_hash=document["dataset_hash"],
        contract=document["contract"],
        **by_phase,
    )
