"""Scenes of the tutorials: what the others do before, and while, somebody sits here and types."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import build_images
from story.by_hand import smuggled
from story.datasets import ABOUT
from story.founding import found
from story.stage import Stage
from story.world import (
    ADMIN,
    COMMITTEE,
    HERE,
    IMAGES,
    OWNER,
    UNIVERSITY,
    VENDOR,
    World,
    approve,
    cube_options,
)

HOSPITAL, CLINIC, STRANGER = "st-mary", "north-clinic", "acm3"
BENCHMARK = "breast-cancer"
Scene = Callable[[Stage], None]


def images(stage: Stage) -> None:
    """Building the containers and the demo dataset (kept for the next time)."""
    build_images.build(IMAGES, IMAGES.parent, build_images.chosen_base(), refresh=False)
    world = World(stage)
    world.assets.mkdir()
    world.example.symlink_to(HERE)
    world.images.symlink_to(IMAGES)


def founded(stage: Stage) -> None:
    """Ada founds the registry, and tells everybody its fingerprint (root.txt)."""
    found(stage)
    (stage.root / "root.txt").write_text(f"{World(stage).root}\n", encoding="utf-8")


def members_ask(stage: Stage) -> None:
    """A tumor board, a vendor, and somebody who calls himself almost like the vendor ask to join."""
    _ask(stage, OWNER, VENDOR, STRANGER)


def board_joined(stage: Stage) -> None:
    """The tumor board and its committee, Clara and Boris, join."""
    _join(stage, OWNER, *COMMITTEE)


def vendor_joined(stage: Stage) -> None:
    """Acme, a vendor, joins."""
    _join(stage, VENDOR)


def university_joined(stage: Stage) -> None:
    """A university's lab joins."""
    _join(stage, UNIVERSITY)


def defined(stage: Stage) -> None:
    """The tumor board defines the benchmark: three cubes, tested on demo data; Ada approves it."""
    for cube in ("data-preparator", "reference-model", "metrics"):
        stage.act(OWNER, "", "cube", "submit", cube, *cube_options(stage, cube), "--operational")
    world = World(stage)
    members = [word for name in COMMITTEE for word in ("--committee", name)]
    stage.act(
        *(OWNER, "", "benchmark", "submit", BENCHMARK, "--config", world.example / "benchmark.yaml"),
        *("--demo-dataset", world.images / "demo_dataset.tar.gz", "--share", world.assets),
        *("--data-preparator", "data-preparator", "--reference-model", "reference-model"),
        *("--metrics", "metrics", *members, "--threshold", "2", "--operational", "--yes"),
    )
    approve(stage, ADMIN, "benchmark", reason="a useful question")


def models_ask(stage: Stage) -> None:
    """Acme and the university's lab each submit a model, and ask to take part."""
    for who, model in ((VENDOR, "random-forest"), (UNIVERSITY, "memorizer")):
        stage.act(who, "", "registry", "sync")
        _model_asks(stage, who, model)


def models_joined(stage: Stage) -> None:
    """Acme submits two models; Clara and Boris approve them."""
    for model in ("random-forest", "one-feature"):
        _model_asks(stage, VENDOR, model)
        _both_approve(stage, "-m", model, "the model card is complete")


def clinic_exported(stage: Stage) -> None:
    """North clinic's data engineer exports 120 patients, not without mistakes."""
    for name in ("first-export", "export"):
        shutil.copytree(HERE / "data" / CLINIC / name, stage.root / name)


def model_built(stage: Stage) -> None:
    """The lab's people have trained a model and built its container (my-model)."""
    _lay_out(stage.root / "my-model", "nearest-neighbours")
    weights = stage.root / "my-model/workspace/additional_files/nearest-neighbours.json"
    weights.rename(stage.root / weights.name)


def cubes_built(stage: Stage) -> None:
    """The tumor board's people have built three containers and a demo dataset (cubes)."""
    for cube in ("data-preparator", "reference-model", "metrics"):
        _lay_out(stage.root / "cubes" / cube, cube)
    shutil.copy2(IMAGES / "demo_dataset.tar.gz", stage.root)
    shutil.copy2(HERE / "benchmark.yaml", stage.root)


def hospital_runs(stage: Stage) -> None:
    """St Mary joins with 180 patients, runs all models, and publishes the results."""
    _join(stage, HOSPITAL)
    export = World(stage).export(HOSPITAL)
    shutil.copytree(HERE / "data" / HOSPITAL / "export", export)
    description, location, ethics = ABOUT[HOSPITAL]
    stage.act(
        *(HOSPITAL, "", "dataset", "submit", "aspirates", "-b", BENCHMARK, "--yes"),
        *("--data_path", export / "features", "--labels_path", export / "labels"),
        *("--description", description, "--location", location, "--ethics-approval", ethics),
    )
    stage.act(HOSPITAL, "", "dataset", "prepare", "-d", "aspirates")
    stage.act(HOSPITAL, "", "dataset", "set_operational", "-d", "aspirates", "--yes")
    stage.act(HOSPITAL, "", "dataset", "associate", "-d", "aspirates", "-b", BENCHMARK, "--yes")
    _both_approve(stage, "-d", "aspirates", "ethics approval seen")
    stage.act(HOSPITAL, "", "registry", "sync")
    stage.act(HOSPITAL, "", "benchmark", "run", "-b", BENCHMARK, "-d", "aspirates")
    stage.act(HOSPITAL, "", "result", "submit", "--all", "--yes")


def vandal(stage: Stage) -> None:
    """Somebody with access to the disk puts an unsigned file into main, past the hooks."""
    script = smuggled(f"members/{VENDOR}/1.yml", f"members/{STRANGER}/1.yml", f"s/{VENDOR}/{STRANGER}/")
    stage.shell(STRANGER, "", script)


def _ask(stage: Stage, *who: str) -> None:
    world = World(stage)
    root = (stage.root / "root.txt").read_text(encoding="utf-8").strip()
    for name in who:
        kind = ["--person"] if name in COMMITTEE else []
        contact = f"benchmarks@{name}.example"
        stage.act(name, "", "key", "new")
        stage.act(name, "", "registry", "add", world.registry, "--root", root)
        stage.act(name, "", "profile", "set", "assets", str(world.assets))
        stage.act(name, "", "member", "register", name, "--contact", contact, *kind, "--yes")


def _join(stage: Stage, *who: str) -> None:
    _ask(stage, *who)
    approve(stage, ADMIN, *(f"member {name} " for name in who), reason="known to the admins")


def _model_asks(stage: Stage, who: str, model: str) -> None:
    stage.act(who, "", "model", "submit", model, *cube_options(stage, model), "--operational")
    stage.act(who, "", "model", "associate", "-b", BENCHMARK, "-m", model, "--yes")


def _both_approve(stage: Stage, option: str, name: str, reason: str) -> None:
    for who in COMMITTEE:
        what = ("association", "approve", "-b", BENCHMARK, option, name)
        stage.act(who, "", *what, "--reason", reason, "--yes")


def _lay_out(folder: Path, cube: str) -> None:
    """The files of a cube as somebody has them who built it; the image is linked."""
    source = HERE / "cubes" / cube
    folder.mkdir(parents=True)
    for name in ("container_config.yaml", "cube.yaml"):
        shutil.copy2(source / name, folder / name)
    if (source / "workspace").exists():
        shutil.copytree(source / "workspace", folder / "workspace")
    (folder / "image.tar").symlink_to(IMAGES / f"{build_images.image_of(cube)}.tar")
