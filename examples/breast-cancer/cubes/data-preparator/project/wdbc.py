"""The standard form this cube prepares: 30 features per case, with the range in which each is plausible."""

from __future__ import annotations

from pathlib import Path

from cube import read_csv

STATISTICS = ("mean", "se", "worst")
LABELS_HEADER = ["case", "patient", "malignant"]


def ranges() -> dict[str, tuple[float, float]]:
    """Feature name to its plausible (minimum, maximum): the published range, widened by half."""
    _, rows = read_csv(Path(__file__).parent / "ranges.csv")
    return {name: (float(low), float(high)) for name, low, high in rows}


FEATURES = tuple(ranges())
