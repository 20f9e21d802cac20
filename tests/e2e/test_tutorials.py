"""The tutorials, typed exactly as they stand: real shell, keys and containers; outputs as they are shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from medperf_cli.adapters.runtime.docker_engine import connect
from medperf_cli.errors import EngineError
from scripts.write_tutorials import ROLES, ROOT, complaint, page, play

pytestmark = [
    *(pytest.mark.container, pytest.mark.e2e),
    pytest.mark.xdist_group("tutorials"),  # they share the scenes they begin with
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        connect()
    except EngineError as error:
        pytest.skip(f"no engine answers: {error.message}")
    if not list((ROOT / ".cache/breast-cancer").glob("*/base.json")):
        pytest.skip("no base image in the cache: run `make cubes` once")
    return tmp_path_factory.mktemp("tutorials")


@pytest.mark.parametrize("role", ROLES)
def test_a_tutorial_does_what_it_shows(role: str, folder: Path) -> None:
    done = 0
    for step, result in play(role, folder):
        wrong = complaint(step, result)
        assert not wrong, f"{wrong}\nif it is meant so: `.venv/bin/python -m scripts.write_tutorials {role}`"
        done += 1
    assert done > 10


@pytest.mark.parametrize("role", ROLES)
def test_a_tutorial_tells_of_its_role_as_a_whole(role: str) -> None:
    text = page(role).read_text("utf-8")
    assert f"make tutorial ROLE={role}" in text
    for needed in (
        "**What left:**",
        "**It went wrong",
        "medperf todo",
        "medperf review ls",
        "medperf doctor",
    ):
        assert needed in text, needed
