"""The example's data-preparator: dialects, bad exports and their repair, the sanity check, statistics."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml

from tests.support.example_cubes import DELIMITERS, HERE, HOSPITALS, fail, read, succeed, with_raw, write


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
    rows[7][3] = "12..7"


def nameless(rows: list[list[str]]) -> None:
    rows[7][0] = ""


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (edit_cell, "SM-0007: column 'perimeter (mean)' is not a number: '12..7'"),
        (nameless, "a row has no patient id"),
    ],
)
def test_what_cannot_be_written_stops_prepare_and_the_same_command_works_once_repaired(
    prepared: Path, edit: Callable[[list[list[str]]], None], said: str
) -> None:
    before = (prepared / "data/features.csv").read_bytes()
    (path,) = (prepared / "raw_data").glob("*.csv")
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
    path = volumes / "raw_data/features.csv"
    rows = read(path, ";")
    write(path, [row[:-1] for row in rows], ";")
    assert "no column for: fractal_dimension_worst" in fail("data-preparator", "prepare", volumes)
    write(path, [*rows[:3], rows[3][:-1]], ";")
    assert "row 4: 30 cells, expected 31" in fail("data-preparator", "prepare", volumes)
    write(path, [[rows[0][0], "radius (mean) [inch]", *rows[0][2:]], *rows[1:]], ";")
    said = "column 'radius (mean) [inch]': unit 'inch' is none of a length: µm, um, mm, nm"
    assert said in fail("data-preparator", "prepare", volumes)
    write(path, [[*rows[0][:2], "texture (mean) [mm]", *rows[0][3:]], *rows[1:]], ";")
    assert "unit 'mm' is none of a ratio: %" in fail("data-preparator", "prepare", volumes)


@pytest.mark.parametrize(
    ("hospital", "cases", "malignant", "completed"),
    [("st-mary", 180, 67, 0), ("north-clinic", 120, 24, 0), ("lakeside", 80, 50, 29)],
)
def test_every_hospitals_export_becomes_the_standard_table(
    tmp_path: Path, hospital: str, cases: int, malignant: int, completed: int
) -> None:
    volumes = with_raw(tmp_path / "volumes", f"{hospital}/export")
    for task in ("prepare", "sanity_check", "statistics"):
        succeed("data-preparator", task, volumes)
    truth = read(volumes / "raw_labels/labels.csv", DELIMITERS[hospital])[1:]
    labels = {case: label == "1" for case, _, label in read(volumes / "labels/labels.csv")[1:]}
    assert labels == {case: HOSPITALS[hospital][word] for case, word in truth}
    found = yaml.safe_load((volumes / "statistics/statistics.yaml").read_text(encoding="utf-8"))
    assert (found["cases"], found["malignant"], found["completed"]) == (cases, malignant, completed)
    report = yaml.safe_load((volumes / "report/report.yaml").read_text(encoding="utf-8"))
    assert list(report["status_name"].values()).count("COMPLETED") == completed


def test_a_missing_measurement_becomes_the_training_patients_median_and_is_reported(tmp_path: Path) -> None:
    volumes = with_raw(tmp_path / "volumes", "lakeside/export")
    succeed("data-preparator", "prepare", volumes)
    header, *rows = read(volumes / "data/features.csv")
    cells = {row[0]: dict(zip(header, row, strict=True)) for row in rows}
    names, *training = read(HERE / "data/training/features/features.csv")
    report = yaml.safe_load((volumes / "report/report.yaml").read_text(encoding="utf-8"))
    completed = read(volumes / "metadata/completed.csv")[1:]
    for case, feature in completed:
        median = np.median([float(row[names.index(feature)]) for row in training])
        assert float(cells[case][feature]) == pytest.approx(median, rel=1e-5)
        assert report["comment"][case].startswith("missing, the training patients' median instead: ")
        assert feature in report["comment"][case]
    assert len(completed) == 35


def test_the_first_export_of_north_clinic_fails_with_case_and_column_and_the_second_is_repaired(
    tmp_path: Path,
) -> None:
    volumes = with_raw(tmp_path / "volumes", "north-clinic/first-export")
    succeed("data-preparator", "prepare", volumes)
    said = fail("data-preparator", "sanity_check", volumes)
    assert "case 'NC-0012' stands 2 times among the features: keep one row per patient" in said
    assert (
        "radius_mean (in the export: 'Radius Mittelwert [mm]') is outside 4.6 to 43 in 7 cases: "
        "'NC-0041' (18460), 'NC-0042' (19070)" in said
    )
    assert said.count("1000 times as large as plausible: another unit?") == 6
    assert "error: 7 faults in the prepared data" in said
    first, second = (
        read(HERE / "data/north-clinic" / export / "features/features.csv", ";")
        for export in ("first-export", "export")
    )
    differing = {row[0] for row in first if row not in second}
    assert differing == {f"NC-{i:04d}" for i in range(41, 48)}
    assert len(first) == len(second) + 1


Table = list[list[str]]


def negative_radius(features: Table, labels: Table, completed: Table) -> None:
    del labels, completed
    features[5][1] = "-1"


def not_a_number(features: Table, labels: Table, completed: Table) -> None:
    del labels, completed
    features[5][1] = "nan"


def worst_below_mean(features: Table, labels: Table, completed: Table) -> None:
    del labels, completed
    features[5][features[0].index("texture_worst")] = "9"


def another_unit_within_range(features: Table, labels: Table, completed: Table) -> None:
    """An area in pixels of another scanner: plausible alone, impossible beside the radius."""
    del labels, completed
    place = features[0].index("area_mean")
    features[5][place] = str(float(features[5][place]) * 2)


def twice(features: Table, labels: Table, completed: Table) -> None:
    del labels, completed
    features.append(features[5])


def two_diagnoses(features: Table, labels: Table, completed: Table) -> None:
    del features, completed
    labels.append([*labels[5][:2], "0" if labels[5][2] == "1" else "1"])


def unlabelled(features: Table, labels: Table, completed: Table) -> None:
    del features, completed, labels[5]


def for_nobody(features: Table, labels: Table, completed: Table) -> None:
    del labels, completed, features[5]


def unknown_word(features: Table, labels: Table, completed: Table) -> None:
    del features, completed
    labels[5][2] = "unclear"


def no_diagnosis(features: Table, labels: Table, completed: Table) -> None:
    del features, completed
    labels[5][2] = ""


def no_labels(features: Table, labels: Table, completed: Table) -> None:
    del features, completed, labels[1:]


def one_class(features: Table, labels: Table, completed: Table) -> None:
    del features, completed
    labels[1:] = [[case, patient, "0"] for case, patient, _ in labels[1:]]


def hollow_case(features: Table, labels: Table, completed: Table) -> None:
    del labels
    completed += [["SM-0005", name] for name in features[0][1:5]]


def hollow_column(features: Table, labels: Table, completed: Table) -> None:
    del labels
    completed += [[row[0], "texture_se"] for row in features[1:20]]


def nothing(features: Table, labels: Table, completed: Table) -> None:
    del completed, features[1:], labels[1:]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (
            negative_radius,
            "radius_mean (in the export: 'radius (mean)') is outside 4.6 to 43 in case 'SM-0005' (-1)",
        ),
        (not_a_number, "is outside 4.6 to 43 in case 'SM-0005' (nan)"),
        (
            worst_below_mean,
            "case 'SM-0005': texture_worst (in the export: 'texture (worst)') is 9, below the mean",
        ),
        (another_unit_within_range, "case 'SM-0005': area_mean (in the export: 'area (mean)') is "),
        (another_unit_within_range, "is one of them in another unit?"),
        (twice, "case 'SM-0005' stands 2 times among the features"),
        (two_diagnoses, "case 'SM-0005' stands 2 times among the diagnoses"),
        (unlabelled, "case 'SM-0005' has no diagnosis"),
        (for_nobody, "case 'SM-0005' has a diagnosis but no features"),
        (unknown_word, "case 'SM-0005': diagnosis 'unclear' is none of: m, malignant, 1, "),
        (no_diagnosis, "case 'SM-0005': the diagnosis is empty"),
        (no_labels, "nobody has a diagnosis"),
        (one_class, "all cases have the same diagnosis"),
        (
            hollow_case,
            "case 'SM-0005': 4 measurements are missing, at most 3 may be: radius_mean (in the export: ",
        ),
        (
            hollow_column,
            "texture_se (in the export: 'texture (se)') is missing in 19 of 180 cases, at most 10%",
        ),
        (nothing, "there are no cases"),
    ],
)
def test_the_sanity_check_finds(
    prepared: Path, spoil: Callable[[Table, Table, Table], None], said: str
) -> None:
    paths = [prepared / name for name in ("data/features.csv", "labels/labels.csv", "metadata/completed.csv")]
    tables = [read(path) for path in paths]
    spoil(*tables)
    for path, table in zip(paths, tables, strict=True):
        write(path, table)
    assert said in fail("data-preparator", "sanity_check", prepared)


def test_a_median_is_not_judged_beside_what_was_measured(prepared: Path) -> None:
    """It may contradict the patient's other measurements: that is no fault of the export."""
    features = read(prepared / "data/features.csv")
    features[5][features[0].index("area_worst")] = "125"
    write(prepared / "data/features.csv", features)
    assert "area_worst" in fail("data-preparator", "sanity_check", prepared)
    write(prepared / "metadata/completed.csv", [["case", "feature"], ["SM-0005", "area_worst"]])
    succeed("data-preparator", "sanity_check", prepared)


def test_statistics_count_the_patients(prepared: Path) -> None:
    succeed("data-preparator", "statistics", prepared)
    found = yaml.safe_load((prepared / "statistics/statistics.yaml").read_text(encoding="utf-8"))
    assert (found["cases"], found["malignant"], found["benign"]) == (180, 67, 113)
    values = [float(row[1]) for row in read(prepared / "data/features.csv")[1:]]
    assert found["features"]["radius_mean"]["mean"] == pytest.approx(np.mean(values), rel=1e-3)
