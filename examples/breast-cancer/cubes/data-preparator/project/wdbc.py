"""The standard form this cube prepares: 30 features, their units, plausible ranges and typical values."""

from __future__ import annotations

from pathlib import Path

from cube import read_csv

STATISTICS = ("mean", "se", "worst")
LABELS_HEADER = ["case", "patient", "malignant"]
COLUMNS_HEADER = ["feature", "export_column", "factor"]
COMPLETED_HEADER = ["case", "feature"]
MOST_MISSING = 3
"""How many of a case's 30 measurements may be missing: with more it would tell of the median patient."""
MOST_MISSING_SHARE = 0.1
"""The share of cases in which one and the same measurement may be missing."""
HERE = Path(__file__).parent


def ranges() -> dict[str, tuple[float, float]]:
    """Feature name to its plausible (minimum, maximum): the published range, widened by half."""
    _, rows = read_csv(HERE / "ranges.csv")
    return {name: (float(low), float(high)) for name, low, high in rows}


def medians() -> dict[str, float]:
    """Feature name to its median over the 149 training patients, who are in no hospital's dataset."""
    _, rows = read_csv(HERE / "medians.csv")
    return {name: float(value) for name, value in rows}


def quantity(feature: str) -> str:
    """Length (in µm), area (in µm²) or ratio (without unit): what a unit in a column's name may be of."""
    return {"radius": "length", "perimeter": "length", "area": "area"}.get(
        feature.split("_", maxsplit=1)[0], "ratio"
    )


FEATURES = tuple(ranges())
