"""Terminals, and a finished story to read in."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from medperf_cli.adapters.store.settings import save
from tests.support.hosting import Hosted, hosted
from tests.support.office import office
from tests.support.story import STEPS
from tests.support.terminal import Terminal


@pytest.fixture
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(tmp_path / "home", monkeypatch, capsys)


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory) -> Hosted:
    """The whole story, hosted, with the home of the hospital beside it; copied before it is changed."""
    host = hosted(tmp_path_factory.mktemp("story"), len(STEPS))
    hospital = office(host, "st-mary", add=False)
    save(hospital.settings, {"member": "st-mary", "key": hospital.settings.key})
    hospital.add()
    return host


@pytest.fixture
def hospital(told: Hosted, terminal: Terminal) -> Terminal:
    """The hospital's terminal at the end of the story; its home may be spoilt."""
    shutil.copytree(told.folder / "home-st-mary", terminal.home)
    return terminal
