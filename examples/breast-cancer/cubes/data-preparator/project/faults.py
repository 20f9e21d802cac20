"""What is wrong with prepared data: each fault names the case, its column and the export's column."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from raw import diagnosis_words
from wdbc import FEATURES, MOST_MISSING, MOST_MISSING_SHARE, ranges

_LIMITS = ranges()
_NAMED = 8
_UNIT_MISTAKES = (1e3, 1e-3, 1e6, 1e-6)
_AREA_OF_CIRCLE = (0.75, 1.15)
"""Area over π·radius²: 0.81 to 1.07 in the published data."""
_CIRCUMFERENCE = (0.93, 1.3)
"""Perimeter over 2·π·radius: 0.98 to 1.23 in the published data."""


@dataclass(frozen=True)
class Prepared:
    """Prepared data as they stand in the files, cells as text.

    `completed` holds (case, feature) where a median replaces a missing measurement; `export_columns` says
    what the export calls a feature.
    """

    rows: Sequence[tuple[str, Sequence[str]]]
    labels: Sequence[Sequence[str]]
    completed: frozenset[tuple[str, str]] = frozenset()
    export_columns: Mapping[str, str] = field(default_factory=dict)

    def column(self, feature: str) -> str:
        """A feature's name, with the export's where that is another."""
        theirs = self.export_columns.get(feature, feature)
        return feature if theirs == feature else f"{feature} (in the export: '{theirs}')"


def faults(data: Prepared) -> list[str]:
    """Every fault, as a sentence to repair by."""
    if not data.rows:
        return ["there are no cases"]
    if not data.labels:
        return ["nobody has a diagnosis"]
    return [*_identity(data), *_diagnoses(data), *_missing(data), *_values(data)]


def _identity(data: Prepared) -> Iterator[str]:
    cases, labelled = [case for case, _ in data.rows], [case for case, _, _ in data.labels]
    for name, ids in (("features", cases), ("diagnoses", labelled)):
        for case, n in Counter(ids).items():
            if n > 1:
                yield f"case '{case}' stands {n} times among the {name}: keep one row per patient"
    for case in sorted(set(cases) - set(labelled)):
        yield f"case '{case}' has no diagnosis"
    for case in sorted(set(labelled) - set(cases)):
        yield f"case '{case}' has a diagnosis but no features"
    yield from (f"case '{case}' has no patient" for case, patient, _ in data.labels if not patient)


def _diagnoses(data: Prepared) -> Iterator[str]:
    unknown = [(case, word) for case, _, word in data.labels if word not in ("0", "1")]
    known = ", ".join(diagnosis_words())
    for case, word in unknown:
        said = f"diagnosis '{word}' is none of: {known}" if word else "the diagnosis is empty"
        yield f"case '{case}': {said}"
    if not unknown and len({word for _, _, word in data.labels}) == 1:
        yield "all cases have the same diagnosis"


def _missing(data: Prepared) -> Iterator[str]:
    by_case = Counter(case for case, _ in data.completed)
    for case, n in sorted(by_case.items()):
        if n > MOST_MISSING:
            names = ", ".join(data.column(f) for f in FEATURES if (case, f) in data.completed)
            yield f"case '{case}': {n} measurements are missing, at most {MOST_MISSING} may be: {names}"
    for feature, n in Counter(feature for _, feature in data.completed).items():
        if n > MOST_MISSING_SHARE * len(data.rows):
            yield (
                f"{data.column(feature)} is missing in {n} of {len(data.rows)} cases, "
                f"at most {MOST_MISSING_SHARE:.0%} may be: is the column exported whole?"
            )


def _values(data: Prepared) -> Iterator[str]:
    outside: dict[str, dict[str, float]] = {feature: {} for feature in FEATURES}
    contradictions = []
    for case, row in data.rows:
        measured = {
            f: number(c) for f, c in zip(FEATURES, row, strict=True) if (case, f) not in data.completed
        }
        plausible = {f: v for f, v in measured.items() if _LIMITS[f][0] <= v <= _LIMITS[f][1]}
        for feature in measured.keys() - plausible.keys():
            outside[feature][case] = measured[feature]
        contradictions += [f"case '{case}': {text}" for text in _contradictions(data, plausible)]
    for feature, cases in outside.items():
        if cases:
            yield f"{data.column(feature)} {_outside(feature, cases)}"
    yield from contradictions


def _outside(feature: str, cases: Mapping[str, float]) -> str:
    """What is wrong with one column, and in which cases."""
    low, high = _LIMITS[feature]
    named = ", ".join(f"'{case}' ({value:g})" for case, value in list(cases.items())[:_NAMED])
    more = f" and {len(cases) - _NAMED} more" if len(cases) > _NAMED else ""
    fitting = (f for f in _UNIT_MISTAKES if all(low <= value / f <= high for value in cases.values()))
    unit = next((f"; {f:g} times as large as plausible: another unit?" for f in fitting), "")
    number_of = "case" if len(cases) == 1 else f"{len(cases)} cases:"
    return f"is outside {low:g} to {high:g} in {number_of} {named}{more}{unit}"


def _contradictions(data: Prepared, values: Mapping[str, float]) -> Iterator[str]:
    """What cannot be true together of one case; compares only what was measured and is plausible alone."""
    for name in (f for f in values if f.endswith("_worst")):
        # By definition: the mean of the three largest values of all nuclei.
        mean = name.replace("_worst", "_mean")
        if mean in values and values[name] < values[mean]:
            yield f"{data.column(name)} is {values[name]:g}, below the mean {values[mean]:g}"
    for which in ("mean", "worst"):
        radius = values.get(f"radius_{which}")
        if radius is None:
            continue
        for name, circle, (low, high) in (
            (f"area_{which}", math.pi * radius**2, _AREA_OF_CIRCLE),
            (f"perimeter_{which}", 2 * math.pi * radius, _CIRCUMFERENCE),
        ):
            if name in values and not low <= values[name] / circle <= high:
                yield (
                    f"{data.column(name)} is {values[name]:g}, but a circle of radius_{which} {radius:g} has "
                    f"{circle:.4g}: is one of them in another unit?"
                )


def number(cell: str) -> float:
    """The number in a cell; nan, which no range holds, if it is none."""
    try:
        return float(cell)
    except ValueError:
        return math.nan
