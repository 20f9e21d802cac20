"""Reads hospitals' raw exports: own delimiters, column names, order, units and words for the diagnosis.

What is understood stands in three tables beside this module: `words.csv` (words of column names), `units.csv`
(units in square brackets, and the factor to the standard unit) and `diagnoses.csv`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cube import BadInput, only_csv, read_csv
from wdbc import FEATURES, HERE, quantity

_DELIMITERS = ";,\t|"
_ID_COLUMNS = {"id", "case", "case id", "case number", "mrn", "patient", "patient id", "patient number"} | {
    "fallnummer",
    "patientennummer",
}
_DIAGNOSIS_COLUMNS = {"diagnosis", "label", "malignant", "befund", "diagnose"}
_MISSING = {"", "-", "?", "na", "n/a", "nan", "null", "none", "missing", "fehlt", "k.a."}
_UNIT = re.compile(r"\[([^\]]*)\]\s*$")
_DIGITS = 10
"""Significant digits after a conversion: enough for any measurement, too few for rounding errors to show."""


@dataclass(frozen=True)
class Column:
    """A column of an export: standard name, the export's name, place, and the factor of its unit."""

    feature: str
    name: str
    place: int
    factor: float


@dataclass(frozen=True)
class Measurements:
    """An export of measurements: its 30 columns in standard order, and (patient id, cells) of each row."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]


def read_features(folder: Path) -> Measurements:
    """The measurements of every row of the export, in its order, as they stand there."""
    path, header, rows = _read(folder)
    synonyms, units = _table("words.csv"), read_csv(HERE / "units.csv")[1]
    where = {_words(column, synonyms): i for i, column in enumerate(header)}
    identity = _column(path, header, _ID_COLUMNS)
    missing = [name for name in FEATURES if _words(name, {}) not in where]
    if missing:
        raise BadInput(f"'{path.name}' has no column for: {', '.join(missing)}")
    places = {name: where[_words(name, {})] for name in FEATURES}
    columns = tuple(
        Column(name, header[i], i, _factor(path, header[i], name, units)) for name, i in places.items()
    )
    cells = ((row[identity], tuple(row[column.place] for column in columns)) for row in rows)
    return Measurements(columns, tuple(cells))


def read_diagnoses(folder: Path) -> list[tuple[str, str]]:
    """(Patient id, diagnosis as written) of each row."""
    path, header, rows = _read(folder)
    identity = _column(path, header, _ID_COLUMNS)
    diagnosis = _column(path, header, _DIAGNOSIS_COLUMNS)
    return [(row[identity], row[diagnosis]) for row in rows]


def number(text: str, factor: float = 1.0) -> float | None:
    """A finite number with point or comma, in the standard unit; None if missing (raises ValueError)."""
    if text.casefold() in _MISSING:
        return None
    value = float(text.replace(",", "."))
    if not math.isfinite(value):
        raise ValueError(text)
    return value if factor == 1 else float(f"{value * factor:.{_DIGITS}g}")


def diagnosis_words() -> dict[str, str]:
    """Every word for a diagnosis that is understood, in lower case, to `1` (malignant) or `0`."""
    return _table("diagnoses.csv")


def _read(folder: Path) -> tuple[Path, list[str], list[list[str]]]:
    path = only_csv(folder)
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        first = file.readline()
    header, rows = read_csv(path, max(_DELIMITERS, key=first.count))
    return path, header, rows


def _table(name: str) -> dict[str, str]:
    return dict(read_csv(HERE / name)[1])


def _words(column: str, synonyms: dict[str, str]) -> frozenset[str]:
    """A column's words without order and unit: `Radius (SE)`, `se_radius` and `radius error` are one."""
    words = re.findall(r"[^\W\d_]+", _UNIT.sub("", column).casefold())
    return frozenset(synonyms.get(word, word) for word in words)


def _factor(path: Path, column: str, feature: str, units: Sequence[Sequence[str]]) -> float:
    found = _UNIT.search(column)
    unit = found.group(1).strip() if found else ""
    for known, what, factor in units:
        if known == unit and what in ("any", quantity(feature)):
            return float(factor)
    usable = ", ".join(known for known, what, _ in units if what == quantity(feature))
    raise BadInput(
        f"'{path.name}' column '{column}': unit '{unit}' is none of a {quantity(feature)}: {usable}"
    )


def _column(path: Path, header: Sequence[str], names: set[str]) -> int:
    found = [i for i, column in enumerate(header) if re.sub(r"[_ ]+", " ", column.casefold()) in names]
    if len(found) != 1:
        raise BadInput(f"'{path.name}' has {len(found)} columns named one of: {', '.join(sorted(names))}")
    return found[0]
