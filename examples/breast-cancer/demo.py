"""The main job from nothing: one benchmark on real patient data, four members, signed results, a leaderboard.

An admin founds a registry; a committee member defines a benchmark; a model owner submits a model; a hospital
prepares its data, runs both models in containers and publishes results. Everything is made below `.demo/`.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import build_images
import docker
import docker.errors
import imagebuild
from stage import SceneError, Stage

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
STAGE = REPOSITORY / ".demo"
CACHE = REPOSITORY / ".cache/breast-cancer"
IMAGES = CACHE / "images"

ADMIN, COMMITTEE, MODEL_OWNER, HOSPITAL = "ada", "clara", "acme", "st-mary"
BENCHMARK = "clara/breast-cancer"
RESULT = f"results/{BENCHMARK}/acme/random-forest/st-mary/aspirates/1"


def main() -> None:
    """Play the story, or clear everything away."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clean", action="store_true", help="remove everything the demo made")
    parser.add_argument("--stage", type=Path, default=STAGE, help="the folder everything is made in")
    parser.add_argument("--verbose", action="store_true", help="show all output of every command")
    options = parser.parse_args()
    stage = Stage(options.stage.absolute(), options.verbose)
    began = time.monotonic()
    try:
        if options.clean:
            clean(stage)
            return
        play(stage)
    except (SceneError, imagebuild.BuildError) as error:
        sys.exit(f"\nthe demo stopped: {error}")
    print(f"\nThe whole story took {time.monotonic() - began:.0f} s. `make demo-clean` removes all of it.")


def play(stage: Stage) -> None:
    """The story, scene by scene."""
    stage.clear()
    stage.heading("0. Building the four cubes and the demo dataset (kept for the next time)")
    build_images.build(IMAGES, CACHE, None, refresh=False)
    shutil.copytree(HERE / "data" / HOSPITAL / "export", stage.root / HOSPITAL / "export")
    root = found(stage)
    join(stage, root)
    define(stage)
    submit_model(stage)
    prepare(stage)
    run(stage)
    show(stage, root)


def found(stage: Stage) -> str:
    """The admin makes a registry; returns the root's fingerprint."""
    stage.heading("1. An admin founds a registry: a bare git repository whose first commit is a signed root")
    stage.act(ADMIN, "makes the key that signs for her", "key", "new")
    text = "founds the registry; its hooks judge every push"
    told = stage.act(
        *(ADMIN, text, "registry", "init", "--bare", stage.root / "registry.git"),
        *(
            "--title",
            "Breast imaging consortium",
            "--admin",
            ADMIN,
            "--contact",
            "registry@consortium.example",
        ),
    )
    root = told.split("--root ")[1].strip()
    stage.act(ADMIN, "uses it herself", "registry", "add", stage.root / "registry.git", "--root", root)
    return root


def join(stage: Stage, root: str) -> None:
    """Three members ask to join, the admin approves."""
    stage.heading("2. Members join: each pins the root's fingerprint, and the admin signs their admission")
    for who, kind in ((COMMITTEE, ["--person"]), (MODEL_OWNER, []), (HOSPITAL, [])):
        stage.act(who, "makes a key", "key", "new")
        registry = stage.root / "registry.git"
        stage.act(who, "adds the registry", "registry", "add", registry, "--root", root)
        stage.act(
            who,
            "looks for shared files in this folder",
            "profile",
            "set",
            "assets",
            str(stage.root / "assets"),
        )
        contact = f"benchmarks@{who}.example"
        stage.act(who, "asks to join", "member", "register", who, "--contact", contact, *kind, "--yes")
        approve(stage, ADMIN, "checked by telephone who they are")


def define(stage: Stage) -> None:
    """The committee member submits three cubes and a benchmark, tested on demo data."""
    stage.heading("3. The committee defines a benchmark: three cubes, metrics, a demo dataset, who decides")
    for cube in ("data-preparator", "reference-model", "metrics"):
        stage.act(COMMITTEE, f"submits the cube '{cube}'", "cube", "submit", cube, *cube_options(stage, cube))
        stage.act(COMMITTEE, "freezes it", "cube", "set_operational", cube, "--yes")
    stage.act(
        *(COMMITTEE, "submits the benchmark; the reference model runs on the demo dataset first"),
        *("benchmark", "submit", "breast-cancer", "--config", HERE / "benchmark.yaml"),
        *("--demo-dataset", IMAGES / "demo_dataset.tar.gz", "--share", stage.root / "assets"),
        *("--data-preparator", "data-preparator", "--reference-model", "reference-model"),
        *("--metrics", "metrics", "--committee", COMMITTEE, "--yes"),
    )
    approve(stage, ADMIN, "a useful question, and the demo run is sound")
    stage.act(COMMITTEE, "freezes it for real data", "benchmark", "set_operational", "breast-cancer", "--yes")
    approve(stage, ADMIN, "ready for real data")


def submit_model(stage: Stage) -> None:
    """The model owner takes part."""
    stage.heading("4. A model owner submits a model and asks to take part")
    options = cube_options(stage, "random-forest")
    stage.act(MODEL_OWNER, "submits a model", "model", "submit", "random-forest", *options, "--operational")
    stage.act(
        *(MODEL_OWNER, "tests it on the demo dataset, then asks the committee"),
        *("model", "associate", "-b", "breast-cancer", "-m", "random-forest", "--yes"),
    )
    stage.act(COMMITTEE, "sees what waits for her", "review", "ls")
    stage.act(
        *(COMMITTEE, "admits the model", "association", "approve", "-b", "breast-cancer"),
        *("-m", "random-forest", "--reason", "model card is complete", "--yes"),
    )


def prepare(stage: Stage) -> None:
    """The hospital registers, prepares and associates its dataset."""
    stage.heading("5. A hospital registers 180 real patients; nothing but counts and moments ever leaves")
    export = stage.root / HOSPITAL / "export"
    stage.act(HOSPITAL, "syncs, which verifies every change since", "registry", "sync")
    stage.act(
        *(HOSPITAL, "registers the dataset", "dataset", "submit", "aspirates", "-b", "breast-cancer"),
        *("--data_path", export / "features", "--labels_path", export / "labels"),
        *("--description", "Consecutive fine needle aspirates", "--location", "St Mary, pathology"),
        *("--ethics-approval", "IRB 2026-17", "--yes"),
    )
    stage.act(HOSPITAL, "prepares it, offline", "dataset", "prepare", "-d", "aspirates")
    stage.act(
        HOSPITAL, "publishes counts and statistics", "dataset", "set_operational", "-d", "aspirates", "--yes"
    )
    stage.act(
        *(HOSPITAL, "runs the reference model on its data, then asks to take part"),
        *("dataset", "associate", "-d", "aspirates", "-b", "breast-cancer", "--yes"),
    )
    stage.act(
        *(COMMITTEE, "admits the dataset", "association", "approve", "-b", "breast-cancer"),
        *("-d", "aspirates", "--reason", "ethics approval seen", "--yes"),
    )


def run(stage: Stage) -> None:
    """The hospital runs all models and publishes the results."""
    stage.heading("6. The hospital runs every associated model and publishes signed results")
    stage.act(HOSPITAL, "syncs", "registry", "sync")
    text = "runs all models; the reference model is done already and is not run again"
    stage.act(HOSPITAL, text, "benchmark", "run", "-b", "breast-cancer", "-d", "aspirates")
    stage.act(HOSPITAL, "reads the exact files, then sends them", "result", "submit", "--all", "--yes")


def show(stage: Stage, root: str) -> None:
    """Anybody reads the board and checks a number with stock tools."""
    stage.heading("7. Anybody with a clone reads the board, builds the page, and checks a number offline")
    stage.act(MODEL_OWNER, "syncs", "registry", "sync")
    stage.verbose = True
    stage.act(MODEL_OWNER, "reads the board", "benchmark", "board", "breast-cancer")
    stage.act(MODEL_OWNER, "asks why one number counts", "verify", RESULT)
    stage.verbose = False
    stage.act(MODEL_OWNER, "builds the pages", "site", "build", "--out", stage.root / "site")
    signers = stage.root / "allowed_signers"
    stage.act(
        MODEL_OWNER, "writes the keys for stock tools", "registry", "export-allowed-signers", "-o", signers
    )
    prove(stage)
    page = stage.root / "site" / "index.html"
    stage.tell(f"\n  The leaderboard: file://{page}\n  The root everybody pinned: {root}")


def prove(stage: Stage) -> None:
    """Three stock commands that prove one number: git, sha256sum, ssh-keygen."""
    stage.heading("8. One number, proved with nothing of ours: git, sha256sum, ssh-keygen")
    registry = stage.ask(MODEL_OWNER, "registry", "ls")[0]["registry"]
    for ending in ("yml", "sig"):
        text = f"takes the {'file' if ending == 'yml' else 'signature'} out of the repository"
        command = ["git", "--git-dir=registry.git", "show", f"main:registry/{RESULT}.{ending}"]
        stage.stock(text, command, into=Path(f"result.{ending}"))
    stage.stock("its digest, as the page and `medperf verify` say", ["sha256sum", "result.yml"])
    stage.stock("the number", ["grep", "-m", "1", "-A", "7", "key: accuracy", "result.yml"])
    stage.stock(
        "the hospital's signature over exactly these bytes",
        [
            *("ssh-keygen", "-Y", "verify", "-f", "allowed_signers", "-I", HOSPITAL),
            *("-n", f"result.v1@{registry}", "-s", "result.sig"),
        ],
        ["result.yml"],
    )


def cube_options(stage: Stage, cube: str) -> list[str | Path]:
    """The files of a cube as options of `submit`."""
    folder = HERE / "cubes" / cube
    options: list[str | Path] = ["--container-config", folder / "container_config.yaml"]
    options += ["--about", folder / "cube.yaml", "--archive", IMAGES / f"{build_images.image_of(cube)}.tar"]
    if (folder / "workspace/parameters.yaml").exists():
        options += ["--parameters-file", folder / "workspace/parameters.yaml"]
    for file in sorted((folder / "workspace").glob("additional_files/*")):
        options += ["--additional-file", file]
    return [*options, "--share", stage.root / "assets", "--yes"]


def approve(stage: Stage, who: str, reason: str) -> None:
    """Approve the one request that waits."""
    request = stage.ask(who, "review", "ls")[0]["request"]
    stage.act(who, "approves what waits", "review", "approve", request, "--reason", reason, "--yes")


def clean(stage: Stage) -> None:
    """Remove the stage, the build cache, and the images that were loaded for it."""
    stage.remove()
    kept = list(unremoved_images())
    shutil.rmtree(CACHE, ignore_errors=True)
    print(f"removed {stage.root}, .cache/breast-cancer and the demo's images")
    for name, reason in kept:
        print(f"  but not image {name}: {reason}")


def unremoved_images() -> Iterator[tuple[str, str]]:
    """Remove the demo's images; which could not be, and why."""
    try:
        summary = json.loads((IMAGES / build_images.SUMMARY).read_text(encoding="utf-8"))
        images = docker.from_env().images
    except (OSError, ValueError, docker.errors.DockerException):
        return  # nothing was built, or no engine answers
    for name, cube in summary["cubes"].items():
        try:
            images.remove(cube["image_id"], force=True)
        except docker.errors.ImageNotFound:
            continue
        except docker.errors.APIError as error:
            yield name, str(error.explanation)


if __name__ == "__main__":
    main()
