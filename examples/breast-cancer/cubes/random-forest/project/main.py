"""A random forest for the breast cancer benchmark, its trees read from JSON."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from cube import run
from inference import Floats, infer

LEAF = -1


def probability(weights: dict[str, Any], values: Floats) -> Floats:
    """Mean over the trees of the share of malignant training cases in the leaf that a case falls into."""
    trees: list[Floats] = [_leaf_values(tree, values) for tree in weights["trees"]]
    return sum(trees, np.zeros(len(values))) / len(trees)


def _leaf_values(tree: dict[str, list[float]], values: Floats) -> Floats:
    feature, left, right = (np.array(tree[key], dtype=int) for key in ("feature", "left", "right"))
    threshold, malignant = np.array(tree["threshold"]), np.array(tree["malignant"])
    rows = np.arange(len(values))
    node = np.zeros(len(values), dtype=int)
    while (inner := feature[node] != LEAF).any():
        # In a leaf `feature` is LEAF, column -1: compared too, but not followed.
        follow = np.where(values[rows, feature[node]] <= threshold[node], left[node], right[node])
        node = np.where(inner, follow, node)
    return malignant[node]


if __name__ == "__main__":
    run({"infer": partial(infer, model=probability)})
