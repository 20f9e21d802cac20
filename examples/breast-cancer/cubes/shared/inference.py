"""Task `infer` of the models: prepared features and weights in, a probability of malignancy per case out."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from cube import BadInput, read_csv, read_parameters, write_csv
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Model = Callable[[dict[str, Any], Floats], Floats]
"""Weights and cases (n x features, in the weights' order of features) to n probabilities."""


def infer(volumes: Path, model: Model) -> None:
    """Read `data/features.csv` and the weights the parameters name; write `predictions/predictions.csv`."""
    weights = _weights(volumes)
    header, rows = read_csv(volumes / "data/features.csv")
    unknown = [name for name in ("case", *weights["features"]) if name not in header]
    if unknown:
        raise BadInput(f"'features.csv' has no column for: {', '.join(unknown)}")
    columns = [header.index(name) for name in weights["features"]]
    try:
        values = np.array([[float(row[column]) for column in columns] for row in rows]).reshape(len(rows), -1)
    except ValueError as e:
        raise BadInput(f"'features.csv': {e}") from None
    cases = [row[header.index("case")] for row in rows]
    probabilities = model(weights, values) if rows else []
    write_csv(
        volumes / "predictions/predictions.csv",
        ["case", "probability"],
        [[case, f"{p:.6f}"] for case, p in zip(cases, probabilities, strict=True)],
    )
    print(f"predicted {len(cases)} cases")


def _weights(volumes: Path) -> dict[str, Any]:
    name = read_parameters(volumes).get("weights")
    if not isinstance(name, str):
        raise BadInput("the parameters do not name the file of weights: 'weights: <file>'")
    try:
        weights: dict[str, Any] = json.loads(
            (volumes / "additional_files" / name).read_text(encoding="utf-8")
        )
    except FileNotFoundError:
        raise BadInput(f"the additional files hold no '{name}'") from None
    except ValueError as e:
        raise BadInput(f"'{name}' is not a file of weights: {e}") from None
    return weights
