"""What a site reads of `results.yaml`, and what it refuses."""

from __future__ import annotations

import contextlib
import math
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from medperf_cli.core.stats.results_file import lookup, number_at, parse_results
from medperf_cli.errors import ContainerError


def test_a_results_file_is_read_and_looked_up() -> None:
    results = parse_results(b"auroc:\n  value: 0.9\n  'per lesion': [1, 2.5, .nan]\nnote: ~\n7: x\n")
    assert number_at(results, "auroc.value", "auroc") == 0.9
    assert lookup(results, "7") == "x"
    assert lookup(results, "auroc")["per lesion"][:2] == [1, 2.5]
    assert [lookup(results, path) for path in ("note", "absent", "auroc.value.deeper", "absent.too")] == [
        None
    ] * 4


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("-12", -12),
        ("1e-05", 1e-5),
        ("1.5E3", 1500.0),
        (".5", 0.5),
        ("1" * 30, float("1" * 30)),
        ("true", True),
        ("Null", None),
        ("-.inf", -math.inf),
        ("inf", math.inf),
        ("1_000", "1_000"),
        ("12:30:45", "12:30:45"),
        ("2026-01-31", "2026-01-31"),
        ("yes", "yes"),
        ("'1'", "1"),
        ("010", 10.0),
    ],
)
def test_scalars_are_read_as_yaml_1_2_does(text: str, value: object) -> None:
    found = parse_results(f"a: {text}\n".encode())["a"]
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (".nan", "metric 'dice' is nan at 'm.dice', where a finite number"),
        ("-.inf", "metric 'dice' is -inf at 'm.dice'"),
        ("1e999", "metric 'dice' is inf"),
        ("true", "metric 'dice' is a bool at 'm.dice', where a number"),
        ("'0.5'", "metric 'dice' is '0.5' at"),
        ("[0.5]", "metric 'dice' is a list at"),
        ("{a: 1}", "metric 'dice' is a dict at"),
    ],
)
def test_what_is_no_finite_number_is_an_error_that_names_the_metric(text: str, says: str) -> None:
    results = parse_results(f"m: {{dice: {text}}}\n".encode())
    with pytest.raises(ContainerError, match=says):
        number_at(results, "m.dice", "dice")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "it is empty"),
        (b"# only a comment\n", "it is empty"),
        (b"- 1\n", "it is not a mapping"),
        (b"a: 1\n---\nb: 2\n", "more than one document"),
        (b"a: 1\nb: {c: 1, c: 2}\n", "key 'c' stands again in line 2"),
        (b"a: &x [1]\nb: *x\n", "line 2 refers to another place by an alias"),
        (b"a: 1\nb: !!python/object/apply:os.system [ls]\n", "line 2 has the tag"),
        (b"? [1, 2]\n: 1\n", "line 1 has a key that is not plain text"),
        (b"a: [1\n", "line 2 is not YAML"),
        (b"a: \x00\n", "characters that YAML forbids"),
        (b"a: \xff\n", "it is not UTF-8"),
        (b"a: " + b"[" * 100_000, "nested deeper than 32"),
        (b"a: " + b"x" * 2**20, "more than 1048576"),
    ],
)
def test_a_broken_file_is_refused_with_its_place(data: bytes, says: str) -> None:
    with pytest.raises(ContainerError, match=r"'results.yaml' of the metrics cube cannot be used") as error:
        parse_results(data)
    assert says in error.value.message


def test_many_anchors_do_not_grow() -> None:
    lines = ["a0: &a0 [x]"] + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 20)]
    with pytest.raises(ContainerError, match="line 2 refers to another place"):
        parse_results("\n".join(lines).encode())


# Text that looks like a number in YAML 1.2 and like text in 1.1 (`1e5`) is left out: libraries differ there.
_TEXT = st.text(max_size=9).filter(
    lambda text: not any(c.isdigit() for c in text) and "n" not in text.lower()
)
_TREES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**17), 10**17) | st.floats(allow_nan=False) | _TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=20,
)


@settings(deadline=None, max_examples=100)
@given(st.dictionaries(_TEXT, _TREES, min_size=1, max_size=4))
def test_what_pyyaml_writes_is_read_back(tree: dict[str, Any]) -> None:
    class NoAliases(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            del data
            return True

    assert parse_results(yaml.dump(tree, Dumper=NoAliases).encode()) == tree


@settings(deadline=None, max_examples=150)
@given(st.binary(max_size=200) | st.text(alphabet="ab: -[]{}&*!'\"\n|>#0.1", max_size=200).map(str.encode))
def test_any_bytes_give_a_mapping_or_a_clear_error(data: bytes) -> None:
    with contextlib.suppress(ContainerError):
        assert isinstance(parse_results(data), dict)
