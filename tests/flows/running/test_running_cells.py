"""A hospital tests and runs models on its data: failures beside successes, interruptions taken up."""

from __future__ import annotations

import signal
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from medperf_cli.adapters.executor.base import CellJob, Outcome
from medperf_cli.adapters.executor.cell import Phase
from medperf_cli.adapters.runtime.base import CELL_LABEL
from medperf_cli.adapters.runtime.docker_engine import DockerEngine
from medperf_cli.errors import (
    ConfigurationError,
    ContainerError,
    IntegrityError,
    InterruptedByUserError,
    PartialError,
    UnknownIdError,
    UsageError,
)
from medperf_cli.flows.running import compatibility
from medperf_cli.flows.running.benchmark_run import run_benchmark
from medperf_cli.flows.running.cell_plan import plan_cells
from medperf_cli.flows.running.local_results import local_results
from medperf_cli.flows.running.telling import TellsCells
from tests.support.hospital import Hospital, MakeHospital, drafted, run, value
from tests.support.shell_cubes import EVALUATE, INFER, V, asset, demo_archive
from tests.support.story_fields import DATASET, FOREST, REFERENCE, TISSUE


def containers(engine: DockerEngine) -> list[str]:
    """What our containers work for, as the engine says."""
    from docker import APIClient  # noqa: PLC0415 - only where the SDK is there

    with closing(APIClient(engine._host, version="auto")) as api:
        return [c["Labels"][CELL_LABEL] for c in api.containers(all=True, filters={"label": CELL_LABEL})]


def test_the_reference_model_passes_on_the_demo_data_before_anything_is_registered(
    hospital: Hospital,
) -> None:
    story = hospital.story
    with hospital.open() as workbench:
        outcome = compatibility.tested_on_demo(workbench, story.parts, story.parts.reference)
        again = compatibility.tested_on_demo(workbench, story.parts, story.pinned(FOREST))
    assert outcome.summary["outcome"] == "passed"
    assert outcome.summary["data"] == story.parts.benchmark.demo_dataset.sha256
    assert [pin["path"] for pin in again.summary["cubes"]][1] == f"cubes/{FOREST}/1.yml"
    assert value({"metrics": outcome.metrics}, "accuracy")["mean"] == 0.8
    assert value({"metrics": again.metrics}, "accuracy")["mean"] == 0.75
    assert sum("running 'prepare'" in line for line in hospital.talk.said) == 1


def test_the_reference_run_of_the_association_is_found_done_by_the_benchmark_run(
    hospital: Hospital,
) -> None:
    data = hospital.take_part()
    with hospital.open() as workbench:
        outcome = compatibility.tested_with_reference(workbench, hospital.story.parts, data)
        with hospital.index() as index:
            (local,) = local_results(workbench.spool, index, "st-mary")
    assert outcome.summary["data"] == data.hash
    assert local.submittable
    first = run(hospital)
    assert [(r.model, r.outcome) for r in first.rows] == [
        (REFERENCE, Outcome.CACHED),
        (FOREST, Outcome.DONE),
    ]
    assert first.failure is None
    assert {r.partial for r in first.rows} == {False}
    assert [r.outcome for r in run(hospital).rows] == [Outcome.CACHED] * 2
    assert [r.outcome for r in run(hospital, [FOREST], no_cache=True).rows] == [Outcome.DONE]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("echo 'out of cheese' >&2; exit 4", "out of cheese"),
        ("exit 0", "wrote nothing to 'output_path' of task 'infer'"),
        (f"ln -s /etc/passwd {V}/predictions/predictions.csv", "symlink that leads outside"),
        ("sleep 30", "longer than 1 seconds"),
    ],
)
def test_a_failing_model_does_not_stop_the_others(hospital: Hospital, text: str, says: str) -> None:
    hospital.take_part()
    hospital.story.model("acme/broken", text)
    with hospital.open(timeout_seconds=1.0) as workbench, hospital.index() as index:
        summary = run_benchmark(workbench, index, TISSUE, DATASET)
    rows = {row.model: row for row in summary.rows}
    assert [rows[m].outcome for m in (REFERENCE, "acme/broken", FOREST)] == [
        Outcome.DONE,
        Outcome.FAILED,
        Outcome.DONE,
    ]
    assert says in rows["acme/broken"].error
    assert isinstance(summary.failure, PartialError)
    only = run(hospital, ["acme/broken"]) if "sleep" not in text else None
    assert only is None or isinstance(only.failure, ContainerError)


@pytest.mark.parametrize(
    ("evaluate", "says"),
    [
        (EVALUATE.replace("auroc: 0.9", "auroc: .nan"), "'auroc' is nan"),
        (EVALUATE.replace("auroc: 0.9", "auroc: 7"), "'auroc' is 7"),
        (EVALUATE.replace("auroc: 0.9", "area: 0.9"), "'auroc' is not in the results file"),
        (EVALUATE.replace("$case,p$case,$right", "$case,p$case,inf"), "not finite"),
        (EVALUATE.replace("$case,p$case,$right", "$case,p$case,2"), "not 0 or 1"),
        (EVALUATE + f"ln -s /etc/passwd {V}/local_outputs/x", "symlink that leads outside"),
    ],
)
def test_numbers_that_cannot_be_fail_the_cell_by_name(
    make_hospital: MakeHospital, evaluate: str, says: str
) -> None:
    hospital = make_hospital(evaluate=evaluate)
    with hospital.open() as workbench, pytest.raises(ContainerError, match=says):
        compatibility.tested_on_demo(workbench, hospital.story.parts, hospital.story.parts.reference)


def test_priorities_order_the_models_after_the_reference(make_hospital: MakeHospital) -> None:
    priorities = [{"model": "acme/urgent", "priority": 5}, {"model": FOREST, "priority": -1}]
    hospital = make_hospital(benchmark={"priorities": priorities})
    for name in ("acme/aaa", "acme/urgent"):
        hospital.story.model(name)
    hospital.take_part()
    with hospital.index() as index:
        names = [c.model.name for c in plan_cells(hospital.deps, index, TISSUE, DATASET).cells]
        chosen = [c.model.name for c in plan_cells(hospital.deps, index, TISSUE, DATASET, [FOREST]).cells]
        with pytest.raises(UnknownIdError, match="'acme/unknown' is not associated"):
            plan_cells(hospital.deps, index, TISSUE, DATASET, ["acme/unknown"])
    assert names == [REFERENCE, "acme/urgent", "acme/aaa", FOREST]
    assert chosen == [FOREST]


def test_what_cannot_be_run_says_why(hospital: Hospital) -> None:
    with hospital.index() as index:
        with pytest.raises(UsageError, match="not associated"):
            plan_cells(hospital.deps, index, TISSUE, DATASET)
        with pytest.raises(UsageError, match="not in force"):
            plan_cells(hospital.deps, index, "tumor-board/unknown", DATASET)
    data = hospital.take_part()
    with hospital.index() as index:
        hospital.settings = replace(hospital.settings, member="acme")
        with pytest.raises(UsageError, match="not of member 'acme'"):
            plan_cells(hospital.deps, index, TISSUE, DATASET)
        hospital.settings = replace(hospital.settings, member="st-mary")
        (data.data / "cases.txt").write_text("case-00\n")
        with pytest.raises(IntegrityError, match=r"changed 'data/cases\.txt'"):
            plan_cells(hospital.deps, index, TISSUE, DATASET)
        hospital.folder.record.unlink()
        with pytest.raises(ConfigurationError, match="no prepared data"):
            plan_cells(hospital.deps, index, TISSUE, DATASET)


class StopsSoon(TellsCells):
    """Presses Ctrl-C a moment after a cell's container was asked for."""

    def phase(self, job: CellJob, phase: Phase) -> None:
        del job, phase
        main = threading.main_thread().ident
        assert main is not None
        threading.Timer(1.0, signal.pthread_kill, (main, signal.SIGINT)).start()


def test_an_interrupted_run_leaves_no_container_and_is_finished_by_the_same_command(
    hospital: Hospital, engine: DockerEngine
) -> None:
    hospital.take_part()
    hospital.story.model("acme/slow", f"[ -e {V}/data/go ] || sleep 30\n{INFER}")
    with hospital.open() as workbench, hospital.index() as index:
        observer = StopsSoon(workbench.talk)
        with pytest.raises(InterruptedByUserError, match="0 of 1 cells finished"):
            run_benchmark(workbench, index, TISSUE, DATASET, ["acme/slow"], observer=observer)
        (local,) = local_results(workbench.spool, index, "st-mary")
    assert (local.state, local.submittable) == ("interrupted", False)
    assert not [c for c in containers(engine) if "acme/slow" in c]
    assert [r.outcome for r in run(hospital, [FOREST, REFERENCE]).rows] == [Outcome.DONE] * 2


def test_models_may_run_side_by_side(hospital: Hospital) -> None:
    hospital.take_part()
    hospital.settings = replace(hospital.settings, parallel=2)
    summary = run(hospital)
    assert [(r.model, r.outcome) for r in summary.rows] == [(REFERENCE, Outcome.DONE), (FOREST, Outcome.DONE)]


def test_what_a_killed_process_left_is_taken_up(hospital: Hospital) -> None:
    """Its attempt is never finished, so the next command makes another; its scratch folder is removed."""
    hospital.take_part()
    left = hospital.settings.scratch / "command-killed"
    left.mkdir(parents=True)
    (left / "patient.csv").write_text("a")
    with hospital.open() as workbench, hospital.index() as index:
        (cell,) = plan_cells(workbench.deps, index, TISSUE, DATASET, [FOREST]).cells
        _, attempt = workbench.spool.claim(cell.spec)
        (attempt.predictions / "half.csv").write_text("half")
        (attempt.folder / "lock").unlink()
    assert not left.exists()
    assert run(hospital, [FOREST]).rows[0].outcome is Outcome.DONE
    assert value(drafted(hospital, FOREST), "accuracy")["mean"] == 0.75


def test_the_demo_dataset_may_not_lead_outside(hospital: Hospital, tmp_path: Path) -> None:
    (tmp_path / "bad").mkdir()
    bad = demo_archive(tmp_path / "bad", {"paths.yaml": b"data_path: ..\nlabels_path: truth\n"})
    bad.rename(tmp_path / "assets/bad.tar.gz")
    parts = hospital.story.parts
    demo = parts.benchmark.demo_dataset.model_copy(update=asset(tmp_path / "assets/bad.tar.gz"))
    parts = replace(parts, benchmark=parts.benchmark.model_copy(update={"demo_dataset": demo}))
    with hospital.open() as workbench, pytest.raises(IntegrityError, match="'data_path' is not a folder in"):
        compatibility.tested_on_demo(workbench, parts, parts.reference)


def test_additional_files_are_laid_out_for_the_model_and_repaired_when_changed(
    hospital: Hospital, tmp_path: Path
) -> None:
    weights = tmp_path / "assets/weights.txt"
    weights.write_text("every 2\n")
    files = [{**asset(weights), "name": "weights.txt", "unpack": False}]
    text = INFER.replace("parameters/parameters_file.yaml", "additional_files/weights.txt")
    hospital.story.model("acme/heavy", text, additional_files=files)
    parts, heavy = hospital.story.parts, hospital.story.pinned("acme/heavy")
    with hospital.open() as workbench:
        first = compatibility.tested_on_demo(workbench, parts, heavy)
        (laid,) = hospital.settings.home.glob("laid-out/*/weights.txt")
        laid.write_text("every 1\n")
        second = compatibility.tested_on_demo(workbench, parts, heavy, no_cache=True)
    for outcome in (first, second):
        assert value({"metrics": outcome.metrics}, "accuracy")["mean"] == 0.5
    assert hospital.talk.heard("was changed: laying it out again")
