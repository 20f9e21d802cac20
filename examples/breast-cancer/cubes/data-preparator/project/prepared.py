"""Tasks `sanity_check` and `statistics`: what prepared data must look like, and what is told about them."""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean, stdev

from cube import BadInput, read_csv, write_yaml
from wdbc import FEATURES, LABELS_HEADER, ranges

_SHOWN = 20
_DESCRIBED = ("radius_mean", "texture_mean", "concavity_mean", "radius_worst")
_DIGITS = 4
_FEWEST_DESCRIBED = 2


def sanity_check(volumes: Path) -> None:
    """Refuse prepared data that no model should see, naming each problem on stderr."""
    cases, rows, labels = _read(volumes)
    problems = [*_label_problems(cases, labels), *_value_problems(cases, rows)]
    for problem in problems[:_SHOWN]:
        print(problem, file=sys.stderr)
    if problems:
        raise BadInput(f"{len(problems)} problems in the prepared data")
    print(f"{len(cases)} cases are sane")


def statistics(volumes: Path) -> None:
    """Count cases and classes and describe a few features, to `statistics/statistics.yaml`."""
    cases, rows, labels = _read(volumes)
    if len(cases) < _FEWEST_DESCRIBED:
        raise BadInput(f"{len(cases)} cases are too few for statistics")
    columns = {name: [_number(row[FEATURES.index(name)]) for row in rows] for name in _DESCRIBED}
    if not all(math.isfinite(value) for column in columns.values() for value in column):
        raise BadInput("'features.csv' holds what is no number: see `sanity_check`")
    features = {name: {"mean": _rounded(fmean(c)), "sd": _rounded(stdev(c))} for name, c in columns.items()}
    malignant = sum(label == "1" for _, _, label in labels)
    counts = {"cases": len(cases), "malignant": malignant, "benign": len(cases) - malignant}
    write_yaml(volumes / "statistics/statistics.yaml", {**counts, "features": features})


def _read(volumes: Path) -> tuple[list[str], list[list[str]], list[list[str]]]:
    header, rows = read_csv(volumes / "data/features.csv")
    if header != ["case", *FEATURES]:
        raise BadInput("'features.csv' has not the standard columns; was it prepared by this cube?")
    header, labels = read_csv(volumes / "labels/labels.csv")
    if header != LABELS_HEADER:
        raise BadInput(f"'labels.csv' has not the columns {', '.join(LABELS_HEADER)}")
    return [row[0] for row in rows], [row[1:] for row in rows], labels


def _label_problems(cases: list[str], labels: list[list[str]]) -> Iterator[str]:
    labelled = [case for case, _, _ in labels]
    for name, ids in (("features.csv", cases), ("labels.csv", labelled)):
        yield from (f"case '{case}' stands {n} times in {name}" for case, n in Counter(ids).items() if n > 1)
    yield from (f"case '{case}' has no label" for case in sorted(set(cases) - set(labelled)))
    yield from (f"case '{case}' has a label but no features" for case in sorted(set(labelled) - set(cases)))
    yield from (f"case '{case}' has no patient" for case, patient, _ in labels if not patient)
    yield from (
        f"case '{case}': malignant is '{m}', not 0 or 1" for case, _, m in labels if m not in ("0", "1")
    )
    if len({malignant for _, _, malignant in labels}) == 1:
        yield "all cases have the same diagnosis"


def _value_problems(cases: list[str], rows: list[list[str]]) -> Iterator[str]:
    limits = ranges()
    if not cases:
        yield "there are no cases"
    for case, row in zip(cases, rows, strict=True):
        values = {}
        for (name, (low, high)), cell in zip(limits.items(), row, strict=True):
            values[name] = value = _number(cell)
            if not low <= value <= high:
                yield f"case '{case}': {name} is '{cell}', expected {low:g} to {high:g}"
        for name in FEATURES:
            # By definition: the mean of the three largest values of all nuclei.
            if name.endswith("_worst") and values[name] < values[name.replace("_worst", "_mean")]:
                yield f"case '{case}': {name} is below the mean"


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return math.nan


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
