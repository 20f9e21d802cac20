"""What a site reads of `cases.csv`, and what it refuses."""

from __future__ import annotations

import contextlib
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medperf_cli.core.stats import cases as cases_module
from medperf_cli.core.stats.cases import Mark, parse_cases
from medperf_cli.errors import ContainerError
from tests.support.measuring import cases_csv, column, group, mean_metric, ratio_metric, reported_metric

DICE = mean_metric("dice", minimum=0.0, maximum=1.0)
HIT = mean_metric("hit", binary=True)
RATE = ratio_metric()


def test_a_table_is_read_with_every_kind_of_value() -> None:
    data = b"case,patient,dice,sex,site\nc2,p1,failed,f,x\nc1,p1,0.5,f,x\nc3,p2,na,,x\nc4,p2,,m,x\n"
    table = parse_cases(data, [DICE, reported_metric()], [group()])
    assert table.ids == ("c1", "c2", "c3", "c4")
    assert table.patients == ("p1", "p1", "p2", "p2")
    assert table.columns == {"dice": (0.5, Mark.FAILED, Mark.NOT_APPLICABLE, Mark.MISSING)}
    assert table.groups == {"sex": ("f", "f", "", "m")}
    assert table.unit == "patient"
    assert table.units == {"p1": (0, 1), "p2": (2, 3)}


def test_without_patients_the_case_is_the_unit() -> None:
    table = parse_cases(b"case,dice\nb,1\na,0\n", [DICE])
    assert (table.unit, table.units) == ("case", {"a": (0,), "b": (1,)})


@pytest.mark.parametrize(
    ("text", "number"),
    [("1", 1.0), ("+.5", 0.5), ("1e-05", 1e-5), ("0.", 0.0), (" 0.25 ", 0.25), ("-0", 0.0)],
)
def test_numbers_are_read_as_people_write_them(text: str, number: float) -> None:
    assert parse_cases(f"case,dice\nc1,{text}\n".encode(), [DICE]).columns["dice"] == (number,)


def test_a_spreadsheets_file_is_read_too() -> None:
    data = b'\xef\xbb\xbfcase,dice\r\n"a ""x"", y",0.5\r\n\r\n'
    assert parse_cases(data, [DICE]).ids == ('a "x", y',)


@pytest.mark.parametrize("text", ["nan", "NaN", "inf", "-Infinity", "1e999"])
def test_what_is_not_finite_is_named_by_column_line_and_case(text: str) -> None:
    data = f"case,dice\nc1,0.5\nc2,{text}\n".encode()
    wanted = rf"column 'dice' in line 3 \(case 'c2'\) holds '{text}', which is not finite"
    with pytest.raises(ContainerError, match=wanted):
        parse_cases(data, [DICE])


@pytest.mark.parametrize("text", ["FAILED", "n/a", "1_000", "0x1", "٣", "1 2", "true", "--1", "1e", "."])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(ContainerError, match=r"column 'dice' in line 2 .* neither a number nor 'failed'"):
        parse_cases(f"case,dice\nc1,{text}\n".encode(), [DICE])


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("1.5,1,0,0", "column 'dice' in line 2 .case 'c1'. holds '1.5', which is not from 0 to 1"),
        ("0.5,0.5,0,0", "column 'hit' in line 2 .* not 0 or 1"),
        ("0.5,1,0,-1", "column 'pos' in line 2 .* not from 0 to 1e\\+15"),
        ("0.5,1,0,1e-20", "column 'pos' in line 2 .* neither 0 nor at least 1e-15"),
        ("0.5,1,1e16,1", "column 'tp' in line 2 .* not from -1e\\+15 to 1e\\+15"),
    ],
)
def test_a_column_keeps_to_what_its_metrics_ask(row: str, says: str) -> None:
    with pytest.raises(ContainerError, match=says):
        parse_cases(f"case,dice,hit,tp,pos\nc1,{row}\n".encode(), [DICE, HIT, RATE])


def test_a_column_of_two_metrics_meets_both() -> None:
    binary_positives = mean_metric("prevalence", column="pos", binary=True)
    with pytest.raises(ContainerError, match=r"column 'pos' in line 2 .* not 0 or 1"):
        parse_cases(b"case,tp,pos\nc1,1,2\n", [RATE, binary_positives])


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "it is empty"),
        (b"\n \n", "it is empty"),
        (b"case,dice\n", "it holds no case"),
        (b"dice\n1\n", "column 'case' is not there"),
        (b"case;dice\nc1;1\n", "column 'case' is not there"),
        (b"case,other\nc1,1\n", "column 'dice' is not there"),
        (b"case,dice,dice\nc1,1,1\n", "column 'dice' stands twice in line 1"),
        (b"case,dice\nc1,1\nc2\n", "line 3 has 1 fields where the header has 2"),
        (b"case,dice\nc1,1\n,1\n", "column 'case' is empty in line 3"),
        (b"case,patient,dice\nc1,,1\n", "column 'patient' is empty in line 2"),
        (b"case,dice\nc1,1\nc2,1\n\nc1,0\n", "case 'c1' stands in line 2 and again in line 5"),
        (b'case,dice\n"c1,1\nc2,1\n', "line 2 is not CSV"),
        (b"case,dice\nc1,1\n\xff,1\n", "line 3 is not UTF-8"),
        (b"case,dice\n" + b"c" * 70_000 + b",1\n", "line 2 is longer than 65536"),
    ],
)
def test_a_broken_table_is_refused_with_its_place(data: bytes, says: str) -> None:
    with pytest.raises(
        ContainerError, match=f"'cases.csv' of the metrics cube cannot be used: {says}"
    ) as error:
        parse_cases(data, [DICE])
    assert "metrics cube" in error.value.hint


def test_a_huge_table_is_refused_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cases_module, "MAX_BYTES", 20)
    with pytest.raises(ContainerError, match="it has 24 bytes, more than 20"):
        parse_cases(b"case,dice\nc1,1\nc2,1\nc3,1", [DICE])


def test_a_message_obeys_no_terminal_codes() -> None:
    with pytest.raises(ContainerError) as error:
        parse_cases(b"case,dice\n\x1b[2Jc,x\x07\n", [DICE])
    assert re.fullmatch(r"[ -~]+", error.value.message)


def test_the_order_of_rows_decides_nothing() -> None:
    rows = column("dice", [i / 40 for i in range(40)], patients=[f"p{i % 7}" for i in range(40)])
    mixed = [rows[i] for i in np.random.default_rng(1).permutation(len(rows))]
    assert parse_cases(cases_csv(rows), [DICE]) == parse_cases(cases_csv(mixed), [DICE])


@settings(deadline=None, max_examples=150)
@given(st.binary(max_size=300) | st.text(alphabet='case,dpi0.1"\n\r\x00na', max_size=300).map(str.encode))
def test_any_bytes_give_a_table_or_a_clear_error(data: bytes) -> None:
    with contextlib.suppress(ContainerError):
        table = parse_cases(b"case,patient,dice\n" + data, [DICE])
        assert len(table.columns["dice"]) == len(table.ids) == len(set(table.ids)) > 0
