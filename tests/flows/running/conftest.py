"""A hospital with a real engine: its settings, a workbench, and a registry of shell-script cubes."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from medperf_cli.adapters.runtime.docker_engine import DockerEngine, connect
from medperf_cli.adapters.store.index import Index
from medperf_cli.adapters.store.settings import Settings
from medperf_cli.errors import EngineError
from medperf_cli.flows.dataset_folder import DatasetFolder, dataset_folder, remember_source
from medperf_cli.flows.deps import Deps
from medperf_cli.flows.prepare import prepare_dataset
from medperf_cli.flows.prepared_data import PreparedData
from medperf_cli.flows.published import prepared_fields
from medperf_cli.flows.workbench import Workbench, open_workbench
from tests.support.shell_cubes import PREPARATOR, ShellStory, demo_archive, raw_folders
from tests.support.story_fields import DATASET
from tests.support.tiny_image import TinyImage, make_archive, static_busybox

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
        remember_source(self.settings, DATASET, data, labels, **more)
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

    @contextmanager
    def index(self) -> Iterator[Index]:
        with self.story.index(self.home / "index.sqlite") as index:
            yield index


@pytest.fixture(scope="session")
def engine() -> DockerEngine:
    try:
        return connect()
    except EngineError as error:
        pytest.skip(f"no engine answers: {error.message}")


@pytest.fixture(scope="session")
def image(engine: DockerEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TinyImage]:
    """A tiny image that is not loaded yet."""
    from docker import APIClient  # noqa: PLC0415 - only where the SDK is there

    if static_busybox() is None:
        pytest.skip("no static busybox to make an image of: apt install busybox-static")
    tiny = make_archive(tmp_path_factory.mktemp("image") / "tiny.tar", uuid.uuid4().hex)
    yield tiny
    with closing(APIClient(engine._host, version="auto")) as api:
        if api.images(filters={"label": "salt"}) and tiny.config_digest in {i["Id"] for i in api.images()}:
            api.remove_image(tiny.config_digest, force=True)


MakeHospital = Callable[..., Hospital]


@pytest.fixture
def make_hospital(image: TinyImage, tmp_path: Path) -> MakeHospital:
    """A hospital whose registry's cubes run other scripts, by task, if given."""

    def make(benchmark: dict[str, Any] | None = None, **scripts: str) -> Hospital:
        assets = tmp_path / "assets"
        assets.mkdir()
        (assets / "image.tar").symlink_to(image.archive)
        demo = demo_archive(assets)
        story = ShellStory(image, demo, scripts=scripts, benchmark_more=benchmark or {})
        settings = Settings(
            home=tmp_path / "home", registry=story.world.registry, member="st-mary", assets=(assets,)
        )
        return Hospital(tmp_path, story, image, settings)

    return make


@pytest.fixture
def hospital(make_hospital: MakeHospital) -> Hospital:
    return make_hospital()
