"""Ensembles of decision trees for the breast cancer benchmark, the trees read from JSON.

Forests, boosted trees and single splits differ in their weights only: a score is offset + scale · the sum
over trees of the value in the leaf that a case falls into, and the link makes a probability of it.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from cube import BadInput, run
from inference import Floats, infer

LEAF = -1


def probability(weights: dict[str, Any], values: Floats) -> Floats:
    """Probability of malignancy per case."""
    leaves = (_leaf_values(tree, values) for tree in weights["trees"])
    score: Floats = weights["offset"] + weights["scale"] * sum(leaves, np.zeros(len(values)))
    match weights["link"]:
        case "identity":
            return score
        case "logistic":
            return 1 / (1 + np.exp(-score))
        case other:
            raise BadInput(f"link '{other}' is none of: identity, logistic")


def _leaf_values(tree: dict[str, list[float]], values: Floats) -> Floats:
    feature, left, right = (np.array(tree[key], dtype=int) for key in ("feature", "left", "right"))
    threshold, value = np.array(tree["threshold"]), np.array(tree["value"])
    # As the trees were grown: scikit-learn compares measurements in single precision.
    values = values.astype(np.float32)
    rows = np.arange(len(values))
    node = np.zeros(len(values), dtype=int)
    while (inner := feature[node] != LEAF).any():
        # In a leaf `feature` is LEAF, column -1: compared too, but not followed.
        follow = np.where(values[rows, feature[node]] <= threshold[node], left[node], right[node])
        node = np.where(inner, follow, node)
    return value[node]


if __name__ == "__main__":
    run({"infer": partial(infer, model=probability)})
