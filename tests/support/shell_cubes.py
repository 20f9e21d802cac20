"""Cubes that are shell scripts in the tiny image, and a story's registry that is built on them."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from medperf_cli.adapters.store.index import Index
from medperf_cli.adapters.store.index_rows import Meta
from medperf_cli.core.entities.cube import Cube
from medperf_cli.core.names import Kind
from medperf_cli.flows.reading.index_state import Entry, rows
from medperf_cli.flows.running.parts import Fetch, Parts, PinnedCube, fetch_cube, fetch_parts, standing_in
from tests.support.runtime import script
from tests.support.story_fields import (
    DATASET,
    FOREST,
    METRICS,
    PREPARATOR,
    REFERENCE,
    TISSUE,
    association_fields,
    benchmark_fields,
    cube_fields,
)
from tests.support.tiny_image import TinyImage
from tests.support.world import World, genesis, member_file

V = "/mlcommons/volumes"
PREPARE = f"""
echo 'status_name: {{a: PREPARED, b: PREPARED, c: REFUSED}}' > {V}/report/report.yaml
cat {V}/raw_data/* > {V}/data/cases.txt
cat {V}/raw_labels/* > {V}/labels/labels.csv
echo 'format: shell-1' > {V}/metadata/metadata.yaml
"""
SANE = f"test -s {V}/data/cases.txt"
STATISTICS = f"""
n=0; while read -r line; do n=$((n + 1)); done < {V}/data/cases.txt
printf 'cases: %s\\npatients: %s\\nmean_size: 2.5\\n' $n $n > {V}/statistics/statistics.yaml
"""
INFER = f"""
read -r key every < {V}/parameters/parameters_file.yaml
n=0
while read -r case; do
  n=$((n + 1)); right=1
  [ $((n % every)) = 0 ] && right=0
  echo "$case,$right"
done < {V}/data/cases.txt > {V}/predictions/predictions.csv
"""
"""Is wrong in every so manieth case, as its parameter says."""
EVALUATE = f"""
echo 'case,patient,accuracy,true_positive,positive' > {V}/local_outputs/cases.csv
while IFS=, read -r case right; do
  while IFS=, read -r labelled positive; do
    [ "$case" = "$labelled" ] || continue
    echo "$case,p$case,$right,$((right * positive)),$positive" >> {V}/local_outputs/cases.csv
  done < {V}/labels/labels.csv
done < {V}/predictions/predictions.csv
printf 'auroc: 0.9\\nauroc_error: 0.01\\nlesions: [1, 2, 3]\\n' > {V}/results/results.yaml
"""
PATIENTS = 40


def _volume(path: str, kind: str = "directory") -> dict[str, str]:
    return {"mount_path": f"{V}/{path}", "type": kind}


_PREPARED = {
    "data_path": _volume("data"),
    "labels_path": _volume("labels"),
    "metadata_path": _volume("metadata"),
}
_PARAMETERS = {"parameters_file": _volume("parameters/parameters_file.yaml", "file")}
VOLUMES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "prepare": (
        {"data_path": _volume("raw_data"), "labels_path": _volume("raw_labels")},
        {
            "output_path": _volume("data"),
            "output_labels_path": _volume("labels"),
            "report_file": _volume("report/report.yaml", "file"),
            "metadata_path": _volume("metadata"),
        },
    ),
    "sanity_check": (_PREPARED, {}),
    "statistics": (_PREPARED, {"output_path": _volume("statistics/statistics.yaml", "file")}),
    "infer": (
        {"data_path": _volume("data"), **_PARAMETERS},
        {"output_path": _volume("predictions")},
    ),
    "evaluate": (
        {"predictions": _volume("predictions"), "labels": _volume("labels")},
        {
            "output_path": _volume("results/results.yaml", "file"),
            "local_outputs_path": _volume("local_outputs"),
        },
    ),
}


def asset(path: Path) -> dict[str, Any]:
    data = path.read_bytes()
    return {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}


def shell_cube(image: TinyImage, kind: str, tasks: dict[str, str], **more: Any) -> dict[str, Any]:
    """The fields of a cube whose tasks are shell scripts."""
    container = {
        "container_type": "DockerArchive",
        "archive": asset(image.archive),
        "image_id": image.config_digest,
        "tasks": {
            task: {
                "run_args": script(text),
                "input_volumes": {**VOLUMES[task][0], **_additional(more)},
                "output_volumes": VOLUMES[task][1],
            }
            for task, text in tasks.items()
        },
    }
    return cube_fields(kind, "infer", "1", **{"container": container, **more})


def _additional(fields: dict[str, Any]) -> dict[str, Any]:
    return {"additional_files": _volume("additional_files")} if "additional_files" in fields else {}


def raw_folders(root: Path, patients: int = PATIENTS) -> tuple[Path, Path]:
    """A hospital's export: data and labels of patients, every second one positive."""
    data, labels = root / "raw/data", root / "raw/labels"
    data.mkdir(parents=True)
    labels.mkdir(parents=True)
    names = [f"case-{number:02}" for number in range(patients)]
    (data / "cases.txt").write_text("".join(f"{name}\n" for name in names))
    (labels / "labels.csv").write_text("".join(f"{name},{i // 2 % 2}\n" for i, name in enumerate(names)))
    return data, labels


def demo_archive(folder: Path, members: Mapping[str, bytes] | None = None) -> Path:
    """A demo dataset with `paths.yaml`, and more members if given."""
    data, labels = raw_folders(folder / "demo")
    path = folder / "demo.tar.gz"
    files = {
        "paths.yaml": b"data_path: features\nlabels_path: truth\n",
        "features/cases.txt": (data / "cases.txt").read_bytes(),
        "truth/labels.csv": (labels / "labels.csv").read_bytes(),
        **(members or {}),
    }
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


@dataclass
class ShellStory:
    """A benchmark in operation, two models and (once `take_part` was called) a dataset, in memory."""

    image: TinyImage
    demo: Path
    world: World = field(default_factory=World)
    scripts: dict[str, str] = field(default_factory=dict)
    benchmark_more: dict[str, Any] = field(default_factory=dict)
    cubes: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    """Fields of cubes that are not shell scripts, by name."""

    def __post_init__(self) -> None:
        self.world.merge(genesis())
        for name in ("tumor-board", "clara", "acme", "st-mary"):
            added = member_file(self.world, name)
            self.world.merge(added, self.world.decide("ada", f"members/{name}/1.yml", added=added))
        texts = {
            "prepare": PREPARE,
            "sanity_check": SANE,
            "statistics": STATISTICS,
            "infer": INFER,
            "evaluate": EVALUATE,
            **self.scripts,
        }
        self._cube(
            PREPARATOR, "data-preparator", {t: texts[t] for t in ("prepare", "sanity_check", "statistics")}
        )
        self._cube(REFERENCE, "model", {"infer": texts["infer"]}, parameters={"every": 5})
        self._cube(METRICS, "metrics", {"evaluate": texts["evaluate"]})
        fields = {"demo_dataset": asset(self.demo), "state": "operation", **self.benchmark_more}
        added = self.world.write(Kind.BENCHMARK, TISSUE, **benchmark_fields(self.world, **fields))
        self.world.merge(added, self.world.decide("ada", f"benchmarks/{TISSUE}/1.yml", added=added))
        self.model(FOREST, every=4)

    def _cube(self, name: str, kind: str, tasks: dict[str, str], **more: Any) -> None:
        fields = self.cubes.get(name) or shell_cube(self.image, kind, tasks, **more)
        self.world.merge(self.world.write(Kind.CUBE, name, **fields))

    def model(self, name: str, text: str = INFER, every: int = 4, **more: Any) -> None:
        """A submitted and associated model."""
        more = {"parameters": {"every": every}, **more}
        self._cube(name, "model", {"infer": text}, **more)
        self._associate("models", name, f"cubes/{name}/1.yml")

    def take_part(self, prepared: dict[str, Any], *, associated: bool = True) -> None:
        """The dataset goes into operation and, if so, is associated."""
        benchmark = self.world.pin(f"benchmarks/{TISSUE}/1.yml")
        fields: dict[str, Any] = {"benchmark": benchmark, "state": "operation", "prepared": prepared}
        base: dict[str, Any] = {
            **_PLAIN_DATASET,
            "data_preparator": self.world.pin(f"cubes/{PREPARATOR}/1.yml"),
        }
        self.world.merge(self.world.write(Kind.DATASET, DATASET, **{**base, **fields}))
        if associated:
            self._associate("datasets", DATASET, f"datasets/{DATASET}/1.yml")

    def _associate(self, folder: str, name: str, subject: str) -> None:
        entity_id = f"{TISSUE}/{folder}/{name}"
        benchmark = f"benchmarks/{TISSUE}/1.yml"
        fields = association_fields(self.world, benchmark, subject)
        fields["test"]["metrics"] = [metric.key for metric in self.parts.benchmark.metrics]
        added = self.world.write(Kind.ASSOCIATION, entity_id, **fields)
        path = f"associations/{entity_id}/1.yml"
        self.world.merge(added, self.world.decide("clara", path, authority=benchmark, added=added))

    @property
    def fetch(self) -> Fetch:
        return standing_in(self.world.state)

    @property
    def parts(self) -> Parts:
        return fetch_parts(self.fetch, self.world.pin_of(f"benchmarks/{TISSUE}/1.yml"))

    def pinned(self, name: str) -> PinnedCube:
        return fetch_cube(self.fetch, self.world.pin_of(f"cubes/{name}/1.yml"))

    def cube(self, name: str) -> Cube:
        return self.pinned(name).cube

    def index(self, path: Path) -> Index:
        """What a sync would have stored."""
        entries = {
            text: Entry("0" * 40, number)
            for number, text in enumerate(self.world.files)
            if text.endswith(".yml")
        }
        meta = Meta(self.world.registry, "file:///r", "0" * 64, 1, "0" * 40, 0)
        index = Index.create(path)
        index.replace_all(rows(self.world.base, entries), meta)
        return index


_PLAIN_DATASET = {
    "description": "consecutive aspirates of one year",
    "location": "St Mary, pathology",
    "ethics_approval": "IRB 2026-17",
}
