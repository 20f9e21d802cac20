"""Linear models of the breast cancer benchmark: logistic function of a weighted sum of features.

The reference model and others whose weights have the same form (a calibrated linear SVM) are run by it.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from cube import run
from inference import Floats, infer


def probability(weights: dict[str, Any], values: Floats) -> Floats:
    """Logistic function of a weighted sum of standardised features."""
    standardised = (values - weights["mean"]) / weights["scale"]
    score: Floats = standardised @ np.array(weights["coefficients"]) + float(weights["intercept"])
    return 1 / (1 + np.exp(-score))


if __name__ == "__main__":
    run({"infer": partial(infer, model=probability)})
