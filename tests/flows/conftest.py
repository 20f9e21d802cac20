"""Registries on bare repositories: built once a process, copied for each test that spoils one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from medperf_cli.adapters.store.repository import GitStore
from tests.support.desk import Desk
from tests.support.gate import Gate
from tests.support.hosting import Hosted, Member, hosted
from tests.support.redacted_host import named_patient


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


@pytest.fixture
def gate(host: Hosted) -> Iterator[Gate]:
    with host.store() as store:
        yield Gate(host, store, Member(host, store, host.url))


@pytest.fixture
def desk(host: Hosted) -> Iterator[Desk]:
    with host.store() as store:
        yield Desk(host, store)


@pytest.fixture
def told(host: Hosted) -> Hosted:
    """A registry in whose history a patient's name stands."""
    named_patient(host)
    return host


@pytest.fixture
def store(told: Hosted) -> Iterator[GitStore]:
    with told.store() as opened:
        yield opened
