"""The key of a cell: the same for the same cell for ever, another for anything that decides the outcome."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medperf_cli.adapters.executor.cell import Phase, canonical, cell_key
from medperf_cli.adapters.executor.status import CellStatus, State, parse_status
from medperf_cli.core.entities.fields import Pin
from tests.support.cells import make_spec

IMAGE = "sha256:" + "a" * 64


def test_the_key_is_written_down_so_that_spools_outlive_releases() -> None:
    text = (
        '{"additional_files":{"infer":"' + "7" * 64 + '"},'
        '"benchmark":{"path":"benchmarks/mgh/chest-ct/1.yml","sha256":"' + "1" * 64 + '"},"contract":1,'
        '"dataset_hash":"' + "3" * 64 + '","format":1,'
        '"images":{"evaluate":"sha256:' + "5" * 64 + '","infer":"sha256:' + "4" * 64 + '"},'
        '"model":{"path":"cubes/mgh/unet/1.yml","sha256":"' + "2" * 64 + '"},'
        '"parameters":{"evaluate":"' + "6" * 64 + '"}}'
    )
    assert canonical(make_spec()) == text.encode()
    assert cell_key(make_spec()) == hashlib.sha256(text.encode()).hexdigest()


def test_the_order_in_which_things_are_given_does_not_matter() -> None:
    images = dict(reversed(list(make_spec().images.items())))
    assert cell_key(make_spec(images=images)) == cell_key(make_spec())


@pytest.mark.parametrize(
    "change",
    [
        {"benchmark": Pin(path="benchmarks/mgh/chest-ct/1.yml", sha256="a" * 64)},
        {"benchmark": Pin(path="benchmarks/mgh/chest-ct/2.yml", sha256="1" * 64)},
        {"model": Pin(path="cubes/mgh/unet/1.yml", sha256="a" * 64)},
        {"model": Pin(path="cubes/mgh/unet/2.yml", sha256="2" * 64)},
        {"dataset_hash": "a" * 64},
        {"images": {Phase.INFER: IMAGE, Phase.EVALUATE: make_spec().images[Phase.EVALUATE]}},
        {"images": {Phase.INFER: make_spec().images[Phase.INFER], Phase.EVALUATE: IMAGE}},
        {"parameters": {Phase.INFER: "6" * 64}},
        {"parameters": {}},
        {"additional_files": {Phase.INFER: "a" * 64}},
        {"contract": 2},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_decides_the_outcome_changes_the_key(change: dict[str, Any]) -> None:
    assert cell_key(make_spec(**change)) != cell_key(make_spec())


@pytest.mark.parametrize(
    "change",
    [
        {"dataset_hash": ""},
        {"dataset_hash": "3" * 63},
        {"parameters": {Phase.INFER: "A" * 64}},
        {"images": {Phase.INFER: IMAGE}},
    ],
)
def test_a_digest_that_is_none_makes_no_cell(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"digest|image per phase"):
        make_spec(**change)


@given(
    st.builds(
        CellStatus,
        state=st.sampled_from([State.RUNNING, State.FAILED]),
        phase=st.none() | st.sampled_from(Phase),
        message=st.text(),
        outputs=st.dictionaries(st.from_regex(r"[^/\0.][^/\0]*", fullmatch=True), st.text()),
    )
)
@settings(deadline=None, max_examples=50)
def test_a_status_comes_back_as_it_was_written(status: CellStatus) -> None:
    assert parse_status(status.to_bytes()) == status


_VALUES = st.none() | st.integers() | st.text() | st.dictionaries(st.text(), st.none() | st.text())


@given(st.binary() | st.fixed_dictionaries(dict.fromkeys(CellStatus.__slots__, _VALUES)).map(json.dumps))
@settings(deadline=None, max_examples=100)
def test_a_damaged_status_is_a_value_error_and_nothing_else(data: bytes | str) -> None:
    try:
        parse_status(data if isinstance(data, bytes) else data.encode())
    except ValueError:
        return


@pytest.mark.parametrize("name", ["/etc/passwd", "../other/results.yaml", "results/../../x", "a\0b"])
def test_a_status_speaks_of_no_file_outside_of_its_attempt(name: str) -> None:
    damaged = CellStatus(state=State.DONE, outputs={name: "0" * 64})
    with pytest.raises(ValueError, match="outside"):
        parse_status(damaged.to_bytes())


def test_done_without_outputs_is_damage() -> None:
    with pytest.raises(ValueError, match="without outputs"):
        parse_status(CellStatus(state=State.DONE).to_bytes())


def test_a_nest_of_brackets_is_damage() -> None:
    with pytest.raises(ValueError, match="not JSON"):
        parse_status(b"[" * 100_000)
