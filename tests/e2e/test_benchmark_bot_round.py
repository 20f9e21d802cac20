"""The command that measures a round of the merge bot: few calls of the forge, and one push."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.e2e


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "file:http")
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "benchmarks")
    return importlib.import_module("bot_round")


def test_a_round_needs_three_calls_a_request_at_most_and_one_push(script: Any, tmp_path: Path) -> None:
    many, again, wanted, later = script.rows(tmp_path, 20)
    assert many.kept
    assert (many.requests, many.pushes) == (20, 1)
    assert many.fates == {"merged": 13, "rejected": 3, "waits": 4}
    assert many.calls > many.requests, "the comments of each are read"
    assert (again.requests, again.pushes) == (6, 0)
    for row in (wanted, later):
        assert row.kept
        assert (row.fates, row.pushes) == ({"waits": 20}, 0)
        assert row.calls >= 2 * row.requests, "of each the comments and the reviews are read"
