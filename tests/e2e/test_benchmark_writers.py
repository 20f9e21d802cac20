"""Writers who submit at once: none is lost or doubled; and the command that measures it would notice."""

from __future__ import annotations

import dataclasses
import importlib
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("generated")]

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
WRITERS = 8


def test_of_writers_at_once_none_is_lost_or_doubled(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS)
    writers: Any = importlib.import_module("writers")
    place, requests = writers.set_up(tmp_path, 300, WRITERS)
    timed = writers.at_once(lambda n: writers.submit(place, requests[n], place.clones[n]), WRITERS)
    assert writers.faults(place, requests, timed.told) == []
    answers = sorted(told.answer.partition(":")[0] for told in timed.told)
    assert answers == ["ConflictError"] + ["merged"] * 6 + ["open"]

    lied = [dataclasses.replace(told, answer="merged") for told in timed.told]
    assert (
        len(writers.faults(place, requests, lied)) == 3
    )  # the one that waits, the refused one, and the count
    main = writers.git(place.hosted, "rev-parse", f"{writers.MAIN}^")
    writers.git(place.hosted, "update-ref", writers.MAIN, main)
    (lost,) = writers.faults(place, requests, timed.told)
    assert "merged" in lost
    writers.git(place.hosted, "update-ref", writers.MAIN, place.base)
    assert len(writers.faults(place, requests, timed.told)) == 6
