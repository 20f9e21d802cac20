"""Metrics of the breast cancer benchmark: predictions and labels in, results and per-case scores out."""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cube import BadInput, only_csv, read_csv, read_parameters, run, write_csv, write_yaml
from scores import Case, auroc, case_row, worst_case

_FEWEST_PER_CLASS = 2


def evaluate(volumes: Path) -> None:
    """Write `results/results.yaml`, and `cases.csv` into `local_outputs`, which stays at the site."""
    threshold = _threshold(volumes)
    cases = _cases(volumes)
    rows = [case_row(case, threshold) for case in cases]
    write_csv(volumes / "local_outputs/cases.csv", list(rows[0]), [list(row.values()) for row in rows])
    write_yaml(volumes / "results/results.yaml", summary(cases, threshold))
    print(f"evaluated {len(cases)} cases")


def summary(cases: Sequence[Case], threshold: float) -> dict[str, Any]:
    """The numbers of `results.yaml`; a failed case counts as the worst prediction it could have had."""
    rows = [case_row(worst_case(case), threshold) for case in cases]
    total = {key: sum(float(row[key]) for row in rows) for key in rows[0] if key not in ("case", "patient")}
    area, error = auroc(cases)
    return {
        "cases": len(cases),
        "failed": sum(case.probability is None for case in cases),
        "threshold": threshold,
        "accuracy": total["accuracy"] / len(cases),
        "brier": total["brier"] / len(cases),
        "sensitivity": total["true_positive"] / total["positive"],
        "specificity": total["true_negative"] / total["negative"],
        "auroc": {"value": area, "standard_error": error},
    }


def _threshold(volumes: Path) -> float:
    threshold = read_parameters(volumes).get("threshold")
    if not isinstance(threshold, float) or not 0 < threshold < 1:
        raise BadInput("the parameters give no threshold between 0 and 1: 'threshold: 0.5'")
    return threshold


def _cases(volumes: Path) -> list[Case]:
    """Every labelled case with its prediction, if there is one."""
    header, labels = read_csv(only_csv(volumes / "labels"))
    if header != ["case", "patient", "malignant"]:
        raise BadInput("'labels.csv' has not the columns case, patient, malignant")
    predicted = _predictions(volumes)
    unknown = sorted(predicted.keys() - {case for case, _, _ in labels})
    if unknown:
        raise BadInput(f"{len(unknown)} predictions are of no labelled case, such as '{unknown[0]}'")
    cases = [Case(case, patient, m == "1", predicted.get(case)) for case, patient, m in labels]
    malignant = sum(case.malignant for case in cases)
    if min(malignant, len(cases) - malignant) < _FEWEST_PER_CLASS:
        raise BadInput(f"labels hold {malignant} malignant of {len(cases)} cases: need two of each class")
    return cases


def _predictions(volumes: Path) -> dict[str, float | None]:
    header, rows = read_csv(only_csv(volumes / "predictions"))
    if header != ["case", "probability"]:
        raise BadInput("'predictions.csv' has not the columns case, probability")
    twice = [case for case, n in Counter(case for case, _ in rows).items() if n > 1]
    if twice:
        raise BadInput(f"{len(twice)} cases have several predictions, such as '{twice[0]}'")
    return {case: _probability(case, text) for case, text in rows}


def _probability(case: str, text: str) -> float | None:
    """The prediction, or None (failed, said on stderr) where it is no probability."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if 0 <= value <= 1:
        return value
    print(f"case '{case}' failed: '{text}' is not a probability", file=sys.stderr)
    return None


if __name__ == "__main__":
    run({"evaluate": evaluate})
