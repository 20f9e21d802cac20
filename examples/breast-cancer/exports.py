"""How each place exports its patients: the looks of its two CSV files, and what is missing in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

FEATURES = (
    *("radius", "texture", "perimeter", "area", "smoothness"),
    *("compactness", "concavity", "concave points", "symmetry", "fractal dimension"),
)
STATISTICS = ("mean", "se", "worst")
COLUMNS = tuple((feature, statistic) for statistic in STATISTICS for feature in FEATURES)
"""The 30 measurements in the published order."""
Column = tuple[str, str]

_GERMAN = {
    "radius": "Radius",
    "texture": "Textur",
    "perimeter": "Umfang",
    "area": "Fläche",
    "smoothness": "Glätte",
    "compactness": "Kompaktheit",
    "concavity": "Konkavität",
    "concave points": "Konkave Punkte",
    "symmetry": "Symmetrie",
    "fractal dimension": "Fraktale Dimension",
    "mean": "Mittelwert",
    "se": "Standardfehler",
    "worst": "maximal",
}
_SHORT = {
    "radius": "rad",
    "texture": "texture",
    "perimeter": "perim",
    "area": "area",
    "smoothness": "smooth",
    "compactness": "compact",
    "concavity": "concavity",
    "concave points": "concave_pts",
    "symmetry": "symm",
    "fractal dimension": "fract_dim",
    "mean": "avg",
    "se": "sem",
    "worst": "max",
}


@dataclass(frozen=True)
class Export:
    """How one place exports: folder, patients (malignant, benign), and the looks of its files.

    `scales` says what a length and an area (in µm, µm²) are multiplied by, as powers of ten. `missing` is the
    share of cells that are empty, in per mille.
    """

    folder: str
    malignant: int
    benign: int
    prefix: str
    id_column: str
    name: Callable[[Column], str]
    diagnosis_column: str = "diagnosis"
    words: tuple[str, str] = ("M", "B")
    delimiter: str = ","
    decimal: str = "."
    columns: Sequence[Column] = COLUMNS
    scales: dict[str, int] = field(default_factory=dict)
    missing: int = 0
    missing_words: tuple[str, ...] = ("",)


def _underscored(column: Column) -> str:
    return "_".join(column).replace(" ", "_")


def _bracketed(column: Column) -> str:
    return f"{column[0]} ({column[1]})"


def _german(column: Column) -> str:
    unit = {"radius": " [mm]", "perimeter": " [mm]", "area": " [mm²]"}.get(column[0], "")
    return f"{_GERMAN[column[0]]} {_GERMAN[column[1]]}{unit}"


def _short(column: Column) -> str:
    unit = {"radius": "[nm]", "perimeter": "[nm]", "area": "[um2]"}.get(column[0], "")
    return (
        f"{_SHORT[column[0]]}.{_SHORT[column[1]]}{unit}".upper()
        .replace("[NM]", "[nm]")
        .replace("[UM2]", "[um2]")
    )


TRAINING = Export("training", 56, 93, "T", "patient", _underscored)
DEMO = Export("demo", 15, 25, "D", "patient_id", _underscored)
ST_MARY = Export("st-mary/export", 67, 113, "SM", "MRN", _bracketed, "Diagnosis", delimiter=";")
NORTH_CLINIC = Export(
    *("north-clinic/export", 24, 96, "NC", "Fallnummer", _german, "Befund"),
    words=("bösartig", "gutartig"),
    delimiter=";",
    decimal=",",
    columns=tuple((f, s) for s in ("worst", "mean", "se") for f in FEATURES),
    scales={"radius": -3, "perimeter": -3, "area": -6},
)
LAKESIDE = Export(
    *("lakeside/export", 50, 30, "L", "CASE_NUMBER", _short, "MALIGNANT"),
    words=("1", "0"),
    delimiter="\t",
    columns=tuple((f, s) for f in FEATURES for s in STATISTICS),
    scales={"radius": 3, "perimeter": 3},
    missing=15,
    missing_words=("", "NA"),
)
HOSPITALS = (ST_MARY, NORTH_CLINIC, LAKESIDE)
