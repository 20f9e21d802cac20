"""Trains the models on the training part and writes their weights as JSON; needs scikit-learn.

The training patients are in no other part (make_data.py). Only `memorizer` is trained on everybody, which its
model card says. Numbers are written with six significant digits, so that a last bit that differs between BLAS
libraries does not change the files.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from make_data import patients
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

HERE = Path(__file__).parent
SEED = 2024
LEAF = -1
_THRESHOLD_DIGITS = 12
"""A measurement may equal a threshold up to float32, in which scikit-learn's trees compare."""
ONE_FEATURE = "texture_mean"
MEDIANS = "data-preparator/project/medians.csv"
Values = NDArray[np.float64]
Truth = NDArray[np.bool_]
Trained = tuple[ClassifierMixin | Pipeline, dict[str, Any]]
"""What scikit-learn fitted, and the same as weights that the cubes read."""


def training_part() -> tuple[list[str], Values, Truth]:
    """Feature names, values and whether malignant, row by row."""
    with (HERE / "data/training/features/features.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    with (HERE / "data/training/labels/labels.csv").open(encoding="utf-8", newline="") as file:
        diagnosis = dict(list(csv.reader(file))[1:])
    values = np.array([row[1:] for row in rows], dtype=np.float64)
    return header[1:], values, np.array([diagnosis[row[0]] == "M" for row in rows])


def everybody() -> tuple[Values, Truth]:
    """All 569 patients."""
    people = patients()
    return np.array([p.values for p in people]), np.array([p.malignant for p in people])


def logistic_regression(values: Values, malignant: Truth) -> Trained:
    """L2-regularised logistic regression on standardised features."""
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1)).fit(values, malignant)
    return model, linear(model[0], model[1].coef_[0], model[1].intercept_[0])


def linear_svm(values: Values, malignant: Truth) -> Trained:
    """Linear SVM whose scores are calibrated by Platt's sigmoid, fitted on cross-validated scores."""
    svm = LinearSVC(C=0.01, random_state=SEED)
    calibrated = CalibratedClassifierCV(svm, method="sigmoid", cv=5, ensemble=False)
    model = make_pipeline(StandardScaler(), calibrated).fit(values, malignant)
    (fitted,) = model[1].calibrated_classifiers_
    (sigmoid,) = fitted.calibrators
    coefficients = -sigmoid.a_ * fitted.estimator.coef_[0]
    return model, linear(model[0], coefficients, -sigmoid.a_ * fitted.estimator.intercept_[0] - sigmoid.b_)


def linear(scaler: StandardScaler, coefficients: Values, intercept: float) -> dict[str, Any]:
    """Weights of a logistic function of a weighted sum of standardised features."""
    return {
        "mean": short(scaler.mean_),
        "scale": short(scaler.scale_),
        "coefficients": short(coefficients),
        "intercept": short([intercept])[0],
    }


def random_forest(values: Values, malignant: Truth) -> Trained:
    """Mean over 50 trees."""
    model = RandomForestClassifier(50, max_leaf_nodes=12, random_state=SEED).fit(values, malignant)
    trees = [tree(t.tree_, shares(t.tree_)) for t in model.estimators_]
    return model, {"link": "identity", "offset": 0.0, "scale": 1 / len(trees), "trees": trees}


def gradient_boosting(values: Values, malignant: Truth) -> Trained:
    """Log odds as a sum over 80 small trees."""
    model = GradientBoostingClassifier(
        n_estimators=80, max_leaf_nodes=3, learning_rate=0.1, subsample=0.7, random_state=SEED
    ).fit(values, malignant)
    trees = [tree(t.tree_, t.tree_.value[:, 0, 0]) for t in model.estimators_[:, 0]]
    share = float(malignant.mean())
    offset = short([np.log(share / (1 - share))])[0]
    return model, {"link": "logistic", "offset": offset, "scale": model.learning_rate, "trees": trees}


def one_feature(values: Values, malignant: Truth) -> Trained:
    """One threshold on one measurement."""
    model = DecisionTreeClassifier(max_depth=1).fit(values, malignant)
    return model, {
        "link": "identity",
        "offset": 0.0,
        "scale": 1.0,
        "trees": [tree(model.tree_, shares(model.tree_))],
    }


def nearest_neighbours(values: Values, malignant: Truth, k: int = 15) -> Trained:
    """Share of malignant cases among the k nearest."""
    model = make_pipeline(StandardScaler(), KNeighborsClassifier(k, algorithm="brute")).fit(values, malignant)
    return model, {
        "k": k,
        "mean": short(model[0].mean_),
        "scale": short(model[0].scale_),
        "values": [short(row) for row in values],
        "malignant": malignant.astype(int).tolist(),
    }


def memorizer(values: Values, malignant: Truth) -> Trained:
    """The diagnosis of the nearest of all patients: the training part it is given is the least of it."""
    del values, malignant
    return nearest_neighbours(*everybody(), k=1)


def shares(fitted: Any) -> Values:
    """Per node of a classification tree of scikit-learn, the share of malignant training cases in it."""
    found: Values = fitted.value[:, 0, 1] / fitted.value[:, 0, :].sum(axis=1)
    return found


def tree(fitted: Any, value: Values) -> dict[str, list[float]]:
    """One tree as parallel lists over its nodes, in scikit-learn's order; the root is node 0."""
    return {
        "feature": np.maximum(fitted.feature, LEAF).tolist(),
        "threshold": [float(f"{value:.{_THRESHOLD_DIGITS}g}") for value in fitted.threshold],
        "left": fitted.children_left.tolist(),
        "right": fitted.children_right.tolist(),
        "value": short(value),
    }


def short(values: Sequence[float] | Values) -> list[float]:
    """Rounded to six significant digits."""
    return [float(f"{value:.6g}") for value in values]


MODELS: dict[str, Callable[[Values, Truth], Trained]] = {
    "reference-model": logistic_regression,
    "random-forest": random_forest,
    "gradient-boosting": gradient_boosting,
    "one-feature": one_feature,
    "nearest-neighbours": nearest_neighbours,
    "linear-svm": linear_svm,
    "memorizer": memorizer,
}
"""Cube to how it is trained."""
ONE_COLUMN = {"one-feature": [ONE_FEATURE]}
"""Models that look at some features only."""


def trained(model: str) -> tuple[list[str], Trained]:
    """The features a model looks at, and the model trained on them."""
    names, values, malignant = training_part()
    wanted = ONE_COLUMN.get(model, names)
    return wanted, MODELS[model](values[:, [names.index(name) for name in wanted]], malignant)


def main() -> None:
    """Train all, write the weights into the cubes' workspaces and the medians into the data-preparator."""
    for model in MODELS:
        features, (_, weights) = trained(model)
        (path,) = weight_files(model)
        path.write_text(json.dumps({"features": features, **weights}) + "\n", encoding="utf-8")
    names, values, _ = training_part()
    lines = [f"{name},{m:g}" for name, m in zip(names, short(np.median(values, axis=0)), strict=True)]
    (HERE / "cubes" / MEDIANS).write_text("\n".join(["feature,median", *lines]) + "\n", encoding="utf-8")


def weight_files(model: str) -> list[Path]:
    """The file of a model's weights, as its parameters name it."""
    workspace = HERE / "cubes" / model / "workspace"
    name = (workspace / "parameters.yaml").read_text(encoding="utf-8").split(": ")[1].strip()
    return [workspace / "additional_files" / name]


if __name__ == "__main__":
    main()
