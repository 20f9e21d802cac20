"""Registries on bare repositories: built once a process, copied for each test that spoils one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.hosting import Hosted, hosted


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Hosted]:
    kept: dict[int, Hosted] = {}

    def template(until: int) -> Hosted:
        if until not in kept:
            kept[until] = hosted(tmp_path_factory.mktemp(f"until-{until}"), until)
        return kept[until]

    return template


@pytest.fixture
def host(templates: Callable[[int], Hosted], tmp_path: Path, request: pytest.FixtureRequest) -> Hosted:
    """A registry with the story's members (or after as many steps as an indirect parameter says)."""
    return templates(getattr(request, "param", 5)).copy(tmp_path)
