"""Pinned images on the real engine: loaded or pulled, verified, and the user's own tags left alone."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
import uuid
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import pytest

from medperf_cli.core.entities.cube import Container
from medperf_cli.errors import EngineError, IntegrityError
from tests.support.runtime import archive_cube
from tests.support.tiny_image import TinyImage, make_archive, static_busybox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from docker import APIClient

    from medperf_cli.adapters.runtime.base import Engine

pytestmark = pytest.mark.container
ABSENT = f"sha256:{'1' * 64}"


@pytest.fixture
def fresh(docker_api: APIClient, tmp_path: Path) -> Iterator[TinyImage]:
    """An archive that was never loaded, with a name of its own in it."""
    if static_busybox() is None:
        pytest.skip("no static busybox to make an image of: apt install busybox-static")
    salt = uuid.uuid4().hex
    image = make_archive(tmp_path / "fresh.tar", salt, tags=(f"medperf-test-{salt}:latest",), oci=True)
    yield image
    _forget(docker_api, image.config_digest)


def _forget(api: APIClient, name: str) -> None:
    if _id(api, name):
        api.remove_image(name, force=True)


def _id(api: APIClient, name: str) -> str | None:
    from docker.errors import ImageNotFound  # noqa: PLC0415 - only where the SDK is there

    try:
        return str(api.inspect_image(name)["Id"])
    except ImageNotFound:
        return None


def test_an_archive_is_loaded_once_and_then_needed_no_more(
    engine: Engine, docker_api: APIClient, fresh: TinyImage
) -> None:
    cube = archive_cube(fresh.config_digest)

    assert engine.image(cube, fresh.archive) == fresh.config_digest
    fresh.archive.unlink()
    assert engine.image(cube, None) == fresh.config_digest
    assert _id(docker_api, fresh.tags[0]) is None, "loading gave the image a name of the archive's choice"


def test_a_name_of_the_user_stays_where_it_was(
    engine: Engine, docker_api: APIClient, fresh: TinyImage, tiny: TinyImage
) -> None:
    docker_api.tag(tiny.config_digest, *fresh.tags[0].split(":"))
    try:
        engine.image(archive_cube(fresh.config_digest), fresh.archive)
        assert _id(docker_api, fresh.tags[0]) == tiny.config_digest
    finally:
        docker_api.remove_image(fresh.tags[0])


def test_the_manifest_digest_of_newer_engines_is_the_same_image(engine: Engine, fresh: TinyImage) -> None:
    found = engine.image(archive_cube(fresh.manifest_digest), fresh.archive)

    assert found in {fresh.config_digest, fresh.manifest_digest}


def test_an_archive_of_another_image_is_refused_and_not_loaded(
    engine: Engine, docker_api: APIClient, fresh: TinyImage
) -> None:
    with pytest.raises(IntegrityError, match=f"does not hold image '{ABSENT}'"):
        engine.image(archive_cube(ABSENT), fresh.archive)
    assert _id(docker_api, fresh.config_digest) is None


def test_a_file_that_is_no_archive_is_refused(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "junk.tar").write_bytes(b"junk")

    with pytest.raises(IntegrityError, match="is not an image archive"):
        engine.image(archive_cube(ABSENT), tmp_path / "junk.tar")


def test_a_missing_image_says_where_it_could_come_from(engine: Engine, tmp_path: Path) -> None:
    for archive in (None, tmp_path / "absent.tar"):
        with pytest.raises(EngineError, match="neither in docker nor in an archive") as caught:
            engine.image(archive_cube(ABSENT), archive)
        assert "assets" in caught.value.hint


def test_an_image_of_another_engine_is_refused(engine: Engine) -> None:
    sif = {
        "container_type": "SingularityFile",
        "archive": {"sha256": "0" * 64, "size": 1},
        "tasks": {"infer": {}},
    }

    with pytest.raises(EngineError, match="does not run a SingularityFile"):
        engine.image(Container.model_validate(sif), None)


@contextmanager
def _registry(folder: Path) -> Iterator[str]:
    """An image registry on this machine; gives its host and port."""
    program = shutil.which("docker-registry") or shutil.which("registry")
    if program is None:
        pytest.skip("no image registry to pull from: apt install docker-registry")
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    config = folder / "registry.yml"
    config.write_text(
        f"version: 0.1\nlog: {{level: error}}\n"
        f"storage: {{filesystem: {{rootdirectory: {folder / 'store'}}}}}\n"
        f"http: {{addr: '{address}'}}\n"
    )
    with subprocess.Popen(
        [program, "serve", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as server:
        try:
            _await(address)
            yield address
        finally:
            server.terminate()


def _await(address: str) -> None:
    host, _, port = address.partition(":")
    for _ in range(100):
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    pytest.fail("the image registry does not answer")


def _by_digest(reference: str) -> Container:
    return Container.model_validate(
        {"container_type": "DockerImage", "image": reference, "tasks": {"infer": {}}}
    )


def test_an_image_is_pulled_by_digest_and_used_without_the_registry_after(
    engine: Engine, docker_api: APIClient, fresh: TinyImage, tmp_path: Path
) -> None:
    engine.image(archive_cube(fresh.config_digest), fresh.archive)
    with _registry(tmp_path) as address:
        name = f"{address}/site/tiny"
        docker_api.tag(fresh.config_digest, name, "1")
        docker_api.push(name, "1")
        digest = docker_api.inspect_image(fresh.config_digest)["RepoDigests"][0].partition("@")[2]
        _forget(docker_api, fresh.config_digest)

        cube = _by_digest(f"{name}:1@{digest}")
        assert engine.image(cube, None) == fresh.config_digest
        with pytest.raises(EngineError, match="cannot be had") as caught:
            engine.image(_by_digest(f"{name}@{ABSENT}"), None)
        assert "docker login" in caught.value.hint

    assert engine.image(cube, None) == fresh.config_digest
    _forget(docker_api, fresh.config_digest)
    with pytest.raises(EngineError, match="connection refused"):
        engine.image(cube, None)
