"""The breast cancer example in its own containers: a hospital's real patients, from raw export to drafts."""

from __future__ import annotations

import importlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from medperf_cli.adapters.store.settings import Settings
from medperf_cli.core.names import Kind
from medperf_cli.flows.running import compatibility
from medperf_cli.flows.running.benchmark_run import run_benchmark
from medperf_cli.flows.running.dataset_folder import Source, remember_source
from medperf_cli.flows.running.local_results import local_results
from medperf_cli.flows.running.published import prepared_fields
from medperf_cli.flows.running.result_draft import result_fields
from tests.support.example_cubes import CUBES, HERE, HOSPITAL
from tests.support.hospital import Hospital
from tests.support.shell_cubes import ShellStory
from tests.support.story_fields import DATASET, FOREST, METRICS, PREPARATOR, REFERENCE, TISSUE
from tests.support.tiny_image import TinyImage

pytestmark = pytest.mark.container
NAMES = {
    PREPARATOR: "data-preparator",
    REFERENCE: "reference-model",
    FOREST: "random-forest",
    METRICS: "metrics",
}


@pytest.fixture
def assets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The example's archives, weights and demo data, built offline on the base that stands in the cache."""
    monkeypatch.syspath_prepend(HERE)
    build_images = importlib.import_module("build_images")
    cache = HERE.parents[1] / ".cache/breast-cancer"
    if not (cache / build_images._base_key(None) / "base.json").exists():
        pytest.skip("no base image in the cache: run examples/breast-cancer/build_images.py once")
    build_images.build(tmp_path / "assets", cache, None, refresh=False)
    return tmp_path / "assets"


def cube(name: str, summary: dict[str, Any]) -> dict[str, Any]:
    """A cube's fields, as its owner would submit them."""
    folder, built = CUBES / name, summary["cubes"][name]
    container = yaml.safe_load((folder / "container_config.yaml").read_text())
    del container["image"]
    container["image_id"] = built["image_id"]
    container["archive"] = {key: built["archive"][key] for key in ("sha256", "size")}
    fields = {
        **yaml.safe_load((folder / "cube.yaml").read_text()),
        "container": container,
        "state": "operation",
    }
    parameters = folder / "workspace/parameters.yaml"
    if parameters.exists():
        fields["parameters"] = yaml.safe_load(parameters.read_text())
    fields["additional_files"] = [
        {"sha256": file["sha256"], "size": file["size"], "name": file["file"], "unpack": False}
        for file in built["additional_files"]
    ]
    return fields


@pytest.fixture
def hospital(assets: Path, image: TinyImage, tmp_path: Path) -> Hospital:
    summary = json.loads((assets / "images.json").read_text())
    story = ShellStory(
        image,
        assets / "demo_dataset.tar.gz",
        cubes={name: cube(folder, summary) for name, folder in NAMES.items()},
        benchmark_more=yaml.safe_load((HERE / "benchmark.yaml").read_text()),
    )
    settings = Settings(tmp_path / "home", registry=story.world.registry, member="st-mary", assets=(assets,))
    return Hospital(tmp_path, story, image, settings)


def test_real_patients_are_prepared_run_and_drafted(hospital: Hospital, tmp_path: Path) -> None:
    raw = Path(shutil.copytree(HERE / "data" / HOSPITAL, tmp_path / "export"))
    remember_source(hospital.settings, DATASET, Source(raw / "features", raw / "labels"))
    data = hospital.prepare()
    assert data.counts["cases"] == 180
    assert hospital.talk.heard("report: 180 cases: 180 PREPARED")
    story, world = hospital.story, hospital.story.world
    with hospital.open() as workbench:
        assert compatibility.tested_on_demo(workbench, story.parts, story.parts.reference).metrics
    story.take_part(prepared_fields(data, 11))
    with hospital.open() as workbench, hospital.index() as index:
        summary = run_benchmark(workbench, index, TISSUE, DATASET)
        assert summary.failure is None, summary.rows
        found = {local.model: local for local in local_results(workbench.spool, index, "st-mary")}
        drafts = {}
        for model in (REFERENCE, FOREST):
            drafts[model] = result_fields(workbench, world.state, index, found[model])
            world.merge(world.write(Kind.RESULT, f"{TISSUE}/{model}/{DATASET}", **drafts[model]))
    numbers = {m["key"]: m for m in drafts[FOREST]["metrics"]}
    assert list(numbers) == ["auroc", "accuracy", "brier", "sensitivity", "specificity"]
    assert numbers["accuracy"]["count"] == 180
    assert numbers["accuracy"]["mean"] > 0.9
    assert numbers["sensitivity"]["denominator"] == 67
    assert drafts[FOREST]["unit"] == "patient"
    (against,) = drafts[FOREST]["against"]
    assert {m["key"] for m in against["metrics"]} == {"accuracy", "brier", "sensitivity", "specificity"}
