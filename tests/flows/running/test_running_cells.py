"""A hospital tests, runs and drafts: models on its data, failures beside successes, edits noticed."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from medperf_cli.adapters.executor.base import Outcome
from medperf_cli.core.names import Kind
from medperf_cli.errors import (
    ConfigurationError,
    ContainerError,
    IntegrityError,
    InterruptedByUserError,
    PartialError,
    PolicyError,
    UnknownIdError,
    UsageError,
)
from medperf_cli.flows import compatibility
from medperf_cli.flows.benchmark_run import run_benchmark
from medperf_cli.flows.cell_plan import plan_cells
from medperf_cli.flows.local_results import find_local, local_results
from medperf_cli.flows.result_draft import result_fields
from tests.support.shell_cubes import EVALUATE, INFER, V, demo_archive
from tests.support.story_fields import DATASET, FOREST, METRICS, REFERENCE, TISSUE


def run(hospital, models=None, **flags):
    with hospital.open() as workbench, hospital.index() as index:
        return run_benchmark(workbench, index, TISSUE, DATASET, models, **flags)


def drafted(hospital, model: str) -> dict:
    with hospital.open() as workbench, hospital.index() as index:
        (local,) = [r for r in local_results(workbench.spool, index, "st-mary") if r.model == model]
        return result_fields(workbench, hospital.story.world.state, index, local)


def submitted(hospital, model: str) -> dict:
    """Draft and publish: the registry's own check looks at it."""
    fields = drafted(hospital, model)
    world = hospital.story.world
    world.merge(world.write(Kind.RESULT, f"{TISSUE}/{model}/{DATASET}", **fields))
    return fields


def value(fields: dict, key: str) -> dict:
    return next(metric for metric in fields["metrics"] if metric["key"] == key)


def test_the_reference_model_passes_on_the_demo_data_before_anything_is_registered(hospital) -> None:
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


def test_the_reference_run_of_the_association_is_found_done_by_the_benchmark_run(hospital) -> None:
    data = hospital.take_part()
    with hospital.open() as workbench:
        outcome = compatibility.tested_with_reference(workbench, hospital.story.parts, data)
    assert outcome.summary["data"] == data.hash
    first = run(hospital)
    assert [(r.model, r.outcome) for r in first.rows] == [
        (REFERENCE, Outcome.CACHED),
        (FOREST, Outcome.DONE),
    ]
    assert first.failure is None
    assert {r.partial for r in first.rows} == {False}
    assert [r.outcome for r in run(hospital).rows] == [Outcome.CACHED] * 2
    assert [r.outcome for r in run(hospital, [FOREST], no_cache=True).rows] == [Outcome.DONE]


def test_results_are_drafted_with_paired_differences_and_pass_the_registrys_check(hospital) -> None:
    hospital.take_part()
    run(hospital)
    first = submitted(hospital, REFERENCE)
    assert "against" not in first or first["against"] == []
    second = submitted(hospital, FOREST)
    assert value(second, "accuracy")["mean"] == 0.75
    assert value(second, "sensitivity")["support"] == 20
    (against,) = second["against"]
    assert against["result"]["path"] == f"results/{TISSUE}/{REFERENCE}/{DATASET}/1.yml"
    assert {m["key"]: m["difference"] for m in against["metrics"]}["accuracy"] == pytest.approx(-0.05)
    assert "private" not in json.dumps(second)
    assert "case-" not in json.dumps(second)
    with hospital.open() as workbench, hospital.index() as index:
        found = local_results(workbench.spool, index, "st-mary")
        assert [(r.model, r.submittable) for r in found] == [(FOREST, False), (REFERENCE, False)]
        assert find_local(workbench.spool, index, "st-mary", found[0].uid).summary["failed_cases"] == 0
        with pytest.raises(UnknownIdError):
            find_local(workbench.spool, index, "st-mary", "0" * 12)


def test_the_execution_record_tells_engine_isolation_and_both_tasks(hospital) -> None:
    hospital.take_part()
    run(hospital, [FOREST])
    execution = drafted(hospital, FOREST)["execution"]
    assert execution["engine"]["name"] == "docker"
    assert [t["task"] for t in execution["tasks"]] == ["infer", "evaluate"]
    assert all("no-network" in t["applied"] for t in execution["tasks"])
    assert execution["tasks"][0]["image"] == hospital.image.config_digest
    assert execution["hardware"]["cpus"] >= 1


def test_edited_outputs_are_refused_and_a_new_run_repairs_it(hospital) -> None:
    hospital.take_part()
    run(hospital, [FOREST])
    (cases,) = hospital.settings.runs.glob("runs/*/attempt-1/local_outputs/cases.csv")
    cases.write_text(cases.read_text().replace(",0,", ",1,"))
    with pytest.raises(IntegrityError, match="no longer matches its record"):
        drafted(hospital, FOREST)
    assert run(hospital, [FOREST]).rows[0].code == "MP-INTEGRITY"
    run(hospital, [FOREST], no_cache=True)
    assert value(drafted(hospital, FOREST), "accuracy")["mean"] == 0.75


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("echo 'out of cheese' >&2; exit 4", "out of cheese"),
        ("exit 0", "wrote nothing to 'output_path' of task 'infer'"),
        (f"ln -s /etc/passwd {V}/predictions/predictions.csv", "symlink that leads outside"),
        ("sleep 30", "longer than 1 seconds"),
    ],
)
def test_a_failing_model_does_not_stop_the_others(hospital, text: str, says: str) -> None:
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
def test_numbers_that_cannot_be_fail_the_cell_by_name(make_hospital, evaluate: str, says: str) -> None:
    hospital = make_hospital(evaluate=evaluate)
    with hospital.open() as workbench, pytest.raises(ContainerError, match=says):
        compatibility.tested_on_demo(workbench, hospital.story.parts, hospital.story.parts.reference)


def test_priorities_order_the_models_after_the_reference(make_hospital) -> None:
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


def test_what_cannot_be_run_says_why(hospital) -> None:
    with hospital.index() as index:
        with pytest.raises(UsageError, match="not associated"):
            plan_cells(hospital.deps, index, TISSUE, DATASET)
        with pytest.raises(UsageError, match="not in force"):
            plan_cells(hospital.deps, index, "tumor-board/unknown", DATASET)
    data = hospital.take_part()
    with hospital.index() as index:
        hospital.settings = type(hospital.settings)(**{**vars(hospital.settings), "member": "acme"})
        with pytest.raises(UsageError, match="not of member 'acme'"):
            plan_cells(hospital.deps, index, TISSUE, DATASET)
        hospital.settings = type(hospital.settings)(**{**vars(hospital.settings), "member": "st-mary"})
        (data.data / "cases.txt").write_text("case-00\n")
        with pytest.raises(IntegrityError, match="changed 'data/cases.txt'"):
            plan_cells(hospital.deps, index, TISSUE, DATASET)
        hospital.folder.record.unlink()
        with pytest.raises(ConfigurationError, match="no prepared data"):
            plan_cells(hospital.deps, index, TISSUE, DATASET)


def test_a_small_cell_is_refused_before_anything_is_signed(make_hospital) -> None:
    few = EVALUATE.replace("$((right * positive)),$positive", "$((case_is == 1)),$case_is")
    few = few.replace('    [ "$case" =', '    case_is=0; [ "$case" = case-03 ] && case_is=1\n    [ "$case" =')
    hospital = make_hospital(evaluate=few)
    hospital.take_part()
    run(hospital, [FOREST])
    with pytest.raises(PolicyError, match="'sensitivity': cell 'support' holds fewer than 11"):
        drafted(hospital, FOREST)


def test_the_site_may_raise_the_minimum(hospital) -> None:
    hospital.take_part()
    run(hospital, [FOREST])
    hospital.settings = type(hospital.settings)(**{**vars(hospital.settings), "minimum_cell": 30})
    with pytest.raises(PolicyError, match="fewer than 30 patients"):
        drafted(hospital, FOREST)


def test_an_interrupted_run_leaves_no_container_and_is_finished_by_the_same_command(hospital) -> None:
    hospital.take_part()
    slow = INFER.replace("n=0\n", "[ -e /tmp/x ] || sleep 30\nn=0\n", 1)
    hospital.story.model("acme/slow", slow)
    with hospital.open() as workbench, hospital.index() as index:
        plan = plan_cells(workbench.deps, index, TISSUE, DATASET, ["acme/slow"])
        started = threading.Event()

        class StopsSoon(compatibility.TellsCells):
            def phase(self, job, phase) -> None:
                started.set()

        import _thread  # noqa: PLC0415 - Ctrl-C, as the terminal would send it

        def press() -> None:
            started.wait(20)
            threading.Event().wait(1.5)
            _thread.interrupt_main()

        threading.Thread(target=press, daemon=True).start()
        with pytest.raises(InterruptedByUserError):
            run_benchmark(
                workbench, index, TISSUE, DATASET, ["acme/slow"], observer=StopsSoon(workbench.talk)
            )
        assert workbench.engine.sweep() == ()
        (local,) = [r for r in local_results(workbench.spool, index, "st-mary") if r.model == "acme/slow"]
    assert local.state == "interrupted"
    assert not local.submittable
    assert plan.cells[0].spec == local.spec


def test_the_demo_dataset_may_not_lead_outside(make_hospital, tmp_path: Path) -> None:
    hospital = make_hospital()
    bad = (
        demo_archive(tmp_path / "bad", **{"paths.yaml": b"data_path: ..\nlabels_path: truth\n"})
        if (tmp_path / "bad").mkdir() is None
        else None
    )
    from tests.support.shell_cubes import asset  # noqa: PLC0415

    (tmp_path / "assets/bad.tar.gz").write_bytes(bad.read_bytes())
    parts = hospital.story.parts
    demo = parts.benchmark.demo_dataset.model_copy(update=asset(bad))
    from dataclasses import replace  # noqa: PLC0415

    parts = replace(parts, benchmark=parts.benchmark.model_copy(update={"demo_dataset": demo}))
    with (
        hospital.open() as workbench,
        pytest.raises(IntegrityError, match="'data_path' is not a folder in it"),
    ):
        compatibility.tested_on_demo(workbench, parts, parts.reference)


def test_metrics_cube_name_is_in_the_story(hospital) -> None:
    assert hospital.story.parts.metrics.name == METRICS
