"""Fixtures for contract tests: a container engine that answers, and a tiny image in it."""

from __future__ import annotations

import uuid
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from medperf_cli.adapters.runtime.docker_engine import DockerEngine, connect
from medperf_cli.errors import EngineError
from tests.support.runtime import Bench, Site, archive_cube
from tests.support.tiny_image import TinyImage, make_archive, static_busybox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from docker import APIClient


@pytest.fixture(scope="session")
def engine() -> DockerEngine:
    try:
        return connect()
    except EngineError as error:
        pytest.skip(f"no engine answers: {error.message}")


@pytest.fixture(scope="session")
def docker_api(engine: DockerEngine) -> Iterator[APIClient]:
    """The engine seen by somebody else than our code."""
    from docker import APIClient  # noqa: PLC0415 - only where the SDK is there

    with closing(APIClient(engine._host, version="auto")) as api:
        yield api


@pytest.fixture(scope="session")
def tiny(
    engine: DockerEngine, docker_api: APIClient, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TinyImage]:
    if static_busybox() is None:
        pytest.skip("no static busybox to make an image of: apt install busybox-static")
    image = make_archive(tmp_path_factory.mktemp("image") / "tiny.tar", uuid.uuid4().hex)
    engine.image(archive_cube(image.config_digest), image.archive)
    yield image
    docker_api.remove_image(image.config_digest, force=True)


@pytest.fixture
def bench(engine: DockerEngine, tiny: TinyImage, tmp_path: Path) -> Bench:
    return Bench(engine, tiny.config_digest, Site(tmp_path / "site", uuid.uuid4().hex, engine.caller()))
