"""A hospital with a real engine: its settings, a workbench, and a registry of shell-script cubes."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from medperf_cli.adapters.runtime.docker_engine import DockerEngine, connect
from medperf_cli.adapters.store.settings import Settings
from medperf_cli.errors import EngineError
from tests.support.hospital import Hospital, MakeHospital
from tests.support.shell_cubes import ShellStory, demo_archive
from tests.support.tiny_image import TinyImage, make_archive, static_busybox


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
