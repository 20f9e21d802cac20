"""A hospital prepares its data at home: once, resumably, and never without noticing what changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from medperf_cli.adapters.store.locks import exclusive
from medperf_cli.core.entities.fields import Asset
from medperf_cli.errors import (
    ConfigurationError,
    ConflictError,
    ContainerError,
    EngineError,
    IntegrityError,
    TaskTimeoutError,
)
from medperf_cli.flows.running import dataset_folder
from medperf_cli.flows.running.dataset_folder import Source, remember_source
from medperf_cli.flows.running.prepare import prepare_dataset
from medperf_cli.flows.running.prepared_data import check_prepared
from tests.support.hospital import Hospital, MakeHospital
from tests.support.shell_cubes import V, raw_folders
from tests.support.story_fields import DATASET, PREPARATOR


def test_data_are_prepared_counted_and_hashed_and_a_second_call_does_nothing(hospital: Hospital) -> None:
    raw, _ = hospital.submit()
    data = hospital.prepare()
    assert data.fresh
    assert data.counts == {"cases": 40, "patients": 40}
    assert data.statistics == {"mean_size": 2.5}
    assert data.metadata == {"format": "shell-1"}
    assert (data.data / "cases.txt").read_text().count("\n") == 40
    assert hospital.folder.salt.stat().st_mode & 0o777 == 0o600
    assert hospital.talk.heard("report: 3 cases: 2 PREPARED, 1 REFUSED")
    again = hospital.prepare()
    assert (again.hash, again.fresh) == (data.hash, False)
    assert hospital.talk.heard("already prepared")
    raw.rename(raw.parent / "archived")
    assert check_prepared(hospital.deps, hospital.folder, data.hash).hash == data.hash


def test_the_same_files_have_another_hash_at_another_site(make_hospital: MakeHospital) -> None:
    hospital = make_hospital()
    hospital.submit()
    first = hospital.prepare().hash
    hospital.folder.salt.unlink()
    assert hospital.prepare(again=True).hash != first
    assert hospital.folder.previous.is_dir()


def test_nothing_is_remembered_in_data_that_are_being_moved(
    hospital: Hospital, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dataset_folder, "_SECONDS", 0.1)
    source = Source(*raw_folders(tmp_path))
    with exclusive(hospital.settings.scratch / "lock", "moving storage"):
        with pytest.raises(ConflictError, match="is locked by moving storage"):
            remember_source(hospital.settings, DATASET, source)
        assert not hospital.folder.root.exists()


@pytest.mark.parametrize("missing", ["data", "labels"])
def test_a_missing_folder_is_named_at_submission_and_later(
    hospital: Hospital, tmp_path: Path, missing: str
) -> None:
    folders = dict(zip(("data", "labels"), raw_folders(tmp_path), strict=True))
    gone = {**folders, missing: tmp_path / "nowhere"}
    with pytest.raises(ConfigurationError, match=f"^{missing} folder .*nowhere' does not exist"):
        remember_source(hospital.settings, DATASET, Source(**gone))
    assert not hospital.folder.source.exists()
    remember_source(hospital.settings, DATASET, Source(**folders))
    folders[missing].rename(tmp_path / "moved")
    with pytest.raises(ConfigurationError, match=f"^{missing} folder"):
        hospital.prepare()
    (tmp_path / "moved").rename(folders[missing])
    assert hospital.prepare().fresh


def test_preparing_before_submitting_says_what_to_do(hospital: Hospital) -> None:
    with pytest.raises(ConfigurationError, match="is not known here") as caught:
        hospital.prepare()
    assert "dataset submit" in caught.value.hint


def test_changed_prepared_files_are_named(hospital: Hospital) -> None:
    hospital.submit()
    data = hospital.prepare()
    (data.labels / "labels.csv").write_text("case-00,1\n")
    (data.data / "stray.txt").write_text("x")
    named = r"changed 'labels/labels\.csv'; new 'data/stray\.txt'"
    with pytest.raises(IntegrityError, match=named):
        check_prepared(hospital.deps, hospital.folder)
    with pytest.raises(IntegrityError, match=named):
        hospital.prepare(rehash=True)
    hospital.prepare(again=True)
    with pytest.raises(IntegrityError, match="not those in the registry"):
        check_prepared(hospital.deps, hospital.folder, "0" * 64)


def test_new_raw_data_are_prepared_anew_and_the_old_set_aside(hospital: Hospital) -> None:
    raw, _ = hospital.submit()
    first = hospital.prepare()
    (raw / "more.txt").write_text("case-40\n")
    second = hospital.prepare()
    assert second.fresh
    assert second.counts["cases"] == 41
    assert second.hash != first.hash
    assert (hospital.folder.previous / "data/cases.txt").exists()


RESUMED = f"""
if [ ! -e {V}/data/half ]; then
  echo half > {V}/data/half
  echo 'the scanner went away' >&2
  exit 3
fi
cat {V}/raw_data/* > {V}/data/cases.txt
cat {V}/raw_labels/* > {V}/labels/labels.csv
"""


def test_an_interrupted_preparation_finds_its_own_outputs_again(make_hospital: MakeHospital) -> None:
    hospital = make_hospital(prepare=RESUMED)
    hospital.submit()
    with pytest.raises(ContainerError, match=r"exit code 3.*logs/prepare.log'") as caught:
        hospital.prepare()
    assert "the scanner went away" in caught.value.message
    with pytest.raises(ConfigurationError, match="no prepared data"):
        check_prepared(hospital.deps, hospital.folder)
    data = hospital.prepare()
    assert (data.data / "half").exists()
    assert data.counts["cases"] == 40


@pytest.mark.parametrize(
    ("scripts", "says"),
    [
        ({"prepare": "exit 0"}, "wrote nothing to 'output_labels_path' of task 'prepare'"),
        ({"prepare": f"echo a > {V}/labels/a"}, "wrote nothing to 'output_path' of task 'prepare'"),
        ({"prepare": f"ln -s /etc {V}/data/out; echo a > {V}/labels/a"}, "symlink that leads outside"),
        ({"sanity_check": "echo 'case-07 has no label' >&2; exit 1"}, "case-07 has no label"),
        ({"statistics": "exit 0"}, "wrote nothing to 'output_path' of task 'statistics'"),
        ({"statistics": f"echo 'cases: .nan' > {V}/statistics/statistics.yaml"}, "'cases' is nan"),
        ({"statistics": f"echo 'cases: many' > {V}/statistics/statistics.yaml"}, "no whole number 'cases'"),
        ({"statistics": f"echo 'a: &a 1' > {V}/statistics/statistics.yaml"}, "no whole number 'cases'"),
        ({"statistics": f"echo '[' > {V}/statistics/statistics.yaml"}, "'statistics.yaml' of cube .*YAML"),
    ],
)
def test_a_bad_preparator_is_refused_and_nothing_counts_as_prepared(
    make_hospital: MakeHospital, scripts: dict[str, str], says: str
) -> None:
    hospital = make_hospital(**scripts)
    hospital.submit()
    with pytest.raises(ContainerError, match=says):
        hospital.prepare()
    assert not hospital.folder.record.exists()


def test_a_task_that_takes_too_long_is_ended(make_hospital: MakeHospital) -> None:
    hospital = make_hospital(prepare="sleep 60")
    hospital.submit()
    with hospital.open(timeout_seconds=1.0) as workbench, pytest.raises(TaskTimeoutError, match="1 seconds"):
        prepare_dataset(workbench, DATASET, hospital.story.cube(PREPARATOR))
    assert not list(hospital.settings.scratch.glob("command-*"))


def test_data_submitted_as_prepared_are_used_where_they_are(make_hospital: MakeHospital) -> None:
    hospital = make_hospital(prepare="exit 9")
    data, labels = hospital.submit(as_prepared=True)
    prepared = hospital.prepare()
    assert (prepared.data, prepared.labels) == (data, labels)
    assert prepared.counts["cases"] == 40
    (data / "cases.txt").write_text("case-00\n")
    with pytest.raises(IntegrityError, match=r"changed 'data/cases\.txt'"):
        check_prepared(hospital.deps, hospital.folder, prepared.hash)


def test_without_the_image_the_error_says_where_it_was_looked_for(hospital: Hospital) -> None:
    hospital.submit()
    cube = hospital.story.cube(PREPARATOR)
    nowhere = Asset(sha256="b" * 64, size=1)
    absent = cube.container.model_copy(update={"image_id": "sha256:" + "a" * 64, "archive": nowhere})
    other = cube.model_copy(update={"container": absent})
    with hospital.open() as workbench, pytest.raises(ConfigurationError, match="was not found; looked in"):
        prepare_dataset(workbench, DATASET, other)


def test_an_archive_with_another_image_is_refused(hospital: Hospital) -> None:
    hospital.submit()
    cube = hospital.story.cube(PREPARATOR)
    wrong = cube.container.model_copy(update={"image_id": "sha256:" + "a" * 64})
    with hospital.open() as workbench, pytest.raises(IntegrityError, match="does not hold image"):
        prepare_dataset(workbench, DATASET, cube.model_copy(update={"container": wrong}))


def test_without_an_engine_the_error_is_the_engines(hospital: Hospital) -> None:
    def nobody() -> object:
        raise EngineError("no docker answers")

    hospital.submit()
    with hospital.open(connect=nobody) as workbench, pytest.raises(EngineError, match="no docker"):
        prepare_dataset(workbench, DATASET, hospital.story.cube(PREPARATOR))
