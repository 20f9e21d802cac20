"""Splits the 569 WDBC patients into training part, demo dataset and the exports of three hospitals.

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
from decimal import Decimal
from pathlib import Path

from exports import COLUMNS, DEMO, HOSPITALS, NORTH_CLINIC, TRAINING, Column, Export
from sklearn.datasets import load_breast_cancer

SEED = "wdbc-2024"
DATA = Path(__file__).parent / "data"
EXPORTS = (TRAINING, DEMO, *HOSPITALS)
Rows = list[list[str]]


@dataclass(frozen=True)
class Patient:
    """One patient: 30 measurements as published, and whether the mass was malignant."""

    row: int
    values: tuple[float, ...]
    malignant: bool


def patients() -> list[Patient]:
    """All 569 patients, in the order of the published file, whose columns are `COLUMNS`."""
    table = load_breast_cancer()
    return [
        Patient(row, tuple(float(v) for v in values), malignant=int(target) == 0)
        for row, (values, target) in enumerate(zip(table.data, table.target, strict=True))
    ]


def draw(purpose: str) -> int:
    """A number that depends on SEED and `purpose` only."""
    return int.from_bytes(hashlib.sha256(f"{SEED}/{purpose}".encode()).digest(), "big")


def shuffled(people: Iterable[Patient], purpose: str) -> list[Patient]:
    """The patients in an order that depends on SEED and `purpose` only."""
    return sorted(people, key=lambda p: draw(f"{purpose}/{p.row}"))


def split(people: Sequence[Patient], exports: Sequence[Export]) -> Iterator[list[Patient]]:
    """Disjoint parts with as many malignant and benign cases as the exports say."""
    order = shuffled(people, "split")
    classes = {kind: [p for p in order if p.malignant == kind] for kind in (True, False)}
    for export in exports:
        wanted = {True: export.malignant, False: export.benign}
        part = [classes[kind].pop(0) for kind in (True, False) for _ in range(wanted[kind])]
        yield shuffled(part, "order")


def number(value: float, power: int, decimal: str) -> str:
    """The value as published, times a power of ten: the same digits, so that nothing is lost."""
    scaled = Decimal(repr(value)).scaleb(power)
    text = f"{scaled:f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text).replace(".", decimal)


def cells(export: Export, patient: Patient) -> list[str]:
    """A patient's measurements in the order, units and spelling of the export, some of them missing."""
    values = dict(zip(COLUMNS, patient.values, strict=True))
    found = []
    for column in export.columns:
        word = _missing_word(export, patient, column)
        power = export.scales.get(column[0], 0)
        found.append(number(values[column], power, export.decimal) if word is None else word)
    return found


def tables(export: Export, part: Sequence[Patient]) -> tuple[Rows, Rows]:
    """Features and labels of one place with their headers, in different row orders as in real exports."""
    ids = {p.row: f"{export.prefix}-{i:04d}" for i, p in enumerate(part, start=1)}
    columns = [export.name(column) for column in export.columns]
    features = [[ids[p.row], *cells(export, p)] for p in part]
    labels = [[ids[p.row], export.words[0 if p.malignant else 1]] for p in shuffled(part, "labels")]
    return [[export.id_column, *columns], *features], [[export.id_column, export.diagnosis_column], *labels]


def spoilt(features: Rows) -> Rows:
    """North clinic's first export: one scanner's seven patients in µm below [mm], one patient twice."""
    header, *rows = features
    lengths = [i for i, name in enumerate(header) if name.endswith("[mm]")]
    broken = [list(row) for row in rows]
    for row in broken[40:47]:
        for i in lengths:
            row[i] = number(float(row[i].replace(",", ".")), 3, ",")
    return [header, *broken, broken[11]]


def write_csv(path: Path, delimiter: str, rows: Iterable[Sequence[str]]) -> None:
    """Write one CSV file and its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=delimiter, lineterminator="\n").writerows(rows)


def write_export(folder: Path, export: Export, features: Rows, labels: Rows) -> None:
    """Write the two files of one export."""
    write_csv(folder / "features/features.csv", export.delimiter, features)
    write_csv(folder / "labels/labels.csv", export.delimiter, labels)


def main() -> None:
    """Write all exports and `split.json`, which says how many patients are where."""
    sizes = {}
    for export, part in zip(EXPORTS, split(patients(), EXPORTS), strict=True):
        features, labels = tables(export, part)
        write_export(DATA / export.folder, export, features, labels)
        if export is NORTH_CLINIC:
            write_export(DATA / "north-clinic/first-export", export, spoilt(features), labels)
        malignant = sum(p.malignant for p in part)
        sizes[export.folder.split("/")[0]] = {"malignant": malignant, "benign": len(part) - malignant}
    (DATA / "demo/paths.yaml").write_text("data_path: features\nlabels_path: labels\n", encoding="utf-8")
    (DATA / "split.json").write_text(json.dumps(sizes, indent=2) + "\n", encoding="utf-8")


def _missing_word(export: Export, patient: Patient, column: Column) -> str | None:
    """What stands in a cell that the export lacks; None where it has the measurement."""
    if draw(f"missing/{patient.row}/{column}") % 1000 >= export.missing:
        return None
    return export.missing_words[draw(f"word/{patient.row}/{column}") % len(export.missing_words)]


if __name__ == "__main__":
    main()
