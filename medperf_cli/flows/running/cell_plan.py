"""Which cells a data owner may run for a benchmark: by associations in force, in the committee's order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from medperf_cli.adapters.store.index import Index
from medperf_cli.core.entities.fields import Pin
from medperf_cli.core.names import Kind
from medperf_cli.errors import UnknownIdError, UsageError
from medperf_cli.flows.deps import Deps
from medperf_cli.flows.identity import me
from medperf_cli.flows.reading.taking_part import models_taking_part, row_in_force
from medperf_cli.flows.running.cell_work import Cell
from medperf_cli.flows.running.dataset_folder import dataset_folder
from medperf_cli.flows.running.parts import PinnedCube, fetch_cube, fetch_parts, indexed
from medperf_cli.flows.running.prepared_data import PreparedData, check_prepared

_OPERATION = "operation"
_SHOWN = 20


@dataclass(frozen=True)
class Plan:
    """What to run: the cells in order, the reference model's first, and the dataset as it is associated."""

    benchmark: Pin
    dataset: Pin
    data: PreparedData
    cells: tuple[Cell, ...]


def plan_cells(
    deps: Deps, index: Index, benchmark: str, dataset: str, models: Sequence[str] | None = None
) -> Plan:
    """The cells of a dataset of ours: the reference model and every model whose association is in force.

    Args:
        deps: who we are, and where our data are.
        index: the verified registry.
        benchmark: its id.
        dataset: the dataset's id.
        models: ids of the models to run (or unique parts of them), or None for all; the order is the
            committee's in any case.

    Raises:
        UsageError: the dataset is not ours, not in operation or not associated; or a model is not.
        ConfigurationError: no member is chosen, or the dataset is not prepared at this site.
        IntegrityError: the prepared data are not those in the registry.

    """
    pins = _pinned_by_dataset(index, benchmark, dataset)
    data = _our_data(deps, index, dataset, pins)
    fetch = indexed(index)
    parts = fetch_parts(fetch, pins[0])
    pinned = (Pin(**row.document["subject"]) for row in models_taking_part(index, benchmark))
    found = [parts.reference, *(fetch_cube(fetch, pin) for pin in pinned)]
    chosen = _chosen({cube.name: cube for cube in reversed(found)}, benchmark, models)
    order = _priorities(index, benchmark)
    chosen.sort(key=lambda c: (c.name != parts.reference.name, -order.get(c.name, 0), c.name))
    cells = (Cell(parts, model, data.hash, data.data, data.labels) for model in chosen)
    return Plan(pins[0], pins[1], data, tuple(cells))


def associated_pins(index: Index, benchmark: str, folder: str, subject: str) -> tuple[Pin, Pin] | None:
    """What the association in force of a subject pins (benchmark, subject); None where none is in force.

    `folder` is `datasets` or `models`.
    """
    row = row_in_force(index, Kind.ASSOCIATION, f"{benchmark}/{folder}/{subject}")
    if row is None:
        return None
    return Pin(**row.document["benchmark"]), Pin(**row.document["subject"])


def _pinned_by_dataset(index: Index, benchmark: str, dataset: str) -> tuple[Pin, Pin]:
    row = row_in_force(index, Kind.BENCHMARK, benchmark)
    if row is None:
        raise UsageError(f"benchmark '{benchmark}' is not in force", hint="see `medperf benchmark ls`")
    if row.document.get("state") != _OPERATION:
        raise UsageError(
            f"benchmark '{benchmark}' is in development", hint="its owner puts it into operation"
        )
    pins = associated_pins(index, benchmark, "datasets", dataset)
    if pins is None:
        raise UsageError(
            f"dataset '{dataset}' is not associated with benchmark '{benchmark}'",
            hint="ask to take part: `medperf dataset associate`; or see what waits: `medperf review ls`",
        )
    return pins


def _our_data(deps: Deps, index: Index, dataset: str, pins: tuple[Pin, Pin]) -> PreparedData:
    member = me(deps.settings)
    if dataset.partition("/")[0] != member:
        raise UsageError(
            f"dataset '{dataset}' is not of member '{member}'", hint="only its owner runs models on it"
        )
    current = row_in_force(index, Kind.DATASET, dataset)
    if current is None or current.document.get("state") != _OPERATION:
        raise UsageError(
            f"dataset '{dataset}' is not in force and in operation",
            hint="run `medperf dataset set_operational`",
        )
    row = index.stored(pins[1].path).row
    return check_prepared(deps, dataset_folder(deps.settings, dataset), row.document["prepared"]["hash"])


def _chosen(found: dict[str, PinnedCube], benchmark: str, models: Sequence[str] | None) -> list[PinnedCube]:
    if models is None:
        return list(found.values())
    names = dict.fromkeys(_meant(sorted(found), benchmark, model) for model in models)
    return [found[name] for name in names]


def _meant(names: Sequence[str], benchmark: str, model: str) -> str:
    """Which of the models that take part is meant: by id, by last name, or by a part that only it has."""
    last = [name for name in names if name.rpartition("/")[2] == model]
    inside = [name for name in names if model in name]
    for fits in ([model] if model in names else [], last, inside):
        if len(fits) == 1:
            return fits[0]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    raise UnknownIdError(
        f"model '{model}' means {len(inside)} models of benchmark '{benchmark}'"
        if inside
        else f"model '{model}' is not associated with benchmark '{benchmark}'",
        hint=f"models are: {', '.join(names[:_SHOWN])}{more}",
    )


def _priorities(index: Index, benchmark: str) -> dict[str, int]:
    """By the version in force, whichever is pinned: the committee changes them as models come."""
    row = row_in_force(index, Kind.BENCHMARK, benchmark)
    listed = [] if row is None else row.document.get("priorities", [])
    return {item["model"]: item["priority"] for item in listed}
