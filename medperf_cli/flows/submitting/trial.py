"""What a test is asked to test: cubes by id or folder, put together with a benchmark, registered or not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from medperf_cli.adapters.store.index import Index
from medperf_cli.core.entities.benchmark import MINIMUM_CELL, Benchmark, Disclosure
from medperf_cli.core.entities.cube import CubeType
from medperf_cli.core.entities.fields import Asset, Pin
from medperf_cli.core.entities.parsing import validate
from medperf_cli.core.names import Kind
from medperf_cli.errors import UsageError
from medperf_cli.flows.deps import Deps
from medperf_cli.flows.running.parts import NOT_A_FILE, Parts, PinnedCube, fetch_cube, fetch_parts, indexed
from medperf_cli.flows.submitting.local_cube import NOBODY, NOWHERE, is_local, local_cube
from medperf_cli.flows.submitting.user_files import read_mapping
from medperf_cli.flows.submitting.write_cube import AssetShelf

_BARE = Pin(path="benchmarks/any/test/1.yml", sha256=NOT_A_FILE)


@dataclass(frozen=True)
class Trial:
    """What to test: cubes by id or folder, instead of the benchmark's where one is named; and on what.

    `config` declares the metrics of a benchmark that is not submitted yet. `as_prepared`: the demo dataset or
    raw data are what a data-preparator would write.
    """

    benchmark: str | None = None
    preparator: str | None = None
    model: str | None = None
    metrics: str | None = None
    dataset: str | None = None
    demo_dataset: Path | None = None
    data: Path | None = None
    labels: Path | None = None
    config: Path | None = None
    as_prepared: bool = False

    @property
    def cubes(self) -> tuple[str, ...]:
        """The cubes that are named."""
        return tuple(name for name in (self.preparator, self.model, self.metrics) if name is not None)

    @property
    def overrides(self) -> bool:
        """Whether it is another test than that of the benchmark's own cubes."""
        return bool(self.cubes) or self.config is not None


class TrialParts:
    """The cubes and the benchmark of one trial."""

    def __init__(self, deps: Deps, index: Index | None, taken: AssetShelf, trial: Trial) -> None:
        self._deps, self._index, self._taken, self._trial = deps, index, taken, trial

    def all(self) -> Parts:
        """The benchmark's, with the cubes of the trial in their place."""
        trial = self._trial
        named = None if trial.benchmark is None else self._benchmark(trial.benchmark)
        own = (None, None, None) if named is None else (named.preparator, named.reference, named.metrics)
        preparator = self._cube(trial.preparator, CubeType.DATA_PREPARATOR, own[0])
        model = self._cube(trial.model, CubeType.MODEL, own[1])
        metrics = self._cube(trial.metrics, CubeType.METRICS, own[2])
        benchmark = self._on(_undeclared() if named is None else named.benchmark)
        parts = Parts(benchmark, _BARE if named is None else named.pin, preparator, model, metrics)
        return (
            parts if trial.config is None else replace(parts, benchmark=self._declared(trial.config, parts))
        )

    def _benchmark(self, name: str) -> Parts:
        index = self._known(name)
        pin = _newest(index, Kind.BENCHMARK, index.resolve(Kind.BENCHMARK, name))
        return fetch_parts(indexed(index), pin)

    def _cube(self, name: str | None, kind: CubeType, otherwise: PinnedCube | None) -> PinnedCube:
        if name is None:
            if otherwise is None:
                raise UsageError(f"no cube of type {kind} is named", hint="name it by its id or folder")
            return otherwise
        if is_local(name):
            return local_cube(Path(name).expanduser(), kind, self._taken, self._deps.settings)
        index = self._known(name)
        found = fetch_cube(indexed(index), _newest(index, Kind.CUBE, index.resolve(Kind.CUBE, name)))
        if found.cube.type is not kind:
            raise UsageError(f"cube '{found.name}' is of type {found.cube.type}, not {kind}")
        return found

    def _known(self, name: str) -> Index:
        if self._index is None:
            raise UsageError(f"'{name}' is neither a folder nor known", hint="add a registry first")
        return self._index

    def _on(self, benchmark: Benchmark) -> Benchmark:
        """The benchmark with the demo dataset of the trial."""
        if self._trial.demo_dataset is None:
            return benchmark
        asset = Asset.model_validate(self._taken.take(self._trial.demo_dataset))
        return benchmark.model_copy(update={"demo_dataset": asset})

    def _declared(self, config: Path, parts: Parts) -> Benchmark:
        """What the config declares, checked as at its submission."""
        settings, demo = self._deps.settings, getattr(parts.benchmark, "demo_dataset", None)
        never = {"mode": "never", "allow": []}
        cubes = {
            "data_preparator": parts.preparator.pin.document(),
            "reference_model": parts.reference.pin.document(),
            "metrics": parts.metrics.pin.document(),
        }
        document = {
            "schema": "benchmark/1",
            "registry": settings.registry or NOWHERE,
            "id": _BARE.entity.id,
            "version": 1,
            **read_mapping(config),
            "cubes": cubes,
            "demo_dataset": demo.document() if demo else {"sha256": NOT_A_FILE, "size": 0},
            "committee": {"threshold": 1, "members": [settings.member or NOBODY]},
            "association_policy": {"datasets": never, "models": never},
            "state": "development",
        }
        found = validate(Kind.BENCHMARK, document)
        if not isinstance(found, Benchmark):
            raise UsageError(f"'{config}' is not the config of a benchmark")
        return found


def _newest(index: Index, kind: Kind, entity_id: str) -> Pin:
    """The version in force, else the newest: what is in development or waits for a decision can be tested."""
    row = index.get(kind, entity_id)
    return Pin(path=row.path, sha256=row.sha256)


def _undeclared() -> Benchmark:
    """A benchmark that declares nothing: every number that comes out is shown."""
    digits = Disclosure(minimum_cell=MINIMUM_CELL, significant_digits=6)
    values: dict[str, Any] = {"metrics": (), "groups": (), "disclosure": digits}
    return Benchmark.model_construct(None, **values)
