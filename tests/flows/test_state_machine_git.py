"""Random histories on real git: read at once, one by one or in batches, every reader has the same state."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from medperf_cli.adapters.store.index_rows import Filter
from medperf_cli.core.names import Kind, parse_path
from medperf_cli.flows.reading.listing import listed
from medperf_cli.flows.reading.sync import sync
from medperf_cli.flows.reading.verify_registry import verify_registry
from tests.support.attack import in_registry
from tests.support.hosting import Hosted
from tests.support.naive_registry import NaiveRegistry
from tests.support.office import Office, office
from tests.support.registry_play import Play, played
from tests.support.registry_repo import RegistryRepo
from tests.support.world import World

KINDS = (Kind.MEMBER, Kind.CUBE, Kind.BENCHMARK, Kind.DATASET, Kind.ASSOCIATION, Kind.RESULT, Kind.DECISION)
STEPS = 40


def state(reader: Office) -> list[dict[str, Any]]:
    """Every row a reader's index has."""
    return [row for kind in KINDS for row in listed(reader.deps, kind, Filter(in_force=None))]


def said_by(model: NaiveRegistry) -> dict[str, tuple[str, bool]]:
    """The standing of every version, and whether it is in force."""
    paths = {name: parse_path(name) for name in model.standing}
    return {n: (model.standing[n], model.in_force(p.kind, p.id) == p) for n, p in paths.items()}


def hosted_until(play: Play, folder: Path) -> tuple[Hosted, list[str]]:
    """The history of a play in main of a bare repository: one commit a change, some as merges."""
    host = Hosted(folder, World(dict(play.files), list(play.model.trees)))
    folder.mkdir()
    repository = RegistryRepo.make(host.path)
    commits: list[str] = []
    for number, added in enumerate(play.history):
        on = commits[-1:] if number % 3 else [*commits[-1:], *commits[-3:-2]]
        commits.append(repository.commit(in_registry(added), parents=on))
    return host, commits


@pytest.mark.parametrize("seed", [3, 11, 27])
def test_readers_of_one_history_agree_however_they_read_it(tmp_path: Path, seed: int) -> None:
    play = played(seed, STEPS)
    host, commits = hosted_until(play, tmp_path / "host")
    repository, chance = RegistryRepo(host.path), random.Random(seed)  # noqa: S311 - play, no secret
    stops = {
        "at once": [],
        "one by one": commits[:-1],
        "in batches": sorted(chance.sample(commits[:-1], 3), key=commits.index),
    }
    found: dict[str, list[dict[str, Any]]] = {}
    for how, at in stops.items():
        repository.git("update-ref", "refs/heads/main", [*at, commits[-1]][0])
        reader = office(host, "ada", tmp_path / how)
        for commit in [*at[1:], commits[-1]]:
            repository.git("update-ref", "refs/heads/main", commit)
            sync(reader.deps)
        assert sync(reader.deps).commit == commits[-1]
        assert verify_registry(reader.deps).judged == len(play.history)
        found[how] = state(reader)
    assert found["at once"] == found["one by one"] == found["in batches"]
    said = said_by(play.model)
    rows = {row["path"]: (row["standing"], bool(row["in_force"])) for row in found["at once"]}
    assert {path: rows[path] for path in said} == said
    assert {parse_path(path).kind for path in rows.keys() - said.keys()} <= {Kind.DECISION}
