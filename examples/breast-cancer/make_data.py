"""Splits the 569 WDBC patients into training part, demo dataset, hospital exports and a reserve.

Run it to write `data/` again; needs scikit-learn, which carries the data set. Deterministic: patients are
ordered by a hash of the seed and their row number, so no random generator of any library version matters.

Wolberg, Mangasarian, Street, Street (1993): Breast Cancer Wisconsin (Diagnostic), doi 10.24432/C5DW2B.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sklearn.datasets import load_breast_cancer

SEED = "wdbc-2024"
DATA = Path(__file__).parent / "data"
STATISTICS = {"mean": "mean", "error": "se", "worst": "worst"}


@dataclass(frozen=True)
class Patient:
    """One patient: 30 measurements as published, and whether the mass was malignant."""

    row: int
    values: tuple[float, ...]
    malignant: bool


@dataclass(frozen=True)
class Export:
    """How one place exports its raw data: folder, size, patient ids and the looks of its CSV files."""

    folder: str
    patients: int
    prefix: str
    id_column: str
    delimiter: str
    feature_column: str
    diagnosis_column: str = "diagnosis"


TRAINING = Export("training", 149, "T", "patient", ",", "{feature}_{statistic}")
DEMO = Export("demo", 40, "D", "patient_id", ",", "{feature}_{statistic}")
HOSPITALS = (Export("hospital-north", 180, "N", "MRN", ";", "{feature} ({statistic})", "Diagnosis"),)
# A further hospital is a further Export, taken from the reserve; what stands before it does not change.


def patients() -> list[Patient]:
    """All 569 patients, in the order of the published file."""
    table = load_breast_cancer()
    return [
        Patient(row, tuple(float(v) for v in values), malignant=int(target) == 0)
        for row, (values, target) in enumerate(zip(table.data, table.target, strict=True))
    ]


def feature_names() -> list[tuple[str, str]]:
    """(feature, statistic) of each column, such as ('concave points', 'worst')."""
    names = []
    for text in load_breast_cancer().feature_names:
        statistic = next(word for word in STATISTICS if word in text.split())
        names.append((text.replace(statistic, "").strip(), STATISTICS[statistic]))
    return names


def shuffled(people: Iterable[Patient], purpose: str) -> list[Patient]:
    """The patients in an order that depends on SEED and `purpose` only."""
    return sorted(people, key=lambda p: hashlib.sha256(f"{SEED}/{purpose}/{p.row}".encode()).hexdigest())


def split(people: Sequence[Patient], sizes: Sequence[int]) -> Iterator[list[Patient]]:
    """Disjoint parts of the given sizes, each with the share of malignant cases of the whole."""
    order = shuffled(people, "split")
    classes = {kind: [p for p in order if p.malignant == kind] for kind in (True, False)}
    share = len(classes[True]) / len(people)
    for size in sizes:
        wanted = {True: round(size * share), False: size - round(size * share)}
        part = [classes[kind].pop(0) for kind in (True, False) for _ in range(wanted[kind])]
        yield shuffled(part, "order")


def number(value: float) -> str:
    """The value as published: the shortest text that reads back the same."""
    return repr(value).removesuffix(".0")


def write_csv(path: Path, delimiter: str, rows: Iterable[Sequence[str]]) -> None:
    """Write one CSV file and its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=delimiter, lineterminator="\n").writerows(rows)


def write_export(export: Export, part: Sequence[Patient]) -> None:
    """Write features and labels of one place as two CSV files, in different row orders as in real exports."""
    folder = DATA / export.folder
    ids = {p.row: f"{export.prefix}-{i:04d}" for i, p in enumerate(part, start=1)}
    columns = [export.feature_column.format(feature=f, statistic=s) for f, s in feature_names()]
    if export.delimiter == ",":
        columns = [c.replace(" ", "_") for c in columns]
    features = [[ids[p.row], *map(number, p.values)] for p in part]
    labels = [[ids[p.row], "M" if p.malignant else "B"] for p in shuffled(part, "labels")]
    write_csv(folder / "features/features.csv", export.delimiter, [[export.id_column, *columns], *features])
    header = [export.id_column, export.diagnosis_column]
    write_csv(folder / "labels/labels.csv", export.delimiter, [header, *labels])


def main() -> None:
    """Write all exports and `split.json`, which says how many patients are where."""
    people = patients()
    exports = (TRAINING, DEMO, *HOSPITALS)
    sizes = {}
    for export, part in zip(exports, split(people, [e.patients for e in exports]), strict=True):
        write_export(export, part)
        malignant = sum(p.malignant for p in part)
        sizes[export.folder] = {"malignant": malignant, "benign": len(part) - malignant}
    used = {kind: sum(size[kind] for size in sizes.values()) for kind in ("malignant", "benign")}
    malignant = sum(p.malignant for p in people)
    sizes["reserve"] = {
        "malignant": malignant - used["malignant"],
        "benign": len(people) - malignant - used["benign"],
    }
    (DATA / "demo/paths.yaml").write_text("data_path: features\nlabels_path: labels\n", encoding="utf-8")
    (DATA / "split.json").write_text(json.dumps(sizes, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
