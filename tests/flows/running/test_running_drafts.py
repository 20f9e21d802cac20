"""What would leave as a result: exactly what was run, compared in pairs, nothing about few patients."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from medperf_cli.core.names import Kind
from medperf_cli.errors import (
    IntegrityError,
    PolicyError,
    UnknownIdError,
    UsageError,
)
from medperf_cli.flows.running import compatibility
from medperf_cli.flows.running.local_results import find_local, local_results
from medperf_cli.flows.running.published import prepared_fields
from medperf_cli.flows.running.result_draft import result_fields
from tests.support.hospital import Hospital, MakeHospital, drafted, run, value
from tests.support.shell_cubes import EVALUATE
from tests.support.story_fields import DATASET, FOREST, REFERENCE, TISSUE


def submitted(hospital: Hospital, model: str) -> dict[str, Any]:
    """Draft and publish: the registry's own check looks at it."""
    fields = drafted(hospital, model)
    world = hospital.story.world
    world.merge(world.write(Kind.RESULT, f"{TISSUE}/{model}/{DATASET}", **fields))
    return fields


def test_results_are_drafted_with_paired_differences_and_pass_the_registrys_check(hospital: Hospital) -> None:
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
    assert "lesions" not in json.dumps(second)
    assert "case-" not in json.dumps(second)
    with hospital.open() as workbench, hospital.index() as index:
        found = local_results(workbench.spool, index, "st-mary")
        assert [(r.model, r.submittable) for r in found] == [(FOREST, False), (REFERENCE, False)]
        assert find_local(workbench.spool, index, "st-mary", found[0].uid).summary["failed_cases"] == 0
        with pytest.raises(UnknownIdError):
            find_local(workbench.spool, index, "st-mary", "0" * 12)


def test_what_was_run_for_an_association_that_is_not_there_is_no_result_yet(hospital: Hospital) -> None:
    hospital.submit()
    data = hospital.prepare()
    hospital.story.take_part(prepared_fields(data, 11), associated=False)
    with hospital.open() as workbench:
        compatibility.tested_with_reference(workbench, hospital.story.parts, data)
        with hospital.index() as index:
            (local,) = local_results(workbench.spool, index, "st-mary")
            assert (local.attempt is not None, local.submittable) == (True, False)
            with pytest.raises(UsageError, match="'st-mary/biopsies' is not associated"):
                result_fields(workbench, hospital.story.world.state, index, local)


def test_the_execution_record_tells_engine_isolation_and_both_tasks(hospital: Hospital) -> None:
    hospital.take_part()
    run(hospital, [FOREST])
    execution = drafted(hospital, FOREST)["execution"]
    assert execution["engine"]["name"] == "docker"
    assert [t["task"] for t in execution["tasks"]] == ["infer", "evaluate"]
    assert all("no-network" in t["applied"] for t in execution["tasks"])
    assert execution["tasks"][0]["image"] == hospital.image.config_digest
    assert execution["hardware"]["cpus"] >= 1


def test_edited_outputs_are_refused_and_a_new_run_repairs_it(hospital: Hospital) -> None:
    hospital.take_part()
    run(hospital, [FOREST])
    (cases,) = hospital.settings.runs.glob("*/attempt-1/local_outputs/cases.csv")
    cases.write_text(cases.read_text().replace(",0,", ",1,"))
    with pytest.raises(IntegrityError, match="no longer matches its record"):
        drafted(hospital, FOREST)
    assert run(hospital, [FOREST]).rows[0].code == "MP-INTEGRITY"
    run(hospital, [FOREST], no_cache=True)
    assert value(drafted(hospital, FOREST), "accuracy")["mean"] == 0.75


def test_a_small_cell_is_refused_before_anything_is_signed(make_hospital: MakeHospital) -> None:
    few = EVALUATE.replace("$((right * positive)),$positive", "$((case_is == 1)),$case_is")
    few = few.replace('    [ "$case" =', '    case_is=0; [ "$case" = case-03 ] && case_is=1\n    [ "$case" =')
    hospital = make_hospital(evaluate=few)
    hospital.take_part()
    run(hospital, [FOREST])
    with pytest.raises(PolicyError, match="'sensitivity': cell 'support' holds fewer than 11"):
        drafted(hospital, FOREST)


def test_the_site_may_raise_the_minimum(hospital: Hospital) -> None:
    hospital.take_part()
    run(hospital, [FOREST])
    hospital.settings = replace(hospital.settings, minimum_cell=30)
    with pytest.raises(PolicyError, match="fewer than 30 patients"):
        drafted(hospital, FOREST)
