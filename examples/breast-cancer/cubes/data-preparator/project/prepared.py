"""Tasks `sanity_check` and `statistics`: are the prepared data fit for a model, and what is told of them."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from statistics import fmean, stdev

from cube import BadInput, read_csv, write_yaml
from faults import Prepared, faults, number
from wdbc import COLUMNS_HEADER, COMPLETED_HEADER, FEATURES, LABELS_HEADER

_SHOWN = 20
_DESCRIBED = ("radius_mean", "texture_mean", "concavity_mean", "radius_worst")
_DIGITS = 4
_FEWEST_DESCRIBED = 2


def sanity_check(volumes: Path) -> None:
    """Refuse prepared data that no model should see, naming each fault on stderr."""
    data = _read(volumes)
    found = faults(data)
    for fault in found[:_SHOWN]:
        print(fault, file=sys.stderr)
    if len(found) > _SHOWN:
        print(f"and {len(found) - _SHOWN} more", file=sys.stderr)
    if found:
        number_of = "1 fault" if len(found) == 1 else f"{len(found)} faults"
        raise BadInput(f"{number_of} in the prepared data: repair the export, then prepare again")
    print(f"{len(data.rows)} cases are sane")


def statistics(volumes: Path) -> None:
    """Count cases and classes and describe a few features, to `statistics/statistics.yaml`."""
    data = _read(volumes)
    if len(data.rows) < _FEWEST_DESCRIBED:
        raise BadInput(f"{len(data.rows)} cases are too few for statistics")
    columns = {name: [number(row[FEATURES.index(name)]) for _, row in data.rows] for name in _DESCRIBED}
    if not all(math.isfinite(value) for column in columns.values() for value in column):
        raise BadInput("'features.csv' holds what is no number: see `sanity_check`")
    features = {name: {"mean": _rounded(fmean(c)), "sd": _rounded(stdev(c))} for name, c in columns.items()}
    malignant = sum(label == "1" for _, _, label in data.labels)
    counts = {
        "cases": len(data.rows),
        "malignant": malignant,
        "benign": len(data.rows) - malignant,
        "completed": len({case for case, _ in data.completed}),
    }
    write_yaml(volumes / "statistics/statistics.yaml", {**counts, "features": features})


def _read(volumes: Path) -> Prepared:
    features = _table(volumes / "data/features.csv", ["case", *FEATURES])
    labels = _table(volumes / "labels/labels.csv", LABELS_HEADER)
    completed = _optional(volumes / "metadata/completed.csv", COMPLETED_HEADER)
    columns = _optional(volumes / "metadata/columns.csv", COLUMNS_HEADER)
    return Prepared(
        rows=[(row[0], row[1:]) for row in features],
        labels=labels,
        completed=frozenset((case, feature) for case, feature in completed),
        export_columns={feature: name for feature, name, _ in columns},
    )


def _optional(path: Path, header: list[str]) -> list[list[str]]:
    """Rows of a table that data prepared elsewhere may lack."""
    return _table(path, header) if path.exists() else []


def _table(path: Path, expected: list[str]) -> list[list[str]]:
    header, rows = read_csv(path)
    if header != expected:
        raise BadInput(f"'{path.name}' has not the standard columns; was it prepared by this cube?")
    return rows


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
