"""The example's data-preparator: dialects, bad exports and their repair, the sanity check, statistics."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml

from tests.support.example_cubes import fail, read, succeed, with_raw, write


@pytest.fixture(scope="module")
def prepared_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    volumes = with_raw(tmp_path_factory.mktemp("prepared"))
    succeed("data-preparator", "prepare", volumes)
    return volumes


@pytest.fixture
def prepared(prepared_once: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(prepared_once, tmp_path / "volumes"))


def test_another_dialect_of_the_same_patients_prepares_to_the_same_bytes(
    prepared: Path, tmp_path: Path
) -> None:
    other = with_raw(tmp_path / "other")
    path = other / "raw_data/features.csv"
    rows = read(path, ";")
    header = ["Patient ID", *(f"worst_{c[:-8]}" if c.endswith("(worst)") else c for c in rows[0][1:])]
    body = [[row[0], *(cell.replace(".", ",") for cell in row[1:])] for row in rows[:0:-1]]
    write(path, [[*header[1:], header[0]], *([*row[1:], row[0]] for row in body)], "\t")
    succeed("data-preparator", "prepare", other)
    for name in ("data/features.csv", "labels/labels.csv", "metadata/metadata.yaml"):
        assert (other / name).read_bytes() == (prepared / name).read_bytes()


def edit_cell(rows: list[list[str]]) -> None:
    rows[7][3] = "n/a"


def repeat_row(rows: list[list[str]]) -> None:
    rows.append(rows[7])


def drop_row(rows: list[list[str]]) -> None:
    del rows[7]


@pytest.mark.parametrize(
    ("mount", "edit", "said"),
    [
        ("raw_data", edit_cell, "N-0007: perimeter_mean is not a number: 'n/a'"),
        ("raw_data", repeat_row, "N-0007: stands in 2 rows"),
        ("raw_data", drop_row, "N-0007: has a diagnosis but no features"),
        ("raw_labels", drop_row, "has no diagnosis"),
    ],
)
def test_a_bad_case_stops_prepare_and_the_same_command_works_once_repaired(
    prepared: Path, mount: str, edit: Callable[[list[list[str]]], None], said: str
) -> None:
    before = (prepared / "data/features.csv").read_bytes()
    (path,) = (prepared / mount).glob("*.csv")
    good = path.read_bytes()
    rows = read(path, ";")
    edit(rows)
    write(path, rows, ";")
    assert said in fail("data-preparator", "prepare", prepared)
    assert not (prepared / "data/features.csv").exists()
    report = yaml.safe_load((prepared / "report/report.yaml").read_text(encoding="utf-8"))
    assert sorted(report["status_name"].values()).count("REFUSED") == 1
    path.write_bytes(good)
    succeed("data-preparator", "prepare", prepared)
    assert (prepared / "data/features.csv").read_bytes() == before
    report = yaml.safe_load((prepared / "report/report.yaml").read_text(encoding="utf-8"))
    assert set(report["status_name"].values()) == {"PREPARED"}
    assert len(report["status"]) == 180


def test_prepare_names_what_is_missing(tmp_path: Path) -> None:
    assert "expected one .csv file in 'raw_data', found 0" in fail("data-preparator", "prepare", tmp_path)
    volumes = with_raw(tmp_path / "volumes")
    rows = read(volumes / "raw_data/features.csv", ";")
    write(volumes / "raw_data/features.csv", [row[:-1] for row in rows], ";")
    assert "no column for: fractal_dimension_worst" in fail("data-preparator", "prepare", volumes)
    write(volumes / "raw_data/features.csv", [*rows[:3], rows[3][:-1]], ";")
    assert "row 4: 30 cells, expected 31" in fail("data-preparator", "prepare", volumes)


def negative_radius(features: list[list[str]], labels: list[list[str]]) -> None:
    del labels
    features[5][1] = "-1"


def not_a_number(features: list[list[str]], labels: list[list[str]]) -> None:
    del labels
    features[5][1] = "nan"


def worst_below_mean(features: list[list[str]], labels: list[list[str]]) -> None:
    del labels
    features[5][features[0].index("radius_worst")] = "6"


def twice(features: list[list[str]], labels: list[list[str]]) -> None:
    del labels
    features.append(features[5])


def unlabelled(features: list[list[str]], labels: list[list[str]]) -> None:
    del features, labels[5]


def one_class(features: list[list[str]], labels: list[list[str]]) -> None:
    del features
    labels[1:] = [[case, patient, "0"] for case, patient, _ in labels[1:]]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (negative_radius, "case 'N-0005': radius_mean is '-1', expected 4.6 to 43"),
        (not_a_number, "case 'N-0005': radius_mean is 'nan'"),
        (worst_below_mean, "case 'N-0005': radius_worst is below the mean"),
        (twice, "case 'N-0005' stands 2 times in features.csv"),
        (unlabelled, "case 'N-0005' has no label"),
        (one_class, "all cases have the same diagnosis"),
    ],
)
def test_the_sanity_check_finds(
    prepared: Path, spoil: Callable[[list[list[str]], list[list[str]]], None], said: str
) -> None:
    features, labels = read(prepared / "data/features.csv"), read(prepared / "labels/labels.csv")
    spoil(features, labels)
    write(prepared / "data/features.csv", features)
    write(prepared / "labels/labels.csv", labels)
    assert said in fail("data-preparator", "sanity_check", prepared)


def test_statistics_count_the_patients(prepared: Path) -> None:
    succeed("data-preparator", "statistics", prepared)
    found = yaml.safe_load((prepared / "statistics/statistics.yaml").read_text(encoding="utf-8"))
    assert (found["cases"], found["malignant"], found["benign"]) == (180, 67, 113)
    values = [float(row[1]) for row in read(prepared / "data/features.csv")[1:]]
    assert found["features"]["radius_mean"]["mean"] == pytest.approx(np.mean(values), rel=1e-3)
