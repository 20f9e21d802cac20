"""Registering a dataset, and setting it operational with what its owner publishes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from medperf_cli.core.entities.benchmark import Benchmark
from medperf_cli.core.entities.cube import Cube
from medperf_cli.core.entities.dataset import Dataset
from medperf_cli.core.entities.header import State
from medperf_cli.core.names import EntityPath, Kind
from medperf_cli.errors import ConfigurationError, UsageError
from medperf_cli.flows.deps import Deps
from medperf_cli.flows.identity import me, my_id
from medperf_cli.flows.running.dataset_folder import Source, dataset_folder, found_source, remember_source
from medperf_cli.flows.running.prepare import prepare_dataset
from medperf_cli.flows.running.prepared_data import PreparedData, check_prepared
from medperf_cli.flows.running.published import prepared_fields
from medperf_cli.flows.running.workbench import open_workbench
from medperf_cli.flows.submitting.composer import content
from medperf_cli.flows.submitting.desk import Desk, at_desk
from medperf_cli.flows.submitting.publish import Published, publish


@dataclass(frozen=True)
class NewDataset:
    """What its owner says of a dataset; the paths in `source` never leave this machine."""

    name: str
    benchmark: str
    source: Source
    description: str
    location: str
    ethics_approval: str


def submit_dataset(deps: Deps, new: NewDataset) -> Published:
    """Register my dataset for a benchmark (in development: nothing of its content is published).

    Where the registry says all that already, only the paths are remembered: raw data may move.

    Raises:
        ConfigurationError: a folder is missing or unreadable; says which.

    """
    dataset = my_id(deps.settings, new.name)
    source = found_source(new.source)
    with at_desk(deps) as desk:
        if not _is_in_operation(desk, dataset, new):
            desk.composer.add(Kind.DATASET, dataset, _fields(desk, new))
        done = publish(desk, f"dataset {dataset}")
    if done.sent or not done.paths:
        remember_source(deps.settings, dataset, source)
    return done


def _fields(desk: Desk, new: NewDataset) -> dict[str, Any]:
    path = desk.in_force(Kind.BENCHMARK, new.benchmark)
    benchmark = desk.reader().typed(path, Benchmark)
    if benchmark is None:
        raise UsageError(f"'{path}' is no benchmark")
    return {
        **_words(new),
        "data_preparator": benchmark.cubes.data_preparator.document(),
        "benchmark": desk.pin(path).document(),
        "state": State.DEVELOPMENT.value,
    }


def _words(new: NewDataset | Dataset) -> dict[str, str]:
    return {
        "description": new.description,
        "location": new.location,
        "ethics_approval": new.ethics_approval,
    }


def _is_in_operation(desk: Desk, dataset: str, new: NewDataset) -> bool:
    """Whether it is in operation (frozen: cube and benchmark stay) and the registry says the same of it."""
    found = desk.reader().typed(desk.state.in_force(Kind.DATASET, dataset), Dataset)
    return found is not None and found.state is State.OPERATION and _words(found) == _words(new)


def prepare(deps: Deps, partial: str, *, again: bool, rehash: bool) -> PreparedData:
    """Prepare my dataset at this site, offline (raises as `prepare_dataset`)."""
    with at_desk(deps, online=False) as desk, open_workbench(deps) as workbench:
        path, dataset = mine(desk, partial)
        cube = desk.reader().pinned(dataset.data_preparator, Cube)
        if cube is None:
            raise UsageError(f"the data-preparator of '{path.id}' is not in the registry")
        return prepare_dataset(workbench, path.id, cube, again=again, rehash=rehash)


def set_operational(deps: Deps, partial: str, *, without: tuple[str, ...] = ()) -> Published:
    """Publish the salted hash, counts and statistics of my prepared dataset; from then on it is frozen.

    Raises:
        ConfigurationError: it is not prepared here.
        IntegrityError: prepared files were changed since.
        PolicyError: a statistic tells about too few patients; nothing left.

    """
    with at_desk(deps) as desk:
        path, dataset = mine(desk, partial)
        if dataset.state is State.OPERATION:
            return publish(desk, f"dataset {path.id}")
        data = check_prepared(deps, dataset_folder(deps.settings, path.id))
        minimum = minimum_cell(desk, dataset)
        fields = {
            **content(dataset),
            "state": State.OPERATION.value,
            "prepared": prepared_fields(data, minimum, without),
        }
        desk.composer.add(Kind.DATASET, path.id, fields)
        return publish(desk, f"dataset {path.id} goes into operation")


def mine(desk: Desk, partial: str) -> tuple[EntityPath, Dataset]:
    """My dataset in force (raises UsageError where it is somebody else's)."""
    path = desk.in_force(Kind.DATASET, partial)
    dataset = desk.reader().typed(path, Dataset)
    if dataset is None or path.signer != me(desk.deps.settings):
        raise UsageError(
            f"dataset '{path.id}' belongs to '{path.signer}'", hint="see `medperf dataset ls --mine`"
        )
    return path, dataset


def minimum_cell(desk: Desk, dataset: Dataset) -> int:
    """The smallest cell in patients: the benchmark's, or this site's if that is larger."""
    benchmark = desk.reader().pinned(dataset.benchmark, Benchmark)
    if benchmark is None:
        raise ConfigurationError(f"'{dataset.benchmark.path}' is not in the registry")
    return max(benchmark.disclosure.minimum_cell, desk.deps.settings.minimum_cell)
