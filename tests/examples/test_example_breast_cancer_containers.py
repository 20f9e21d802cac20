"""Every model of the example in its container: what the same code gives here, for every hospital."""

from __future__ import annotations

import importlib
import shutil
import uuid
from pathlib import Path
from typing import Any

import pytest
import yaml

from medperf_cli.adapters.runtime.base import Limits
from medperf_cli.adapters.runtime.checked import run_checked
from medperf_cli.adapters.runtime.docker_engine import DockerEngine, connect
from medperf_cli.adapters.runtime.plan import plan
from medperf_cli.core.entities.cube import Container
from medperf_cli.errors import EngineError
from tests.support.example_cubes import (
    CUBES,
    HERE,
    HOSPITALS,
    MODELS,
    read,
    succeed,
    with_raw,
    with_workspace,
    write,
)

pytestmark = [pytest.mark.container, pytest.mark.xdist_group("example-containers")]

LIMITS = Limits(
    memory_bytes=1 << 30,
    cpus=1.0,
    pids=64,
    shm_bytes_max=64 << 20,
    output_bytes=16 << 20,
    output_files=100,
    open_files=256,
    log_bytes=100_000,
    timeout_seconds=120,
)
MOUNTS = {
    "data_path": "data",
    "labels_path": "labels",
    "metadata_path": "metadata",
    "parameters_file": "parameters/parameters_file.yaml",
    "additional_files": "additional_files",
    "output_path": "predictions",
}


@pytest.fixture(scope="module")
def engine() -> DockerEngine:
    try:
        return connect()
    except EngineError as error:
        pytest.skip(f"no engine answers: {error.message}")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The summary of a build on the base in the cache, and the folder it stands in."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(HERE)
        build_images = importlib.import_module("build_images")
    cache = HERE.parents[1] / ".cache/breast-cancer"
    if not (cache / build_images._base_key(None) / "base.json").exists():
        pytest.skip("no base image in the cache: run examples/breast-cancer/build_images.py once")
    folder = tmp_path_factory.mktemp("assets")
    return {"folder": folder, **build_images.build(folder, cache, None, refresh=False)}


@pytest.fixture(scope="module")
def everybody(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The prepared tables of all three hospitals as one, to run each container once."""
    folder = tmp_path_factory.mktemp("everybody")
    tables = []
    for hospital in HOSPITALS:
        volumes = with_raw(folder / hospital, f"{hospital}/export")
        succeed("data-preparator", "prepare", volumes)
        tables.append(read(volumes / "data/features.csv"))
    (folder / "all/data").mkdir(parents=True)
    write(folder / "all/data/features.csv", [tables[0][0], *(row for table in tables for row in table[1:])])
    return folder / "all"


def run_in_container(engine: DockerEngine, built: dict[str, Any], cube: str, task: str, volumes: Path) -> str:
    """Run a task of a cube in its container on the folders `volumes`; returns what it logged."""
    config = yaml.safe_load((CUBES / cube / "container_config.yaml").read_text(encoding="utf-8"))
    del config["image"]
    summary = built["cubes"][cube]
    archive = {key: summary["archive"][key] for key in ("sha256", "size")}
    container = Container.model_validate({**config, "archive": archive, "image_id": summary["image_id"]})
    image = engine.image(container, built["folder"] / summary["archive"]["file"])
    log = volumes / "log.txt"
    spec = plan(
        container,
        task,
        {key: volumes / mount for key, mount in MOUNTS.items()},
        image_id=image,
        cell=uuid.uuid4().hex,
        scratch=volumes / "scratch",
        log_file=log,
        user=engine.caller(),
        limits=LIMITS,
    )
    report = run_checked(engine, spec)
    return f"{report.exit_code}: {log.read_text(encoding='utf-8')}"


@pytest.mark.parametrize("model", MODELS)
def test_a_models_container_predicts_what_its_code_predicts_here(
    engine: DockerEngine, built: dict[str, Any], everybody: Path, tmp_path: Path, model: str
) -> None:
    here = with_workspace(Path(shutil.copytree(everybody, tmp_path / "here")), model)
    succeed(model, "infer", here)
    there = with_workspace(Path(shutil.copytree(everybody, tmp_path / "there")), model)
    assert "0: predicted 380 cases" in run_in_container(engine, built, model, "infer", there)
    expected, found = (read(folder / "predictions/predictions.csv")[1:] for folder in (here, there))
    assert [row[0] for row in found] == [row[0] for row in expected]
    assert [float(row[1]) for row in found] == pytest.approx([float(row[1]) for row in expected], abs=2e-6)
