"""Where players begin: with admins alone, with members, with a benchmark, with all taking part."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from medperf_cli.core.names import Kind
from tests.support.git_tree import tree_id
from tests.support.naive_registry import NaiveRegistry, Request
from tests.support.naive_rules import problems
from tests.support.registry_player import ADMINS, CUBES, OWN, Player, public, without_head
from tests.support.story_fields import (
    DATASET,
    FOREST,
    METRICS,
    PREPARATOR,
    PREPARED,
    REFERENCE,
    TISSUE,
    association_fields,
    benchmark_fields,
    cube_fields,
    dataset_fields,
)
from tests.support.world import genesis

STAGES = ("admins", "members", "benchmark", "running")
LIMITS = {"seen_commits": 24, "change_entities": 50, "change_bytes": 1_048_576}
Step = tuple[str, Callable[[Player], Request]]


@dataclass(frozen=True)
class Stage:
    """A registry to begin with, and the changes that led to it."""

    model: NaiveRegistry
    files: dict[str, bytes]
    history: tuple[dict[str, bytes], ...]

    def copies(self) -> tuple[NaiveRegistry, dict[str, bytes], list[dict[str, bytes]]]:
        return self.model.copy(), dict(self.files), list(self.history)


@cache
def stage(name: str) -> Stage:
    """The registry at a stage, made by lawful requests only."""
    first = genesis(ADMINS, 2, limits=LIMITS)
    model, history = NaiveRegistry(), [first]
    model.enter(Request(first, {}), tree_id(first))
    player = Player(lambda found: found[0], model, dict(first))
    for _, make in _steps(STAGES.index(name)):
        request = make(player)
        assert not problems(model, request), (problems(model, request), request.paths)
        assert not model.waiting(request)
        player.files |= request.files
        model.enter(request, tree_id(player.files))
        history.append(request.files)
    return Stage(model, player.files, tuple(history))


def _steps(number: int) -> Iterator[Step]:
    if number >= 1:
        for name in ("tumor-board", "clara", "dan", "acme", "st-mary"):
            yield "members", _member(name)
        yield "members", _second_key
    if number >= 2:
        for cube in (PREPARATOR, REFERENCE, METRICS, FOREST, OWN):
            yield "benchmark", _cube(cube)
        yield "benchmark", _benchmark("allow-list" if number == 2 else "never")
    if number >= 3:
        yield "running", _dataset
        yield "running", _associated("models", FOREST, f"cubes/{FOREST}/1.yml")
        yield "running", _associated("datasets", DATASET, f"datasets/{DATASET}/1.yml")


def _member(name: str) -> Callable[[Player], Request]:
    def make(player: Player) -> Request:
        fields: dict[str, Any] = {"name": name.title(), "type": "organisation"}
        fields |= {"contact": f"registry@{name}.example", "keys": [{"key": public(name), "label": name}]}
        return player.with_votes(player.write(Kind.MEMBER, name, name, **fields), (2,))

    return make


def _second_key(player: Player) -> Request:
    """An admin with two valid keys, of which the root names one."""
    fields = without_head(player.model.said["members/cyd/1.yml"].document())
    keys = [*fields["keys"], {"key": public("cyd-2"), "label": "cyd-2"}]
    return player.with_votes(player.write(Kind.MEMBER, "cyd", "cyd", **fields | {"keys": keys}), (2,))


def _cube(name: str) -> Callable[[Player], Request]:
    return lambda player: player.write(Kind.CUBE, name, **cube_fields(*CUBES[name], "4"))


def _benchmark(models: str) -> Callable[[Player], Request]:
    admission = {"mode": models, **({"allow": ["acme"]} if models == "allow-list" else {})}

    def make(player: Player) -> Request:
        fields = benchmark_fields(player.pins, state="operation")
        fields["association_policy"] = {"datasets": {"mode": "never"}, "models": admission}
        fields["committee"] = {"threshold": 2, "members": ["clara", "dan", "tumor-board"]}
        return player.with_votes(player.write(Kind.BENCHMARK, TISSUE, **fields), (2,))

    return make


def _dataset(player: Player) -> Request:
    fields = dataset_fields(player.pins, benchmark=f"benchmarks/{TISSUE}/1.yml")
    return player.write(Kind.DATASET, DATASET, **fields | {"state": "operation", "prepared": PREPARED})


def _associated(folder: str, name: str, path: str) -> Callable[[Player], Request]:
    def make(player: Player) -> Request:
        fields = association_fields(player.pins, f"benchmarks/{TISSUE}/1.yml", path)
        request = player.write(Kind.ASSOCIATION, f"{TISSUE}/{folder}/{name}", **fields)
        return player.with_votes(request, (2,))

    return make
