"""The cast of the story and what they have in their hands: names, files, and what several acts do alike."""

from __future__ import annotations

import shutil
from pathlib import Path

import build_images

from story.stage import SceneError, Stage

HERE = Path(__file__).resolve().parents[1]
CACHE = HERE.parents[1] / ".cache/breast-cancer"
IMAGES = CACHE / "images"

ADMIN = "ada"
OWNER = "tumor-board"
COMMITTEE = ("clara", "boris")
VENDOR, UNIVERSITY = "acme", "uni-lab"
MODELS = {
    VENDOR: ("random-forest", "gradient-boosting", "one-feature"),
    UNIVERSITY: ("nearest-neighbours", "linear-svm", "memorizer"),
}
DATASETS = {"st-mary": "aspirates", "north-clinic": "screening", "lakeside": "referrals"}
HOSPITALS = tuple(DATASETS)
MEMBERS = (OWNER, *COMMITTEE, VENDOR, UNIVERSITY, *HOSPITALS)
NEWCOMER = "east-valley"
"""A fourth hospital, which asks to join at the end; nobody has decided yet."""

BENCHMARK = f"{OWNER}/breast-cancer"
RESULTS = f"results/{BENCHMARK}"


class World:
    """The story's places on a stage, and what may be asked about the registry in it."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.registry = stage.root / "registry.git"
        self.assets = stage.root / "assets"
        self.site = stage.root / "site"
        self.example = stage.root / "example"
        self.images = stage.root / "images"

    @property
    def root(self) -> str:
        """The fingerprint that everybody pins, as a clone's first file has it."""
        return f"sha256:{self.stage.quietly('git', '--git-dir=registry.git', 'show', _ROOT, digest=True)}"

    @property
    def registry_id(self) -> str:
        """The registry's id, which every signature names."""
        found: str = self.stage.ask(ADMIN, "registry", "ls")[0]["registry"]
        return found

    def main(self) -> str:
        """The commit that main stands at."""
        return self.stage.quietly("git", "--git-dir=registry.git", "rev-parse", "main").strip()

    def home(self, who: str) -> Path:
        """Where somebody's settings, keys and runs are."""
        return self.stage.root / who / ".medperf"

    def key(self, who: str) -> Path:
        """The private key that somebody made first."""
        (public,) = sorted((self.home(who) / "keys").glob("*.pub"))[:1]
        return public.with_suffix("")

    def export(self, hospital: str) -> Path:
        """Where a hospital's export lies; the example's own data are copied, for hospitals repair theirs."""
        return self.stage.root / hospital / "export"


_ROOT = "main:registry/root/1.yml"


def set_up(stage: Stage) -> None:
    """Clear the stage, build what the story needs, lay out the hospitals' exports."""
    stage.clear()
    stage.heading("0. Building the cubes' images and the demo dataset (kept for the next time)")
    build_images.build(IMAGES, CACHE, build_images.chosen_base(), refresh=False)
    # Links, so that commands are short enough to read and can be typed again on the stage.
    World(stage).example.symlink_to(HERE)
    World(stage).images.symlink_to(IMAGES)
    for hospital in HOSPITALS:
        first = HERE / "data" / hospital / "first-export"
        source = first if first.exists() else HERE / "data" / hospital / "export"
        shutil.copytree(source, World(stage).export(hospital))


def cube_options(stage: Stage, cube: str) -> list[str | Path]:
    """The files of a cube as options of `submit`."""
    world = World(stage)
    folder, archive = world.example / "cubes" / cube, f"{build_images.image_of(cube)}.tar"
    options: list[str | Path] = ["--container-config", folder / "container_config.yaml"]
    options += ["--about", folder / "cube.yaml", "--archive", world.images / archive]
    if (folder / "workspace/parameters.yaml").exists():
        options += ["--parameters-file", folder / "workspace/parameters.yaml"]
    for file in sorted((folder / "workspace").glob("additional_files/*")):
        options += ["--additional-file", file]
    return [*options, "--share", world.assets, "--yes"]


def approve(stage: Stage, who: str, *waiting: str, reason: str) -> None:
    """Approve the open requests whose titles hold these words, one after the other.

    Raises:
        SceneError: there is none for some words, or more than one.

    """
    rows = stage.ask(who, "review", "ls")
    for words in waiting:
        found = [row["request"] for row in rows if words in row["title"]]
        if len(found) != 1:
            raise SceneError(f"{len(found)} open requests about '{words}': {rows}")
        text = f"approves what waits ({words})"
        stage.act(who, text, "review", "approve", found[0], "--reason", reason, "--yes")
