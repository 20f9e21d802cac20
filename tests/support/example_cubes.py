"""Runs the breast cancer example's cubes as plain Python processes on folders of a test."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

HERE = Path(__file__).parents[2] / "examples/breast-cancer"
CUBES = HERE / "cubes"
HOSPITALS = {
    "st-mary": {"M": True, "B": False},
    "north-clinic": {"bösartig": True, "gutartig": False},
    "lakeside": {"1": True, "0": False},
}
"""Each hospital's words for the diagnosis."""
DELIMITERS = {"st-mary": ";", "north-clinic": ";", "lakeside": "\t"}
MODELS = ("reference-model", "random-forest", "gradient-boosting", "one-feature")
MODELS += ("nearest-neighbours", "linear-svm", "memorizer")
HOSPITAL = "st-mary/export"


def image_folder(cube: str) -> Path:
    """Where the code of a cube's image is."""
    config = yaml.safe_load((CUBES / cube / "container_config.yaml").read_text(encoding="utf-8"))
    return CUBES / str(config["image"]).removeprefix("breast-cancer/").removesuffix(":1")


def run(cube: str, task: str, volumes: Path) -> subprocess.CompletedProcess[str]:
    """Run a cube's task as the container would, with `volumes` in place of /mlcommons/volumes."""
    return subprocess.run(
        [sys.executable, str(image_folder(cube) / "project/main.py"), task, "--volumes", str(volumes)],
        env={
            **os.environ,
            "PYTHONPATH": str(CUBES / "shared"),
            "PYTHONWARNINGS": "error",
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )


def succeed(cube: str, task: str, volumes: Path) -> None:
    done = run(cube, task, volumes)
    assert done.returncode == 0, done.stderr


def fail(cube: str, task: str, volumes: Path) -> str:
    done = run(cube, task, volumes)
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stderr
    return done.stderr


def read(path: Path, delimiter: str = ",") -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file, delimiter=delimiter))


def write(path: Path, rows: list[list[str]], delimiter: str = ",") -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=delimiter, lineterminator="\n").writerows(rows)


def with_raw(volumes: Path, part: str = HOSPITAL) -> Path:
    for folder, mount in (("features", "raw_data"), ("labels", "raw_labels")):
        shutil.copytree(HERE / "data" / part / folder, volumes / mount)
    return volumes


def with_workspace(volumes: Path, cube: str) -> Path:
    """What the runner mounts for a cube besides data: parameters, additional files, empty outputs."""
    workspace = CUBES / cube / "workspace"
    for folder in ("parameters", "predictions", "local_outputs"):
        (volumes / folder).mkdir(exist_ok=True)
    shutil.copy(workspace / "parameters.yaml", volumes / "parameters/parameters_file.yaml")
    if (workspace / "additional_files").is_dir():
        shutil.copytree(workspace / "additional_files", volumes / "additional_files", dirs_exist_ok=True)
    return volumes
