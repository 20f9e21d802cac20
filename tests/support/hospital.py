"""A hospital with its own home, for flows that run cubes: what it was told and what its commands do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from medperf_cli.adapters.store.index import Index
from medperf_cli.adapters.store.settings import Settings, save
from medperf_cli.flows.deps import Deps
from medperf_cli.flows.reading.registry import place
from medperf_cli.flows.running.benchmark_run import RunSummary, run_benchmark
from medperf_cli.flows.running.dataset_folder import DatasetFolder, Source, dataset_folder, remember_source
from medperf_cli.flows.running.local_results import local_results
from medperf_cli.flows.running.prepare import prepare_dataset
from medperf_cli.flows.running.prepared_data import PreparedData
from medperf_cli.flows.running.published import prepared_fields
from medperf_cli.flows.running.result_draft import result_fields
from medperf_cli.flows.running.workbench import Workbench, open_workbench
from tests.support.shell_cubes import ShellStory, raw_folders
from tests.support.story_fields import DATASET, PREPARATOR, TISSUE
from tests.support.tiny_image import TinyImage

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


class Listener:
    """Remembers what was said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    def progress(self, step: str, done: int, total: int | None) -> None:
        assert done >= 0, (step, total)

    def heard(self, text: str) -> bool:
        return any(text in line for line in self.said)


def _never(text: str) -> bool:
    raise AssertionError(f"nothing leaves here, so nobody is asked: {text}")


@dataclass
class Hospital:
    """A site with its home; `open` gives a workbench, as one command would have it."""

    home: Path
    story: ShellStory
    image: TinyImage
    settings: Settings
    talk: Listener = field(default_factory=Listener)

    @property
    def deps(self) -> Deps:
        return Deps(self.settings, lambda: NOON, self.talk, _never, interactive=False)

    @contextmanager
    def open(self, **changes: Any) -> Iterator[Workbench]:
        with open_workbench(self.deps) as workbench:
            yield replace(workbench, **changes)

    @property
    def folder(self) -> DatasetFolder:
        return dataset_folder(self.settings, DATASET)

    def submit(self, patients: int = 40, **more: Any) -> tuple[Path, Path]:
        data, labels = raw_folders(self.home, patients)
        remember_source(self.settings, DATASET, Source(data, labels, **more))
        return data, labels

    def prepare(self, **flags: Any) -> PreparedData:
        with self.open() as workbench:
            return prepare_dataset(workbench, DATASET, self.story.cube(PREPARATOR), **flags)

    def take_part(self) -> PreparedData:
        """Submit, prepare, set operational, be associated."""
        self.submit()
        data = self.prepare()
        self.story.take_part(prepared_fields(data, 11))
        return data

    def keep(self) -> None:
        """Write index and profile to the home, for commands that are run as processes."""
        here = place(self.settings)
        here.folder.mkdir(parents=True, exist_ok=True)
        self.story.index(here.index).close()
        assets = [str(folder) for folder in self.settings.assets]
        save(self.settings, {"registry": self.settings.registry, "member": "st-mary", "assets": assets})

    @contextmanager
    def index(self) -> Iterator[Index]:
        with self.story.index(self.home / "index.sqlite") as index:
            yield index


MakeHospital = Callable[..., Hospital]


def run(hospital: Hospital, models: Sequence[str] | None = None, *, no_cache: bool = False) -> RunSummary:
    """`benchmark run`, as one command."""
    with hospital.open() as workbench, hospital.index() as index:
        return run_benchmark(workbench, index, TISSUE, DATASET, models, no_cache=no_cache)


def drafted(hospital: Hospital, model: str) -> dict[str, Any]:
    """The fields of the model's result, from what was run."""
    with hospital.open() as workbench, hospital.index() as index:
        (local,) = [r for r in local_results(workbench.spool, index, "st-mary") if r.model == model]
        return result_fields(workbench, hospital.story.world.state, index, local)


def value(fields: dict[str, Any], key: str) -> dict[str, Any]:
    return next(dict(metric) for metric in fields["metrics"] if metric["key"] == key)
