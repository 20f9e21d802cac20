"""The demo's story in memory, merge by merge, from genesis to a published result: who adds which files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from medperf_cli.core.check.findings import Report, Verdict
from medperf_cli.core.names import Kind
from tests.support.world import World, genesis, member_file

TISSUE = "tumor-board/wdbc"
PREPARATOR, REFERENCE, FOREST, METRICS = (
    "tumor-board/wdbc-prep",
    "tumor-board/logistic",
    "acme/forest",
    "tumor-board/wdbc-metrics",
)
DATASET = "st-mary/biopsies"


@dataclass(frozen=True)
class Step:
    """One merge of the story."""

    title: str
    files: dict[str, bytes]
    report: Report


def _volume(path: str, kind: str = "directory") -> dict[str, str]:
    return {"mount_path": f"/mlcommons/volumes/{path}", "type": kind}


def container(task: str, seed: str) -> dict[str, Any]:
    """A pinned container config with one task."""
    return {
        "container_type": "DockerArchive",
        "archive": {"sha256": seed * 64, "size": 1000},
        "image_id": f"sha256:{seed * 64}",
        "tasks": {
            task: {
                "run_args": {"command": f"python3 /project/{task}.py"},
                "input_volumes": {"data_path": _volume("data")},
                "output_volumes": {"output_path": _volume("out")},
            }
        },
    }


def cube_fields(kind: str, task: str, seed: str, state: str = "operation", **more: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "type": kind,
        "description": f"a {kind} for fine needle aspirates",
        "container": container(task, seed),
        "licence": "Apache-2.0",
        "state": state,
    }
    if kind == "model":
        fields["card"] = {"intended_use": "research", "training_data_overlap": "none known"}
    return {**fields, **more}


def metric_definitions() -> list[dict[str, Any]]:
    bounds: dict[str, Any] = {"unit": "proportion", "minimum": 0.0, "maximum": 1.0}
    mean: dict[str, Any] = {"kind": "mean", "failed_score": 0.0, **bounds}
    return [
        {
            "key": "accuracy",
            "name": "Accuracy",
            "binary": True,
            "path": "accuracy",
            "column": "accuracy",
            "better": "higher",
            "primary": True,
            **mean,
        },
        {
            "key": "sensitivity",
            "name": "Sensitivity",
            "kind": "ratio",
            "binary": False,
            "path": "sensitivity",
            "numerator": "true_positive",
            "denominator": "positive",
            "failed_score": 0.0,
            "better": "higher",
            "primary": False,
            **bounds,
        },
        {
            "key": "auroc",
            "name": "AUROC",
            "kind": "reported",
            "binary": False,
            "path": "auroc",
            "error": "auroc_error",
            "better": "higher",
            "primary": False,
            **bounds,
        },
    ]


def benchmark_fields(world: World, **more: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "title": "Breast cancer from fine needle aspirates",
        "description": "Malignant or benign",
        "clinical_task": "classification of a breast mass",
        "population": "women with a breast mass",
        "annotation_methodology": "histology",
        "terms_of_use": "research only",
        "demo_dataset": {"sha256": "d" * 64, "size": 5000},
        "cubes": {
            "data_preparator": world.pin(f"cubes/{PREPARATOR}/1.yml"),
            "reference_model": world.pin(f"cubes/{REFERENCE}/1.yml"),
            "metrics": world.pin(f"cubes/{METRICS}/1.yml"),
        },
        "committee": {"threshold": 1, "members": ["clara"]},
        "metrics": metric_definitions(),
        "ranking": {"weighting": "cases"},
        "association_policy": {"datasets": {"mode": "never"}, "models": {"mode": "never"}},
        "disclosure": {"minimum_cell": 11, "significant_digits": 6},
        "release": {"policy": "open"},
        "state": "development",
    }
    return {**fields, **more}


def association_fields(world: World, benchmark: str, subject: str, **more: Any) -> dict[str, Any]:
    model = f"cubes/{REFERENCE}/1.yml" if subject.startswith("datasets/") else subject
    fields: dict[str, Any] = {
        "benchmark": world.pin(benchmark),
        "subject": world.pin(subject),
        "test": {
            "cubes": [world.pin(p) for p in (f"cubes/{PREPARATOR}/1.yml", model, f"cubes/{METRICS}/1.yml")],
            "data": "e" * 64,
            "metrics": ["accuracy", "sensitivity", "auroc"],
            "outcome": "passed",
        },
    }
    return {**fields, **more}


def metric_values(accuracy: float = 0.95) -> list[dict[str, Any]]:
    return [
        {
            "key": "accuracy",
            "kind": "mean",
            "n": 180,
            "mean": accuracy,
            "sd": 0.218,
            "skewness": -4.1,
            "failed": 0,
            "missing": 0,
        },
        {
            "key": "sensitivity",
            "kind": "ratio",
            "n": 180,
            "support": 67,
            "numerator": 61.0,
            "denominator": 67.0,
            "sd": 0.47,
            "failed": 0,
            "missing": 0,
        },
        {"key": "auroc", "kind": "reported", "value": 0.98, "error": 0.009},
    ]


def result_fields(world: World, model: str, **more: Any) -> dict[str, Any]:
    model_pin = world.pin(model)
    metrics_pin = world.pin(f"cubes/{METRICS}/1.yml")
    task: dict[str, Any] = {
        "image": f"sha256:{'a' * 64}",
        "applied": ["no-network", "inputs-read-only"],
        "missing": [],
        "started": "2026-11-22T10:00:00Z",
        "duration_seconds": 1.5,
    }
    fields: dict[str, Any] = {
        "benchmark": world.pin(f"benchmarks/{TISSUE}/2.yml"),
        "model": model_pin,
        "dataset": world.pin(f"datasets/{DATASET}/2.yml"),
        "cubes": {"data_preparator": world.pin(f"cubes/{PREPARATOR}/1.yml"), "metrics": metrics_pin},
        "metrics": metric_values(),
        "partial": False,
        "failed_cases": 0,
        "execution": {
            "tool": "medperf 0.1.0",
            "contract": 1,
            "engine": {"name": "docker", "version": "20.10.24", "rootless": False},
            "hardware": {"cpu": "a processor", "cpus": 2, "memory_bytes": 8_000_000_000},
            "tasks": [
                {"task": "infer", "cube": model_pin, **task},
                {"task": "evaluate", "cube": metrics_pin, **task},
            ],
        },
    }
    return {**fields, **more}


def dataset_fields(world: World, **more: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "description": "consecutive aspirates of one year",
        "location": "St Mary, pathology",
        "data_preparator": world.pin(f"cubes/{PREPARATOR}/1.yml"),
        "benchmark": world.pin(f"benchmarks/{TISSUE}/2.yml"),
        "ethics_approval": "IRB 2026-17",
        "state": "development",
    }
    return {**fields, **more}


PREPARED: dict[str, Any] = {
    "hash": "f" * 64,
    "counts": {"cases": 180, "patients": 180},
    "statistics": {"classes": {"benign": 113, "malignant": 67}},
}

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
            difference = {"key": "accuracy", "n": 180, "difference": -0.01, "sd": 0.2}
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
