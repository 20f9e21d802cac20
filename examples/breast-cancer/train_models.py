"""Trains the two models on the training part and writes their weights as JSON; needs scikit-learn.

The training patients are in no other part (make_data.py). Numbers are written with six significant digits,
so that a last bit that differs between BLAS libraries does not change the files.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

HERE = Path(__file__).parent
SEED = 2024
TREES, LEAVES = 50, 12
REGULARISATION = 0.1


def training_part() -> tuple[list[str], NDArray[np.float64], NDArray[np.bool_]]:
    """Feature names, values and whether malignant, row by row."""
    with (HERE / "data/training/features/features.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    with (HERE / "data/training/labels/labels.csv").open(encoding="utf-8", newline="") as file:
        diagnosis = dict(list(csv.reader(file))[1:])
    values = np.array([row[1:] for row in rows], dtype=np.float64)
    return header[1:], values, np.array([diagnosis[row[0]] == "M" for row in rows])


def logistic_regression(values: NDArray[np.float64], malignant: NDArray[np.bool_]) -> dict[str, Any]:
    """Weights of an L2-regularised logistic regression on standardised features."""
    scaler = StandardScaler().fit(values)
    model = LogisticRegression(C=REGULARISATION).fit(scaler.transform(values), malignant)
    return {
        "mean": short(scaler.mean_),
        "scale": short(scaler.scale_),
        "coefficients": short(model.coef_[0]),
        "intercept": short(model.intercept_)[0],
    }


def random_forest(values: NDArray[np.float64], malignant: NDArray[np.bool_]) -> dict[str, Any]:
    """Trees as parallel lists over their nodes; `feature` is -1 in a leaf."""
    model = RandomForestClassifier(TREES, max_leaf_nodes=LEAVES, random_state=SEED).fit(values, malignant)
    return {"trees": [tree(estimator.tree_) for estimator in model.estimators_]}


def tree(fitted: Any) -> dict[str, list[float]]:
    """One tree of scikit-learn, its nodes in its own order; the root is node 0."""
    return {
        "feature": np.maximum(fitted.feature, -1).tolist(),
        "threshold": short(fitted.threshold),
        "left": fitted.children_left.tolist(),
        "right": fitted.children_right.tolist(),
        "malignant": short(fitted.value[:, 0, 1] / fitted.value[:, 0, :].sum(axis=1)),
    }


def short(values: NDArray[np.float64]) -> list[float]:
    """Rounded to six significant digits."""
    return [float(f"{value:.6g}") for value in values]


def main() -> None:
    """Train both and write the files of weights into the cubes' workspaces."""
    features, values, malignant = training_part()
    weights = {
        "reference-model/workspace/additional_files/logistic-regression.json": logistic_regression,
        "random-forest/workspace/additional_files/random-forest.json": random_forest,
    }
    for path, train in weights.items():
        document = {"features": features, **train(values, malignant)}
        (HERE / "cubes" / path).write_text(json.dumps(document) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
