"""Act 8: hospitals publish signed results; an edited one and one that nobody asked for are refused."""

from __future__ import annotations

from story import by_hand
from story.associating import REJECTED
from story.running import of
from story.stage import Stage
from story.world import HOSPITALS, RESULTS, UNIVERSITY, World

EDITOR = "st-mary"
EDITED = "random-forest"
EXIT_FAILED, EXIT_USAGE, EXIT_INTEGRITY = 1, 2, 10


def publish_results(stage: Stage) -> None:
    """Everybody submits what was run; what was not run so, or not admitted, does not enter."""
    stage.heading("8. Hospitals publish signed results: means and sums, never a case")
    edited(stage)
    stage.alike(submit, HOSPITALS)
    not_associated(stage)


def submit(stage: Stage, hospital: str) -> None:
    """One hospital's results, all in one request."""
    stage.act(hospital, "reads the exact files, then sends them", "result", "submit", "--all", "--yes")


def edited(stage: Stage) -> None:
    """Somebody improves a number after the run."""
    stage.wrong(3, "a result edited after the run")
    rows = stage.ask(EDITOR, "result", "show_local_results")
    uid = next(row["uid"] for row in rows if row["model"].endswith(EDITED))
    (folder,) = (World(stage).home(EDITOR) / "runs").glob(f"{uid}*")
    (file,) = folder.glob("attempt-*/results/results.yaml")
    stage.shell(EDITOR, "improves a number", f"sed -i 's/^accuracy: .*/accuracy: 0.995/' {stage.short(file)}")
    stage.act(*(EDITOR, "tries to submit it", "result", "submit", "-r", uid, "--yes"), expect=EXIT_INTEGRITY)
    stage.act(EDITOR, "runs that model again", "benchmark", "run", *of(EDITOR), "-m", EDITED, "--no-cache")


def not_associated(stage: Stage) -> None:
    """A hospital runs what the committee rejected, and signs a result by hand."""
    stage.wrong(4, "a result for something that is not associated")
    stage.act(
        *(EDITOR, "tries to run the rejected model", "benchmark", "run", *of(EDITOR), "-m", REJECTED),
        expect=EXIT_USAGE,
    )
    world, other = World(stage), f"{UNIVERSITY}/linear-svm"
    models = {name: f"cubes/{name}/1.yml" for name in (other, f"{UNIVERSITY}/{REJECTED}")}
    pins = [
        by_hand.spelled(
            stage.quietly("git", "--git-dir=registry.git", "show", f"main:registry/{path}", digest=True)
        )
        for path in models.values()
    ]
    script = by_hand.forged(
        EDITOR,
        kind="result",
        source=f"{RESULTS}/{other}/{EDITOR}/aspirates/1",
        target=f"{RESULTS}/{UNIVERSITY}/{REJECTED}/{EDITOR}/aspirates/1",
        swaps={other: f"{UNIVERSITY}/{REJECTED}", pins[0]: pins[1]},
        key=stage.short(world.key(EDITOR)),
        registry=world.registry_id,
    )
    stage.shell(
        EDITOR, "writes and signs a result by hand, and pushes it", script, EXIT_FAILED, said="RES001"
    )
    stage.tell("  nothing to repair: the hospital takes its clone away, the registry never had the file")
