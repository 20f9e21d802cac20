"""Act 7: hospitals run every model; one run is killed and resumed."""

from __future__ import annotations

import json
from contextlib import closing
from functools import partial

import docker

from story.stage import SceneError, Stage
from story.world import DATASETS, World

KILLED = "st-mary"
OWNER_LABEL = "org.medperf.owner"


def run_models(stage: Stage) -> None:
    """Every associated model on every hospital's data, in containers without a network."""
    stage.heading("7. Hospitals run every associated model; the reference model is done already")
    others = [hospital for hospital in DATASETS if hospital != KILLED]
    stage.together(killed_and_resumed, *(partial(run, hospital=hospital) for hospital in others))


def run(stage: Stage, hospital: str) -> None:
    """One hospital's cells."""
    stage.act(hospital, "syncs", "registry", "sync")
    stage.act(hospital, "runs all models", "benchmark", "run", *of(hospital))


def killed_and_resumed(stage: Stage) -> None:
    """SIGKILL while a container runs; the same command finishes the work, and nothing is left behind."""
    stage.wrong(8, "a run killed in the middle, and resumed")
    stage.act(KILLED, "syncs", "registry", "sync")
    command = ("benchmark", "run", *of(KILLED))
    seen: set[int] = set()

    def while_a_container_runs(pid: int) -> bool:
        seen.add(pid)
        return finished(stage) > 1 and bool(containers_of(pid))

    stage.kill_when(KILLED, "runs all models; the power fails", *command, ready=while_a_container_runs)
    stage.act(KILLED, "runs the same command: finished models are kept, the others run", *command)
    left = [name for pid in seen for name in containers_of(pid, stopped=True)]
    left += [path.name for path in (World(stage).home(KILLED) / "scratch").glob("*/*")]
    if left:
        raise SceneError(f"the killed run left behind: {', '.join(left)}")
    stage.tell("  nothing is left of the killed run: no container, no scratch folder")


def of(hospital: str) -> tuple[str, ...]:
    """The options that name a hospital's part in the benchmark."""
    return ("-b", "breast-cancer", "-d", DATASETS[hospital])


def finished(stage: Stage) -> int:
    """How many models of the hospital are done."""
    told = World(stage).home(KILLED).glob("runs/*/attempt-*/status.json")
    return sum(json.loads(path.read_text(encoding="utf-8"))["state"] == "done" for path in told)


def containers_of(pid: int, *, stopped: bool = False) -> list[str]:
    """Names of the containers that a process started."""
    with closing(docker.from_env()) as engine:
        found = engine.containers.list(all=stopped, filters={"label": OWNER_LABEL}, sparse=True)
        return [c.attrs["Names"][0] for c in found if f":{pid}:" in c.attrs["Labels"][OWNER_LABEL]]
