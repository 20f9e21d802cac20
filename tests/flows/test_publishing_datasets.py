"""Where a dataset's raw data are is remembered at the site, once its owner has agreed to register it."""

from __future__ import annotations

from pathlib import Path

import pytest

from medperf_cli.errors import RejectedError
from medperf_cli.flows.running.dataset_folder import Source, dataset_folder, read_source
from medperf_cli.flows.submitting.datasets import NewDataset, submit_dataset
from medperf_cli.flows.submitting.publish import Published
from tests.support.hosting import Hosted
from tests.support.office import Office, office
from tests.support.story import STEPS
from tests.support.story_fields import DATASET, TISSUE

WORDS = ("consecutive aspirates of one year", "St Mary, pathology", "IRB 2026-17")


def source(folder: Path) -> Source:
    found = Source(folder / "data", folder / "labels")
    for path in found.roots.values():
        path.mkdir(parents=True)
        (path / "file").write_bytes(b"x")
    return found


def submit(who: Office, name: str, where: Source, words: tuple[str, str, str] = WORDS) -> Published:
    return submit_dataset(who.deps, NewDataset(name, TISSUE, where, *words))


@pytest.mark.parametrize("host", [10], indirect=True)
def test_saying_no_changes_nothing_at_the_site_either(host: Hosted, tmp_path: Path) -> None:
    hospital = office(host, "st-mary")
    folder = dataset_folder(hospital.settings, "st-mary/scans")
    first, second, third = (source(tmp_path / name) for name in ("first", "second", "third"))
    hospital.answer = lambda _: False
    assert not submit(hospital, "scans", first).sent
    assert not folder.source.exists()
    hospital.answer = lambda _: True
    assert submit(hospital, "scans", first).merged
    assert read_source(folder) == first
    hospital.answer = lambda _: False
    submit(hospital, "scans", second, ("other words", *WORDS[1:]))
    assert read_source(folder) == first
    assert submit(hospital, "scans", third).paths == (), "the same words: there is nothing to ask"
    assert read_source(folder) == third


@pytest.mark.parametrize("host", [len(STEPS)], indirect=True)
def test_raw_data_of_a_frozen_dataset_may_move(host: Hosted, tmp_path: Path) -> None:
    hospital = office(host, "st-mary")
    name = DATASET.rpartition("/")[2]
    moved = source(tmp_path / "moved")
    assert submit(hospital, name, moved).paths == ()
    assert read_source(dataset_folder(hospital.settings, DATASET)) == moved
    with pytest.raises(RejectedError):
        submit(hospital, name, source(tmp_path / "other"), ("other words", *WORDS[1:]))
    assert read_source(dataset_folder(hospital.settings, DATASET)) == moved
