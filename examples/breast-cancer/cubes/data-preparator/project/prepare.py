"""Task `prepare`: a raw export to the standard `data/features.csv` and `labels/labels.csv`.

It converts and does not judge: whatever can be written is written, `sanity_check` then says what is wrong.
It can be interrupted and run again at any time: it starts from the raw files and removes what an earlier run
left.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cube import BadInput, write_csv, write_yaml
from raw import Column, Measurements, diagnosis_words, number, read_diagnoses, read_features
from report import COMPLETED, PREPARED, REFUSED, Report
from wdbc import COLUMNS_HEADER, COMPLETED_HEADER, FEATURES, LABELS_HEADER, medians

Row = tuple[str, list[float]]


def prepare(volumes: Path) -> None:
    """Read `raw_data` and `raw_labels`; write `data`, `labels`, `metadata` and `report/report.yaml`."""
    outputs = [volumes / name for name in ("data/features.csv", "labels/labels.csv")]
    outputs += [volumes / "metadata" / name for name in ("columns.csv", "completed.csv", "metadata.yaml")]
    for path in outputs:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
    export, diagnoses = read_features(volumes / "raw_data"), read_diagnoses(volumes / "raw_labels")
    cases = {case for case, _ in (*export.rows, *diagnoses)}
    report = Report(volumes / "report/report.yaml", sorted(cases))
    rows, completed = _prepared(export, report)
    report.write()
    if refused := report.refused():
        raise BadInput(f"{len(refused)} cases refused, nothing prepared; the first: {refused[0]}")
    features, labels, columns, medians_used, metadata = outputs
    write_csv(features, ["case", *FEATURES], [[case, *values] for case, values in sorted(rows)])
    write_csv(labels, LABELS_HEADER, _labels(diagnoses))
    write_csv(columns, COLUMNS_HEADER, [[c.feature, c.name, f"{c.factor:g}"] for c in export.columns])
    write_csv(medians_used, COMPLETED_HEADER, sorted(completed))
    write_yaml(metadata, {"format": "wdbc-1", "cases": len(rows), "features": len(FEATURES)})
    print(
        f"prepared {len(rows)} cases, {len({case for case, _ in completed})} with medians for what is missing"
    )


def _prepared(export: Measurements, report: Report) -> tuple[list[Row], list[tuple[str, str]]]:
    """The numbers of every row, and (case, feature) of each median; the report says what is no number."""
    typical = medians()
    rows: list[Row] = []
    completed: list[tuple[str, str]] = []
    for case, cells in export.rows:
        try:
            measured = _numbers(case, export.columns, cells)
        except BadInput as e:
            report.note(case, REFUSED, str(e))
            continue
        missing = [name for name, value in zip(FEATURES, measured, strict=True) if value is None]
        completed += [(case, name) for name in missing]
        values = (typical[n] if v is None else v for n, v in zip(FEATURES, measured, strict=True))
        rows.append((case, list(values)))
        comment = f"missing, the training patients' median instead: {', '.join(missing)}"
        report.note(case, *((COMPLETED, comment) if missing else (PREPARED,)))
    return rows, completed


def _numbers(case: str, columns: Sequence[Column], cells: Sequence[str]) -> list[float | None]:
    if not case:
        raise BadInput("a row has no patient id")
    values = []
    for column, cell in zip(columns, cells, strict=True):
        try:
            values.append(number(cell, column.factor))
        except ValueError:
            raise BadInput(f"column '{column.name}' is not a number: '{cell}'") from None
    return values


def _labels(diagnoses: Sequence[tuple[str, str]]) -> list[list[str]]:
    """Case, patient, and 1 or 0; a word that is not understood stays, for `sanity_check` to name."""
    words = diagnosis_words()
    return sorted([case, case, words.get(word.casefold(), word)] for case, word in diagnoses)
