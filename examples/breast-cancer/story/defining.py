"""Act 3: the tumor board defines a benchmark."""

from __future__ import annotations

from story.stage import Stage
from story.world import ADMIN, COMMITTEE, OWNER, World, approve, cube_options

CUBES = ("data-preparator", "reference-model", "metrics")


def define(stage: Stage) -> None:
    """Three cubes, then the benchmark, tested on demo data, admitted and frozen."""
    stage.heading("3. The tumor board defines a benchmark: three cubes, metrics, demo data, who decides")
    stage.act(OWNER, "syncs, which verifies every change since", "registry", "sync")
    for cube in CUBES:
        text = f"submits the cube '{cube}', frozen at once"
        stage.act(OWNER, text, "cube", "submit", cube, *cube_options(stage, cube), "--operational")
    world = World(stage)
    committee = [option for member in COMMITTEE for option in ("--committee", member)]
    stage.act(
        *(OWNER, "submits the benchmark; the reference model runs on the demo dataset first"),
        *("benchmark", "submit", "breast-cancer", "--config", world.example / "benchmark.yaml"),
        *("--demo-dataset", world.images / "demo_dataset.tar.gz", "--share", world.assets),
        *("--data-preparator", "data-preparator", "--reference-model", "reference-model"),
        *("--metrics", "metrics", *committee, "--threshold", "2", "--yes"),
    )
    approve(stage, ADMIN, "benchmark", reason="a useful question, and the demo run is sound")
    stage.act(OWNER, "freezes it for real data", "benchmark", "set_operational", "breast-cancer", "--yes")
    approve(stage, ADMIN, "benchmark", reason="ready for real data")
