"""`test run`: cubes of a benchmark, of a folder, on demo data or ours; what is kept, and who takes it up."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from medperf_cli.errors import (
    ContainerError,
    DocumentError,
    InterruptedByUserError,
    UnknownIdError,
    UsageError,
)
from medperf_cli.flows.running import compatibility
from medperf_cli.flows.running.local_results import local_results
from medperf_cli.flows.running.telling import TellsCells
from medperf_cli.flows.running.tests_kept import all_kept, kept, one_kept
from medperf_cli.flows.submitting.trial import Trial
from medperf_cli.flows.submitting.try_cubes import try_cubes
from medperf_cli.render.test import record_text
from tests.support.hospital import Hospital, MakeHospital, run
from tests.support.story_fields import DATASET, FOREST, METRICS, PREPARATOR, REFERENCE, TISSUE
from tests.support.terminal import Terminal

pytestmark = pytest.mark.container


def folder_of(hospital: Hospital, name: str, place: Path, **changes: Any) -> Path:
    """A registered cube as it would stand in its owner's folder, before anything was submitted."""
    cube = hospital.story.cube(name).document()
    container = {k: v for k, v in cube["container"].items() if k not in ("archive", "image_id")}
    (place / "workspace").mkdir(parents=True)
    config = {**container, "image": "tiny:1", **changes}
    (place / "container_config.yaml").write_text(yaml.safe_dump(config))
    if "parameters" in cube:
        (place / "workspace/parameters.yaml").write_text(yaml.safe_dump(cube["parameters"]))
    shutil.copy(hospital.image.archive, place / f"{place.name}.tar")
    return place


def tell_started(hospital: Hospital) -> int:
    return sum(": started" in line for line in hospital.talk.said)


@pytest.fixture
def site(hospital: Hospital) -> Hospital:
    hospital.take_part()
    hospital.keep()
    return hospital


def test_the_benchmarks_own_cubes_on_its_demo_dataset(site: Hospital) -> None:
    record = try_cubes(site.deps, Trial(benchmark=TISSUE))
    assert (record["outcome"], record["model"], record["error"]) == ("passed", REFERENCE, "")
    assert [m["key"] for m in record["metrics"]] == ["accuracy", "sensitivity", "auroc"]
    assert Path(record["logs"], "infer.log").exists()
    assert one_kept(site.settings, record["uid"][:4]) == record
    with pytest.raises(UnknownIdError, match="means 0 tests"):
        one_kept(site.settings, "zz")


def test_what_a_folder_passed_is_found_done_when_the_same_cube_was_submitted(
    site: Hospital, tmp_path: Path
) -> None:
    folder = folder_of(site, FOREST, tmp_path / "my_model")
    record = try_cubes(site.deps, Trial(benchmark=TISSUE, model=str(folder)))
    assert (record["model"], record["benchmark"]) == ("st-mary/my-model", TISSUE)
    assert tell_started(site) == 1
    with site.open() as workbench:
        outcome = compatibility.tested_on_demo(workbench, site.story.parts, site.story.pinned(FOREST))
    assert tell_started(site) == 1
    assert site.talk.heard(f"{FOREST}: finished before, outputs unchanged")
    assert outcome.summary["cubes"][1]["path"] == f"cubes/{FOREST}/1.yml"
    assert outcome.metrics == tuple(record["metrics"])
    assert sorted(r["model"] for r in all_kept(site.settings)) == [FOREST, "st-mary/my-model"]
    try_cubes(site.deps, Trial(benchmark=TISSUE, model=str(folder)), no_cache=True)
    assert tell_started(site) == 2


def test_three_folders_and_a_demo_dataset_need_no_registry(hospital: Hospital, tmp_path: Path) -> None:
    places = {
        name: str(folder_of(hospital, name, tmp_path / name.partition("/")[2]))
        for name in (PREPARATOR, REFERENCE, METRICS)
    }
    bare = Hospital(
        hospital.home, hospital.story, hospital.image, type(hospital.settings)(home=tmp_path / "other")
    )
    trial = Trial(
        preparator=places[PREPARATOR],
        model=places[REFERENCE],
        metrics=places[METRICS],
        demo_dataset=hospital.story.demo,
    )
    record = try_cubes(bare.deps, trial)
    assert (record["benchmark"], record["model"]) == ("", "local/logistic")
    assert record["metrics"] == [
        {"key": "auroc", "kind": "reported", "value": 0.9},
        {"key": "auroc_error", "kind": "reported", "value": 0.01},
    ]
    with bare.open() as workbench:
        assert compatibility.tested_on_demo(
            workbench, hospital.story.parts, hospital.story.parts.reference
        ).metrics
    assert tell_started(bare) == 1  # `benchmark submit` takes it from there


def test_my_prepared_dataset_is_the_cell_that_benchmark_run_would_run(site: Hospital) -> None:
    record = try_cubes(site.deps, Trial(benchmark=TISSUE, dataset="biopsies"))
    assert record["data"] == f"dataset {DATASET}"
    with site.open() as workbench, site.index() as index:
        assert [r.model for r in local_results(workbench.spool, index, "st-mary")] == [REFERENCE]
    assert [str(row.outcome) for row in run(site).rows] == ["cached", "done"]


def test_another_model_on_my_dataset_is_no_local_result(site: Hospital, tmp_path: Path) -> None:
    folder = folder_of(site, FOREST, tmp_path / "mine")
    record = try_cubes(site.deps, Trial(benchmark=TISSUE, model=str(folder), dataset=DATASET))
    assert record["outcome"] == "passed"
    with site.open() as workbench, site.index() as index:
        assert local_results(workbench.spool, index, "st-mary") == []


def test_raw_data_are_prepared_once_in_a_folder_of_their_own(site: Hospital) -> None:
    trial = Trial(benchmark=TISSUE, data=site.home / "raw/data", labels=site.home / "raw/labels")
    before = sum("running 'prepare'" in line for line in site.talk.said)
    records = [try_cubes(site.deps, trial) for _ in range(2)]
    assert records[0]["data"] == f"data in {site.home / 'raw/data'}"
    assert records[0]["uid"] == records[1]["uid"]
    assert sum("running 'prepare'" in line for line in site.talk.said) == before + 1


def test_data_that_are_prepared_already_are_not_prepared_again(hospital: Hospital) -> None:
    hospital.keep()
    record = try_cubes(hospital.deps, Trial(benchmark=TISSUE, as_prepared=True))
    assert record["outcome"] == "passed"
    assert hospital.talk.heard("running 'sanity_check'")
    assert not hospital.talk.heard("running 'prepare'")


def test_a_failed_test_is_kept_with_the_end_of_its_log(make_hospital: MakeHospital) -> None:
    hospital = make_hospital(infer="printf 'out of \\033[31mcheese' >&2; exit 4")
    hospital.keep()
    with pytest.raises(ContainerError, match="out of"):
        try_cubes(hospital.deps, Trial(benchmark=TISSUE))
    (record,) = all_kept(hospital.settings)
    assert (record["outcome"], record["metrics"]) == ("failed", [])
    shown = record_text(record)
    assert "outcome: failed" in shown
    assert "MP-CONTAINER: task 'infer' ended with exit code 4" in shown
    assert "\x1b" not in shown


def test_an_interrupted_test_has_no_outcome(site: Hospital) -> None:
    parts = site.story.parts
    with (
        site.open() as workbench,
        pytest.raises(InterruptedByUserError),
        kept(workbench, parts, parts.reference, "data", "0" * 64),
    ):
        raise InterruptedByUserError("stopped")
    assert all_kept(site.settings) == []


def test_a_config_says_which_metrics_have_to_come_out(site: Hospital, tmp_path: Path) -> None:
    document = site.story.parts.benchmark.document()
    left_out = ("schema", "registry", "id", "version", "previous", "seen", "state")
    given = {k: v for k, v in document.items() if k not in left_out}
    for ours in ("cubes", "demo_dataset", "committee", "association_policy"):
        del given[ours]
    config = tmp_path / "benchmark.yaml"
    config.write_text(yaml.safe_dump(given))
    assert try_cubes(site.deps, Trial(benchmark=TISSUE, config=config))["outcome"] == "passed"
    given["metrics"][0]["column"] = "nowhere"
    config.write_text(yaml.safe_dump(given))
    with pytest.raises(ContainerError, match="nowhere"):
        try_cubes(site.deps, Trial(benchmark=TISSUE, config=config))
    del given["title"]
    config.write_text(yaml.safe_dump(given))
    with pytest.raises(DocumentError, match="title"):
        try_cubes(site.deps, Trial(benchmark=TISSUE, config=config))


@pytest.mark.parametrize(
    ("trial", "says"),
    [
        (Trial(), "all three cubes"),
        (Trial(model="a", metrics="b"), "all three cubes"),
        (Trial(preparator="p", model="m", metrics="e"), "no demo dataset"),
        (Trial(benchmark=TISSUE, dataset="d", demo_dataset=Path("x")), "more than one kind"),
        (Trial(benchmark=TISSUE, data=Path("x")), "belong together"),
        (Trial(benchmark=TISSUE, model=METRICS), "is of type metrics, not model"),
        (Trial(benchmark=TISSUE, model="./nowhere"), "no such file"),
        (Trial(benchmark=TISSUE, demo_dataset=Path("nowhere.tar.gz")), "there is no file"),
    ],
)
def test_a_trial_that_is_unclear_says_what_is_missing(site: Hospital, trial: Trial, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        try_cubes(site.deps, trial)
    assert all_kept(site.settings) == []


def test_a_folder_without_its_archive_says_how_to_make_one(site: Hospital, tmp_path: Path) -> None:
    folder = folder_of(site, FOREST, tmp_path / "mine")
    (folder / "mine.tar").unlink()
    site.settings = type(site.settings)(home=site.settings.home, registry=site.settings.registry)
    with pytest.raises(UsageError, match="no archive of the image 'tiny:1'") as caught:
        try_cubes(site.deps, Trial(benchmark=TISSUE, model=str(folder)))
    assert "docker save -o" in caught.value.hint


def test_the_tests_of_associations_are_kept_too(site: Hospital) -> None:
    with site.open() as workbench, site.index() as index:
        del index
        parts = site.story.parts
        data = site.prepare()
        compatibility.tested_with_reference(workbench, parts, data, DATASET, observer=TellsCells(site.talk))
    assert [r["data"] for r in all_kept(site.settings)] == [f"dataset {DATASET}"]


def test_the_commands(
    site: Hospital, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = Terminal(site.settings.home, monkeypatch, capsys)
    assert terminal("test", "ls", "--json").json == []
    record = terminal("test", "run", "-b", TISSUE, "--json").ok().json
    assert terminal("test", "view", record["uid"], "--json").json == record
    terminal("test", "view", record["uid"]).ok("outcome: passed", f"model: {REFERENCE}", "accuracy 0.8")
    assert record["uid"] in terminal("test", "ls").ok().out
    terminal("test", "run").failed(2, "MP-USAGE", "all three cubes")
    terminal("test", "view", "zz").failed(2, "MP-UNKNOWN-ID", "medperf test ls")
