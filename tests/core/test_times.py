"""A time is read the quick way exactly where the slow way takes it."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from medperf_cli.core.entities.fields import _is_time, _spelled_time

_NUMBERS = st.integers(0, 99).map("{:02d}".format)
_ALMOST = st.tuples(st.integers(0, 9999), *[_NUMBERS] * 5).map(
    lambda n: f"{n[0]:04d}-{n[1]}-{n[2]}T{n[3]}:{n[4]}:{n[5]}Z"
)
_RIGHT = st.datetimes().map(lambda time: f"{time:%Y-%m-%dT%H:%M:%SZ}")


@given(_ALMOST | _RIGHT | st.text(max_size=22))
@example("2026-02-29T12:00:00Z")
@example("2028-02-29T12:00:00Z")
@example("2026-01-31T24:00:00Z")
@example("2026-01-31T23:59:60Z")
@example("2026-01-31T23:59:61Z")
@example("0999-01-31T23:59:59Z")
@example("2026-01-31T23:59:59Z\n")
@example("2026-01-31T23:59:59z")
@example("\u0662026-01-31T23:59:59Z")
def test_both_ways_take_the_same_times(text: str) -> None:
    try:
        spelled = _spelled_time(text) == text
    except ValueError:
        spelled = False
    assert _is_time(text) is spelled


@pytest.mark.parametrize("day", ["2026-02-28", "2028-02-29", "9999-12-31", "1000-01-01"])
def test_real_days_are_times(day: str) -> None:
    assert _is_time(f"{day}T00:00:00Z")
    assert dt.date.fromisoformat(day)
