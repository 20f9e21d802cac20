"""Reads hospitals' raw exports: own delimiters, own column names, features and diagnoses in two files."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path

from cube import BadInput, only_csv, read_csv
from wdbc import FEATURES

_DELIMITERS = ";,\t"
_ID_COLUMNS = {"id", "case", "case id", "case number", "mrn", "patient", "patient id", "patient number"}
_DIAGNOSIS_COLUMNS = {"diagnosis", "label"}
_DIAGNOSES = {"m": True, "malignant": True, "b": False, "benign": False}
_SYNONYMS = {"error": "se", "largest": "worst", "max": "worst"}


def read_features(folder: Path) -> list[tuple[str, list[str]]]:
    """(patient id, 30 raw cells in standard order) of each row of the export, in its order."""
    path, header, rows = _read(folder)
    where = {_words(column): i for i, column in enumerate(header)}
    identity = _column(path, header, _ID_COLUMNS)
    missing = [name for name in FEATURES if _words(name) not in where]
    if missing:
        raise BadInput(f"'{path.name}' has no column for: {', '.join(missing)}")
    places = [where[_words(name)] for name in FEATURES]
    return [(row[identity], [row[place] for place in places]) for row in rows]


def read_diagnoses(folder: Path) -> dict[str, str]:
    """Patient id to the raw diagnosis."""
    path, header, rows = _read(folder)
    identity = _column(path, header, _ID_COLUMNS)
    diagnosis = _column(path, header, _DIAGNOSIS_COLUMNS)
    found: dict[str, str] = {}
    for row in rows:
        if found.setdefault(row[identity], row[diagnosis]) != row[diagnosis]:
            raise BadInput(f"'{path.name}' gives patient '{row[identity]}' two diagnoses")
    return found


def number(text: str) -> float:
    """A finite number with decimal point or comma (raises ValueError)."""
    value = float(text.replace(",", "."))
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def is_malignant(text: str) -> bool:
    """M or B, or spelled out, in either case (raises KeyError)."""
    return _DIAGNOSES[text.lower()]


def _read(folder: Path) -> tuple[Path, list[str], list[list[str]]]:
    path = only_csv(folder)
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        first = file.readline()
    header, rows = read_csv(path, max(_DELIMITERS, key=first.count))
    return path, header, rows


def _words(column: str) -> frozenset[str]:
    """A column's words in any order: `Radius (SE)`, `se_radius` and `radius error` are the same."""
    return frozenset(_SYNONYMS.get(word, word) for word in re.findall(r"[a-z]+", column.lower()))


def _column(path: Path, header: Sequence[str], names: set[str]) -> int:
    found = [i for i, column in enumerate(header) if re.sub(r"[_ ]+", " ", column.lower()) in names]
    if len(found) != 1:
        raise BadInput(f"'{path.name}' has {len(found)} columns named one of: {', '.join(sorted(names))}")
    return found[0]
