"""The fields of the story's files: what each kind holds before a test changes something in it."""

from __future__ import annotations

from typing import Any

from tests.support.world import World

TISSUE = "tumor-board/wdbc"
PREPARATOR, REFERENCE, FOREST, METRICS = (
    "tumor-board/wdbc-prep",
    "tumor-board/logistic",
    "acme/forest",
    "tumor-board/wdbc-metrics",
)
DATASET = "st-mary/biopsies"


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
            "count": 180,
            "mean": accuracy,
            "sd": 0.218,
            "skewness": -4.1,
            "failed": 0,
            "missing": 0,
        },
        {
            "key": "sensitivity",
            "kind": "ratio",
            "count": 180,
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
        "unit": "patient",
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


def dataset_fields(
    world: World, *, benchmark: str = f"benchmarks/{TISSUE}/2.yml", **more: Any
) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "description": "consecutive aspirates of one year",
        "location": "St Mary, pathology",
        "data_preparator": world.pin(f"cubes/{PREPARATOR}/1.yml"),
        "benchmark": world.pin(benchmark),
        "ethics_approval": "IRB 2026-17",
        "state": "development",
    }
    return {**fields, **more}


PREPARED: dict[str, Any] = {
    "hash": "f" * 64,
    "counts": {"cases": 180, "patients": 180},
    "statistics": {"classes": {"benign": 113, "malignant": 67}},
}
