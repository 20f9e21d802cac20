"""The example's data split and its build: reproducible, idle when nothing changed, and without any engine."""

from __future__ import annotations

import importlib
import json
import tarfile
from pathlib import Path

import pytest
import yaml

from tests.support.example_cubes import CUBES, HERE, HOSPITALS, read, succeed, with_raw


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The example is scripts, not a package of this project."""
    monkeypatch.syspath_prepend(HERE)


def test_the_committed_data_are_what_the_script_makes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_data = importlib.import_module("make_data")
    monkeypatch.setattr(make_data, "DATA", tmp_path)
    (tmp_path / "demo").mkdir()
    make_data.main()
    made = {p.relative_to(tmp_path): p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    assert made == {path: (HERE / "data" / path).read_bytes() for path in made}
    assert len(made) == 14
    parts = json.loads((tmp_path / "split.json").read_bytes())
    assert sum(sum(part.values()) for part in parts.values()) == 569
    assert min(min(part.values()) for part in parts.values()) > 11


def test_no_patient_is_in_two_parts() -> None:
    make_data = importlib.import_module("make_data")
    people = make_data.patients()
    parts = list(zip(make_data.EXPORTS, make_data.split(people, make_data.EXPORTS), strict=True))
    rows = [p.row for _, part in parts for p in part]
    assert len(rows) == len(set(rows)) == 569
    mix = {export.folder: sum(p.malignant for p in part) / len(part) for export, part in parts}
    assert min(min(e.malignant, e.benign) for e, _ in parts) > 11
    assert mix["north-clinic/export"] == 0.2
    assert mix["st-mary/export"] == pytest.approx(0.37, abs=0.01)
    assert mix["lakeside/export"] > 0.6


def test_every_export_holds_the_published_digits(tmp_path: Path) -> None:
    """What an export scales or leaves out comes back by the cube's preparation to the published number."""
    make_data = importlib.import_module("make_data")
    people = make_data.patients()
    for export, part in zip(make_data.EXPORTS, make_data.split(people, make_data.EXPORTS), strict=True):
        if (name := export.folder.split("/")[0]) not in HOSPITALS:
            continue
        volumes = with_raw(tmp_path / name, export.folder)
        succeed("data-preparator", "prepare", volumes)
        header, *rows = read(volumes / "data/features.csv")
        completed = {tuple(row) for row in read(volumes / "metadata/completed.csv")[1:]}
        columns = ["_".join(column).replace(" ", "_") for column in make_data.COLUMNS]
        assert header[1:] == columns
        for row, patient in zip(rows, part, strict=True):
            for column, cell, value in zip(columns, row[1:], patient.values, strict=True):
                assert (row[0], column) in completed or float(cell) == value
        assert bool(completed) == (name == "lakeside")


@pytest.fixture
def tiny_base(tmp_path: Path) -> Path:
    """A cache that holds a base, so that nothing is downloaded; the build treats it as any other."""
    build_images = importlib.import_module("build_images")
    layers = importlib.import_module("imagebuild.layers")
    folder = tmp_path / "cache" / build_images._base_key(None)
    folder.mkdir(parents=True)
    (tmp_path / "issue").write_text("a very small system\n", encoding="utf-8")
    layer = layers.from_files({Path("/etc/issue"): tmp_path / "issue"}, folder / "layer.tar")
    record = {"layers": [build_images._asset(layer)], "architecture": "amd64", "settings": {"Env": ["A=1"]}}
    (folder / "base.json").write_text(json.dumps(record), encoding="utf-8")
    return tmp_path / "cache"


def test_the_build_is_reproducible_and_idle_when_nothing_changed(tiny_base: Path, tmp_path: Path) -> None:
    build_images = importlib.import_module("build_images")
    summary = build_images.build(tmp_path / "a", tiny_base, None, refresh=False)
    assert build_images.build(tmp_path / "b", tiny_base, None, refresh=False) == summary
    archive = tmp_path / "a/metrics.tar"
    before = archive.stat().st_mtime_ns
    assert build_images.build(tmp_path / "a", tiny_base, None, refresh=False) == summary
    assert archive.stat().st_mtime_ns == before
    archive.write_bytes(b"torn")
    assert build_images.build(tmp_path / "a", tiny_base, None, refresh=False) == summary
    assert archive.read_bytes() == (tmp_path / "b/metrics.tar").read_bytes()


def test_models_of_one_vendor_share_an_image_and_differ_in_their_weights(
    tiny_base: Path, tmp_path: Path
) -> None:
    build_images = importlib.import_module("build_images")
    cubes = build_images.build(tmp_path / "out", tiny_base, None, refresh=False)["cubes"]
    assert len(cubes) == 9
    assert (
        len({cube["image_id"] for cube in cubes.values()}) == len(list((tmp_path / "out").glob("*.tar"))) == 5
    )
    trees = [cubes[name] for name in ("random-forest", "gradient-boosting", "one-feature")]
    assert len({cube["archive"]["sha256"] for cube in trees}) == 1
    assert len({cube["additional_files"][0]["sha256"] for cube in trees}) == 3


def test_an_archive_holds_the_cube_its_settings_and_consistent_digests(
    tiny_base: Path, tmp_path: Path
) -> None:
    layers = importlib.import_module("imagebuild.layers")
    build_images = importlib.import_module("build_images")
    summary = build_images.build(tmp_path / "out", tiny_base, None, refresh=False)
    with tarfile.open(tmp_path / "out/metrics.tar") as tar:
        tar.extractall(tmp_path / "image", filter="data")
    image = tmp_path / "image"
    for blob in (image / "blobs/sha256").iterdir():
        assert layers.blob(blob).sha256 == blob.name
    (saved,) = json.loads((image / "manifest.json").read_bytes())
    config = json.loads((image / saved["Config"]).read_bytes())
    assert f"sha256:{Path(saved['Config']).name}" == summary["cubes"]["metrics"]["image_id"]
    assert config["rootfs"]["diff_ids"] == [f"sha256:{Path(name).name}" for name in saved["Layers"]]
    assert config["config"]["Entrypoint"] == ["python3", "/project/main.py"]
    assert config["config"]["Env"] == ["A=1", "PYTHONUNBUFFERED=1", "PYTHONDONTWRITEBYTECODE=1"]
    with tarfile.open(image / saved["Layers"][-1]) as layer:
        assert [m.name for m in layer if m.isfile()] == sorted(
            f"project/{p.name}" for p in [*CUBES.glob("shared/*.py"), *CUBES.glob("metrics/project/*.py")]
        )
        assert {(m.uid, m.mtime, m.mode & 0o444) for m in layer} == {(0, layers.EPOCH, 0o444)}


def test_the_demo_dataset_is_a_tar_gz_with_its_paths_on_top(tiny_base: Path, tmp_path: Path) -> None:
    importlib.import_module("build_images").build(tmp_path / "out", tiny_base, None, refresh=False)
    with tarfile.open(tmp_path / "out/demo_dataset.tar.gz") as tar:
        tar.extractall(tmp_path / "demo", filter="data")
    paths = yaml.safe_load((tmp_path / "demo/paths.yaml").read_text(encoding="utf-8"))
    assert len(read(tmp_path / "demo" / paths["data_path"] / "features.csv")) == 41
    assert len(read(tmp_path / "demo" / paths["labels_path"] / "labels.csv")) == 41


def test_what_cannot_be_built_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    imagebuild = importlib.import_module("imagebuild")
    build_images = importlib.import_module("build_images")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(imagebuild.BuildError, match="install mmdebstrap"):
        build_images.build(tmp_path / "out", tmp_path / "cache", None, refresh=False)
    with pytest.raises(imagebuild.BuildError, match="not pinned"):
        build_images.build(tmp_path / "out", tmp_path / "cache", "python:3.12-slim", refresh=False)
    with pytest.raises(imagebuild.BuildError, match="no `docker`"):
        build_images.build(tmp_path / "out", tmp_path / "cache", f"python@sha256:{'0' * 64}", refresh=False)
    (tmp_path / "Dockerfile").write_text("FROM x\nRUN true\n", encoding="utf-8")
    with pytest.raises(imagebuild.BuildError, match="uses RUN"):
        importlib.import_module("imagebuild.dockerfile").read(tmp_path / "Dockerfile", tmp_path)
