"""The measures: per case, over cases, and AUROC with its standard error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FAILED = "failed"


@dataclass(frozen=True)
class Case:
    """One labelled case and the model's probability of malignancy; None where the model gave none."""

    case: str
    patient: str
    malignant: bool
    probability: float | None


def case_row(case: Case, threshold: float) -> dict[str, str | float]:
    """One line of `cases.csv`: accuracy and Brier score, and the numerators and denominators of the rates.

    A failed case keeps its denominators: it counts, with the score the benchmark gives to failures.
    """
    positive, negative = int(case.malignant), int(not case.malignant)
    row: dict[str, str | float] = {"case": case.case, "patient": case.patient}
    if case.probability is None:
        scores: dict[str, str | float] = {
            "accuracy": FAILED,
            "brier": FAILED,
            "true_positive": FAILED if positive else 0,
            "true_negative": FAILED if negative else 0,
        }
    else:
        right = int((case.probability >= threshold) == case.malignant)
        scores = {
            "accuracy": right,
            "brier": (case.probability - positive) ** 2,
            "true_positive": right * positive,
            "true_negative": right * negative,
        }
    return {**row, **scores, "positive": positive, "negative": negative}


def worst_case(case: Case) -> Case:
    """A failed case as the worst prediction it could have had; others as they are."""
    if case.probability is not None:
        return case
    return Case(case.case, case.patient, case.malignant, 0.0 if case.malignant else 1.0)


def auroc(cases: Sequence[Case]) -> tuple[float, float]:
    """Area under the ROC curve and its standard error; failed cases are ranked worst.

    DeLong, DeLong, Clarke-Pearson 1988 (Biometrics 44:837), by mid-ranks as in Sun, Xu 2014
    (IEEE Signal Processing Letters 21:1389). Needs two cases of each class.
    """
    scored = [worst_case(case) for case in cases]
    positive = np.array([case.probability for case in scored if case.malignant], dtype=float)
    negative = np.array([case.probability for case in scored if not case.malignant], dtype=float)
    m, n = len(positive), len(negative)
    ranks = midranks(np.concatenate([positive, negative]))
    per_positive = (ranks[:m] - midranks(positive)) / n
    per_negative = 1 - (ranks[m:] - midranks(negative)) / m
    variance = per_positive.var(ddof=1) / m + per_negative.var(ddof=1) / n
    return float(per_positive.mean()), float(np.sqrt(variance))


def midranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks from 1; equal values share the mean of their ranks."""
    ordered = np.sort(values)
    first = np.searchsorted(ordered, values, side="left")
    last = np.searchsorted(ordered, values, side="right")
    return (first + last + 1) / 2
