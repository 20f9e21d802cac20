"""The table of cases (`cases.csv`), read from bytes nobody vouches for; nothing here computes a statistic."""

from __future__ import annotations

import csv
import enum
import io
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Literal

from medperf_cli.core.entities.benchmark import Group, MetricDefinition, MetricKind
from medperf_cli.core.stats.wording import shown
from medperf_cli.errors import ContainerError

MAX_BYTES = 64 * 1024 * 1024
MAX_LINE = 64 * 1024
MAX_MAGNITUDE = 1e15
"""Larger values are refused: products and sums of them must stay finite."""
SMALLEST_DENOMINATOR = 1e-15
"""For the same reason; a denominator may be zero."""

CASE = "case"
PATIENT = "patient"
_NUMBER = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?\Z")
_NOT_FINITE = re.compile(r"[-+]?(nan|inf|infinity)\Z", re.IGNORECASE)
_HINT = (
    "`cases.csv` comes from the metrics cube; tell its owner, and run its task again with a corrected cube"
)


class Mark(enum.Enum):
    """What may stand in place of a number; the value is how `cases.csv` writes it."""

    FAILED = "failed"
    NOT_APPLICABLE = "na"
    MISSING = ""


Value = float | Mark
_MARKS: Mapping[str, Mark] = {mark.value: mark for mark in Mark}


@dataclass(frozen=True)
class Cases:
    """A table of cases, sorted by case id, so that the order of rows in the file decides nothing.

    `patients` is None where the file has no such column; `columns` holds the metrics' columns, `groups` those
    declared group columns that the file has. All tuples are as long as `ids`.
    """

    ids: tuple[str, ...]
    patients: tuple[str, ...] | None
    columns: Mapping[str, tuple[Value, ...]]
    groups: Mapping[str, tuple[str, ...]]

    @property
    def unit(self) -> Literal["patient", "case"]:
        """What a statistic counts: patients where the file names them, else cases."""
        return "case" if self.patients is None else "patient"

    @cached_property
    def units(self) -> Mapping[str, tuple[int, ...]]:
        """The row numbers of every unit (patient or case), units in the order of their ids."""
        names = self.ids if self.patients is None else self.patients
        rows: dict[str, list[int]] = {}
        for row, name in enumerate(names):
            rows.setdefault(name, []).append(row)
        return {name: tuple(rows[name]) for name in sorted(rows)}


@dataclass(frozen=True, slots=True)
class _Column:
    """What the metrics that use a column ask of its numbers."""

    name: str
    minimum: float = -MAX_MAGNITUDE
    maximum: float = MAX_MAGNITUDE
    binary: bool = False
    denominator: bool = False

    def both(self, other: _Column) -> _Column:
        """What two metrics ask together."""
        return _Column(
            self.name,
            minimum=max(self.minimum, other.minimum),
            maximum=min(self.maximum, other.maximum),
            binary=self.binary or other.binary,
            denominator=self.denominator or other.denominator,
        )

    def problem(self, number: float) -> str | None:
        """What is wrong with a number of this column; None if nothing is."""
        if not math.isfinite(number):
            return "not finite"
        if self.binary and number not in (0.0, 1.0):
            return "not 0 or 1"
        if not self.minimum <= number <= self.maximum:
            return f"not from {self.minimum:g} to {self.maximum:g}"
        if self.denominator and 0.0 < number < SMALLEST_DENOMINATOR:
            return f"neither 0 nor at least {SMALLEST_DENOMINATOR:g}"
        return None


@dataclass(frozen=True)
class _Row:
    line: int
    fields: tuple[str, ...]


def parse_cases(data: bytes, metrics: Sequence[MetricDefinition], groups: Sequence[Group] = ()) -> Cases:
    """Read `cases.csv` (RFC 4180, UTF-8): `case`, optional `patient`, the metrics' columns, optional groups.

    A value is a finite number, `failed`, `na` (not applicable) or empty (missing). A column of a mean metric
    keeps to that metric's range (0 and 1 if it is binary); denominators are not negative. Columns that no
    metric and no group names are not read.

    Raises:
        ContainerError: naming column, line and case of the first thing that is not so.

    """
    if len(data) > MAX_BYTES:
        raise _error(f"it has {len(data)} bytes, more than {MAX_BYTES}")
    rows = _rows(data)
    position = _header(next(rows, None))
    wanted = _columns(metrics)
    absent = [name for name in (CASE, *wanted) if name not in position]
    if absent:
        raise _error(f"column '{absent[0]}' is not there")
    table = sorted(_checked(rows, position), key=lambda row: row.fields[position[CASE]])
    _distinct(table, position[CASE])
    return Cases(
        ids=_texts(table, position[CASE]),
        patients=_texts(table, position[PATIENT]) if PATIENT in position else None,
        columns={name: _values(table, position, column) for name, column in wanted.items()},
        groups={g.column: _texts(table, position[g.column]) for g in groups if g.column in position},
    )


def _error(problem: str) -> ContainerError:
    return ContainerError(f"'cases.csv' of the metrics cube cannot be used: {problem}", hint=_HINT)


def _rows(data: bytes) -> Iterator[_Row]:
    """Rows with their line numbers; one row is one line, so a stray quote cannot swallow the file."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _error(f"line {line} is not UTF-8") from None
    for number, line_text in enumerate(io.StringIO(text, newline=""), start=1):
        if len(line_text) > MAX_LINE:
            raise _error(f"line {number} is longer than {MAX_LINE} characters")
        if not line_text.strip():
            continue
        try:
            fields = next(csv.reader([line_text], strict=True))
        except csv.Error as error:
            raise _error(f"line {number} is not CSV: {error}") from None
        yield _Row(number, tuple(field.strip() for field in fields))


def _header(row: _Row | None) -> dict[str, int]:
    if row is None:
        raise _error("it is empty")
    position = {name: index for index, name in enumerate(row.fields)}
    if len(position) != len(row.fields):
        twice = next(name for index, name in enumerate(row.fields) if position[name] != index)
        raise _error(f"column '{shown(twice)}' stands twice in line {row.line}")
    return position


def _columns(metrics: Iterable[MetricDefinition]) -> dict[str, _Column]:
    found: dict[str, _Column] = {}
    for column in (column for metric in metrics for column in _asked(metric)):
        before = found.get(column.name)
        found[column.name] = column if before is None else before.both(column)
    return found


def _asked(metric: MetricDefinition) -> Iterator[_Column]:
    if metric.kind is MetricKind.MEAN and metric.column:
        low = -MAX_MAGNITUDE if metric.minimum is None else max(metric.minimum, -MAX_MAGNITUDE)
        high = MAX_MAGNITUDE if metric.maximum is None else min(metric.maximum, MAX_MAGNITUDE)
        yield _Column(metric.column, low, high, binary=metric.binary)
    if metric.kind is MetricKind.RATIO and metric.numerator and metric.denominator:
        yield _Column(metric.numerator)
        yield _Column(metric.denominator, minimum=0.0, denominator=True)


def _checked(rows: Iterable[_Row], position: Mapping[str, int]) -> Iterator[_Row]:
    """The rows after the header, each as wide as it, with a case and (if there is the column) a patient."""
    count = 0
    for row in rows:
        count += 1
        if len(row.fields) != len(position):
            raise _error(f"line {row.line} has {len(row.fields)} fields where the header has {len(position)}")
        for name in (CASE, PATIENT):
            if name in position and not row.fields[position[name]]:
                raise _error(f"column '{name}' is empty in line {row.line}")
        yield row
    if not count:
        raise _error("it holds no case")


def _distinct(table: Sequence[_Row], case: int) -> None:
    for one, other in pairwise(table):
        if one.fields[case] == other.fields[case]:
            first, second = sorted((one.line, other.line))
            raise _error(
                f"case '{shown(one.fields[case])}' stands in line {first} and again in line {second}"
            )


def _texts(table: Sequence[_Row], index: int) -> tuple[str, ...]:
    return tuple(row.fields[index] for row in table)


def _values(table: Sequence[_Row], position: Mapping[str, int], column: _Column) -> tuple[Value, ...]:
    index, case = position[column.name], position[CASE]
    return tuple(_value(row.fields[index], column, row, row.fields[case]) for row in table)


def _value(text: str, column: _Column, row: _Row, case: str) -> Value:
    problem: str | None
    if (mark := _MARKS.get(text)) is not None:
        return mark
    if _NUMBER.match(text):
        number = float(text)
        if (problem := column.problem(number)) is None:
            return number
    else:
        problem = "not finite" if _NOT_FINITE.match(text) else "neither a number nor 'failed', 'na' or empty"
    where = f"column '{column.name}' in line {row.line} (case '{shown(case)}')"
    raise _error(f"{where} holds '{shown(text)}', which is {problem}")
