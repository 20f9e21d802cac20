"""The demo's story in memory, merge by merge, from genesis to a published result: who adds which files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from medperf_cli.core.check.findings import Report, Verdict
from medperf_cli.core.names import Kind
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
    result_fields,
)
from tests.support.world import World, genesis, member_file


@dataclass(frozen=True)
class Step:
    """One merge of the story."""

    title: str
    files: dict[str, bytes]
    report: Report


Make = Callable[[World], tuple[dict[str, bytes], ...]]


def _with_admin(
    kind: Kind, entity_id: str, version: int = 1
) -> Callable[[Callable[[World], dict[str, Any]]], Make]:
    def outer(fields: Callable[[World], dict[str, Any]]) -> Make:
        def make(world: World) -> tuple[dict[str, bytes], ...]:
            added = world.write(kind, entity_id, version, **fields(world))
            subject = next(p for p in added if p.endswith(".yml"))
            return added, world.decide("ada", subject, added=added)

        return make

    return outer


def _member(name: str) -> Make:
    def make(world: World) -> tuple[dict[str, bytes], ...]:
        added = member_file(world, name)
        return added, world.decide("ada", f"members/{name}/1.yml", added=added)

    return make


def _cube(entity_id: str, kind: str, task: str, seed: str) -> Make:
    return lambda world: (world.write(Kind.CUBE, entity_id, **cube_fields(kind, task, seed)),)


def _association(folder: str, subject_id: str, subject: str) -> Make:
    def make(world: World) -> tuple[dict[str, bytes], ...]:
        entity_id = f"{TISSUE}/{folder}/{subject_id}"
        benchmark = f"benchmarks/{TISSUE}/2.yml"
        added = world.write(Kind.ASSOCIATION, entity_id, **association_fields(world, benchmark, subject))
        path = f"associations/{entity_id}/1.yml"
        return added, world.decide("clara", path, authority=benchmark, added=added)

    return make


def _result(model_id: str, **more: Any) -> Make:
    def make(world: World) -> tuple[dict[str, bytes], ...]:
        fields = result_fields(world, f"cubes/{model_id}/1.yml", **more)
        if more.get("against"):
            first = f"results/{TISSUE}/{REFERENCE}/{DATASET}/1.yml"
            difference = {"key": "accuracy", "count": 180, "difference": -0.01, "sd": 0.2}
            fields["against"] = [{"result": world.pin(first), "metrics": [difference]}]
        return (world.write(Kind.RESULT, f"{TISSUE}/{model_id}/{DATASET}", **fields),)

    return make


_operational_benchmark = _with_admin(Kind.BENCHMARK, TISSUE, 2)(
    lambda world: benchmark_fields(world, state="operation")
)

STEPS: tuple[tuple[str, Make], ...] = (
    ("genesis: the root and its admin", lambda _: (genesis(),)),
    ("the committee's organisation joins", _member("tumor-board")),
    ("a committee member joins", _member("clara")),
    ("a model owner joins", _member("acme")),
    ("a hospital joins", _member("st-mary")),
    ("the data-preparator cube", _cube(PREPARATOR, "data-preparator", "prepare", "1")),
    ("the reference model cube", _cube(REFERENCE, "model", "infer", "2")),
    ("the metrics cube", _cube(METRICS, "metrics", "evaluate", "3")),
    ("the benchmark", _with_admin(Kind.BENCHMARK, TISSUE)(benchmark_fields)),
    ("the benchmark goes into operation", _operational_benchmark),
    ("a model is submitted", _cube(FOREST, "model", "infer", "4")),
    ("the model is associated", _association("models", FOREST, f"cubes/{FOREST}/1.yml")),
    ("a dataset is registered", lambda w: (w.write(Kind.DATASET, DATASET, **dataset_fields(w)),)),
    (
        "the dataset is prepared and goes into operation",
        lambda w: (
            w.write(Kind.DATASET, DATASET, 2, **dataset_fields(w, state="operation", prepared=PREPARED)),
        ),
    ),
    ("the dataset is associated", _association("datasets", DATASET, f"datasets/{DATASET}/2.yml")),
    ("the reference model's result", _result(REFERENCE)),
    ("the model's result, compared with the reference", _result(FOREST, against=True)),
)


def tell(world: World, until: int | None = None) -> Iterator[Step]:
    """Play the story in `world`, step by step (all of it, or the first `until` steps)."""
    for title, make in STEPS[:until]:
        parts = make(world)
        report = world.merge(*parts, expect=Verdict.AUTO)
        yield Step(title, {p: d for part in parts for p, d in part.items()}, report)


def told(until: int | None = None) -> World:
    """The world after the story (or after its first `until` steps)."""
    world = World()
    for _ in tell(world, until):
        pass
    return world
