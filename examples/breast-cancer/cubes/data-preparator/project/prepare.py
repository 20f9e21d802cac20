"""Task `prepare`: a raw export to the standard `data/features.csv` and `labels/labels.csv`.

It can be interrupted and run again at any time: it starts from the raw files, removes what an earlier run
left, and writes the outputs only when every case is good. The report says how far it came and what is wrong.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from cube import BadInput, write_csv, write_yaml
from raw import is_malignant, number, read_diagnoses, read_features
from report import Report
from wdbc import FEATURES, LABELS_HEADER


def prepare(volumes: Path) -> None:
    """Read `raw_data` and `raw_labels`; write `data`, `labels`, `metadata` and `report/report.yaml`."""
    data, labels = volumes / "data/features.csv", volumes / "labels/labels.csv"
    metadata = volumes / "metadata/metadata.yaml"
    for path in (data, labels, metadata):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
    rows = read_features(volumes / "raw_data")
    diagnoses = read_diagnoses(volumes / "raw_labels")
    report = Report(volumes / "report/report.yaml", sorted({case for case, _ in rows} | set(diagnoses)))
    features = _prepared(rows, diagnoses, report)
    report.write()
    if refused := report.refused():
        raise BadInput(f"{len(refused)} cases refused, nothing prepared; the first: {refused[0]}")
    write_csv(data, ["case", *FEATURES], [[case, *features[case]] for case in sorted(features)])
    write_csv(labels, LABELS_HEADER, [[c, c, int(is_malignant(diagnoses[c]))] for c in sorted(features)])
    write_yaml(metadata, {"format": "wdbc-1", "cases": len(features), "features": len(FEATURES)})
    print(f"prepared {len(features)} cases")


def _prepared(
    rows: list[tuple[str, list[str]]], diagnoses: dict[str, str], report: Report
) -> dict[str, list[float]]:
    """The numbers of every good case; all others are noted in the report."""
    features = {}
    often = Counter(case for case, _ in rows)
    for case, cells in rows:
        try:
            features[case] = _numbers(case, cells, diagnoses, often[case])
        except BadInput as e:
            report.note(case, str(e))
        else:
            report.note(case)
    for case in diagnoses.keys() - often.keys():
        report.note(case, "has a diagnosis but no features")
    return features


def _numbers(case: str, cells: list[str], diagnoses: dict[str, str], rows: int) -> list[float]:
    if not case:
        raise BadInput("a row has no patient id")
    if rows > 1:
        raise BadInput(f"stands in {rows} rows")
    if case not in diagnoses:
        raise BadInput("has no diagnosis")
    try:
        is_malignant(diagnoses[case])
    except KeyError:
        raise BadInput(f"diagnosis '{diagnoses[case]}' is neither M nor B") from None
    values = []
    for name, cell in zip(FEATURES, cells, strict=True):
        try:
            values.append(number(cell))
        except ValueError:
            raise BadInput(f"{name} is not a number: '{cell}'") from None
    return values
