"""`test run`: cubes on a demo dataset, raw data or a prepared dataset, before anything is submitted."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from medperf_cli.adapters.executor.base import Observer
from medperf_cli.adapters.store.index import Index
from medperf_cli.core.names import Kind
from medperf_cli.errors import UsageError
from medperf_cli.flows.deps import Deps
from medperf_cli.flows.identity import me
from medperf_cli.flows.reading.verified_index import reading
from medperf_cli.flows.running.compatibility import (
    TestOutcome,
    run_trial,
    tested_on_demo,
    tested_with_reference,
)
from medperf_cli.flows.running.cube_inputs import cube_digest
from medperf_cli.flows.running.dataset_folder import DatasetFolder, Source, dataset_folder, found_source
from medperf_cli.flows.running.parts import Parts
from medperf_cli.flows.running.prepare import prepare_folder
from medperf_cli.flows.running.prepared_data import PreparedData, check_prepared
from medperf_cli.flows.running.tests_kept import kept, one_kept
from medperf_cli.flows.running.workbench import Workbench, open_workbench
from medperf_cli.flows.submitting.local_cube import is_local
from medperf_cli.flows.submitting.submit_cube import shelf
from medperf_cli.flows.submitting.trial import Trial, TrialParts

_ALL_CUBES = 3


def try_cubes(
    deps: Deps, trial: Trial, *, no_cache: bool = False, observer: Observer | None = None
) -> dict[str, Any]:
    """Run the test and return the record that is kept of it (a failed one is kept too, and raises).

    Raises:
        UsageError: the trial names too little, or two kinds of data.
        ContainerError: a cube fails, or a metric does not come out.

    """
    _refuse_unclear(trial)
    with _index(deps, trial) as index, open_workbench(deps) as workbench, shelf(deps, None) as taken:
        parts = TrialParts(deps, index, taken, trial).all()
        outcome = _Try(workbench, index, trial, parts, no_cache, observer).outcome()
    return one_kept(deps.settings, outcome.uid)


def _refuse_unclear(trial: Trial) -> None:
    kinds = [kind for kind in (trial.dataset, trial.demo_dataset, trial.data or trial.labels) if kind]
    if len(kinds) > 1:
        raise UsageError(
            "more than one kind of data is named",
            hint="name a dataset, or a demo dataset, or --data_path and --labels_path",
        )
    if (trial.data is None) != (trial.labels is None):
        raise UsageError("data and labels belong together", hint="name both --data_path and --labels_path")
    if trial.benchmark is not None:
        return
    if len(trial.cubes) < _ALL_CUBES:
        raise UsageError(
            "without a benchmark all three cubes are needed",
            hint="name a benchmark with -b, or cubes with -p, -m and -e",
        )
    if not kinds:
        raise UsageError(
            "without a benchmark there is no demo dataset",
            hint="name one with --demo_dataset, or data with --data_path and --labels_path, or -d",
        )


@contextmanager
def _index(deps: Deps, trial: Trial) -> Iterator[Index | None]:
    """The registry's index; None where no id is named and none is needed."""
    if trial.benchmark or trial.dataset or not all(map(is_local, trial.cubes)):
        with reading(deps.settings, at_work=True) as (index, _):
            yield index
    else:
        yield None


@dataclass(frozen=True)
class _Try:
    """One test, put together."""

    workbench: Workbench
    index: Index | None
    trial: Trial
    parts: Parts
    no_cache: bool
    observer: Observer | None

    def outcome(self) -> TestOutcome:
        """Run it on what the trial names."""
        if self.trial.data is not None and self.trial.labels is not None:
            return self._on_raw(Source(self.trial.data, self.trial.labels, None, self.trial.as_prepared))
        if self.trial.dataset is not None and self.index is not None:
            return self._on_dataset(self.index, self.index.resolve(Kind.DATASET, self.trial.dataset))
        return tested_on_demo(
            self.workbench,
            self.parts,
            self.parts.reference,
            no_cache=self.no_cache,
            as_prepared=self.trial.as_prepared,
            observer=self.observer,
        )

    def _on_dataset(self, index: Index, dataset: str) -> TestOutcome:
        data = self._prepared(index, dataset)
        if self.trial.benchmark is not None and not self.trial.overrides:
            return tested_with_reference(
                self.workbench, self.parts, data, dataset, no_cache=self.no_cache, observer=self.observer
            )
        return self._on(data, f"dataset {dataset}", data.hash)

    def _prepared(self, index: Index, dataset: str) -> PreparedData:
        deps, member = self.workbench.deps, me(self.workbench.settings)
        if dataset.partition("/")[0] != member:
            raise UsageError(
                f"dataset '{dataset}' is not of member '{member}'", hint="only its owner runs models on it"
            )
        registered = index.get(Kind.DATASET, dataset).document.get("prepared") or {}
        return check_prepared(deps, dataset_folder(deps.settings, dataset), registered.get("hash"))

    def _on_raw(self, source: Source) -> TestOutcome:
        """Raw data are prepared in a folder of their own; the same paths and cube take that up again."""
        source, cube = found_source(source), self.parts.preparator.cube
        text = f"{source.data}\n{source.labels}\n{source.as_prepared}\n{cube_digest(cube)}"
        digest = hashlib.sha256(text.encode()).hexdigest()
        folder = DatasetFolder(self.workbench.settings.home / "tests" / "data" / digest[:16])
        self.workbench.talk.say(f"preparing '{source.data}'")
        return self._on(
            prepare_folder(self.workbench, folder, source, cube), f"data in {source.data}", digest
        )

    def _on(self, data: PreparedData, words: str, digest: str) -> TestOutcome:
        model = self.parts.reference
        with kept(self.workbench, self.parts, model, words, digest) as record:
            return run_trial(
                self.workbench,
                self.parts,
                model,
                data,
                record,
                no_cache=self.no_cache,
                observer=self.observer,
            )
