"""Snapshots of the tests' worlds for the site, and a benchmark's entities as plain documents for boards."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from medperf_cli.adapters.store.index_rows import Meta
from medperf_cli.core.check.submission import Submission
from medperf_cli.core.lifecycle.reader import sha256
from medperf_cli.core.names import parse_path
from medperf_cli.core.snapshot import Change, MemorySnapshot
from medperf_cli.flows.reading.export import snapshot
from medperf_cli.flows.reading.index_state import Entry, entered, rows
from site_generator import build
from site_generator.records import Records
from tests.support.story import told
from tests.support.story_fields import TISSUE, association_fields, cube_fields, metric_definitions
from tests.support.world import World, member_file

BEGIN = 1_780_000_000
Document = dict[str, Any]


def snapshot_of(world: World, url: str = "https://git.example.org/registry.git") -> Document:
    """What an export of the world would give.

    Each file entered an hour after the one before, by path; in a dated world by the merge it came in.
    """
    change = Change(MemorySnapshot({}), world.files)
    merged = {path: number for number, paths in enumerate(getattr(world, "merges", ())) for path in paths}
    entries = {
        path: Entry(
            hashlib.sha1(path.encode()).hexdigest(),  # noqa: S324 - the shape of a commit id
            BEGIN + 3600 * merged.get(path, number),
            entry.fingerprint,
        )
        for number, (path, entry) in enumerate(entered(Submission(change), Entry("", 0)).items())
    }
    order = sorted(entries, key=lambda path: (entries[path].time, path))
    entries = {path: replace(entries[path], position=place) for place, path in enumerate(order, 1)}
    root = sha256(world.files["root/1.yml"])
    meta = Meta(world.registry, url, root, 1, "c" * 40, BEGIN + 3600 * len(entries))
    return snapshot(list(rows(world.base, entries)), meta, "ada namespaces=… key\n")


@cache
def _story() -> Document:
    return snapshot_of(told())


def story_snapshot() -> Document:
    """The whole story's snapshot; yours to spoil."""
    return copy.deepcopy(_story())


def rendered(snapshot: dict[str, Any]) -> dict[str, str]:
    """All pages but the prose, by address."""
    return dict(build.rendered(Records(snapshot)))


def waiting_world() -> World:
    """The story, with a member and an association that nobody has decided about."""
    world = told()
    world.force(member_file(world, "newcomer"))
    added = world.write("cube", "acme/second", **cube_fields("model", "infer", "5"))  # type: ignore[arg-type]
    world.merge(added)
    fields = association_fields(world, f"benchmarks/{TISSUE}/2.yml", "cubes/acme/second/1.yml")
    world.force(world.write("association", f"{TISSUE}/models/acme/second", **fields))  # type: ignore[arg-type]
    return world


def fact(path: str, *, in_force: bool = True, **document: Any) -> Document:
    """An entity as a board reads it."""
    return {"path": path, "in_force": in_force, "document": document}


def benchmark_fact(weighting: str = "cases", primary: str = "accuracy") -> Document:
    """The benchmark `tb/bm` with reference model `tb/ref`."""
    metrics = [{**m, "primary": m["key"] == primary} for m in metric_definitions()]
    cubes = {"reference_model": {"path": "cubes/tb/ref/1.yml", "sha256": "0" * 64}}
    return fact("benchmarks/tb/bm/1.yml", metrics=metrics, ranking={"weighting": weighting}, cubes=cubes)


def takes_part(*subjects: str) -> list[Document]:
    """Associations in force, such as `models/acme/one` or `datasets/mgh/cases`."""
    return [fact(f"associations/tb/bm/{subject}/1.yml") for subject in subjects]


def mean(value: float, count: int = 100, sd: float = 0.2, **more: Any) -> Document:
    fixed = {"key": "accuracy", "kind": "mean", "failed": 0, "missing": 0}
    return {**fixed, "count": count, "mean": value, "sd": sd, **more}


def ratio(numerator: float, denominator: float, count: int = 100, sd: float = 0.5) -> Document:
    fixed = {"key": "sensitivity", "kind": "ratio", "failed": 0, "missing": 0, "support": int(denominator)}
    return {**fixed, "count": count, "numerator": numerator, "denominator": denominator, "sd": sd}


def result_fact(
    model: str,
    site: str,
    *metrics: Mapping[str, Any],
    version: int = 1,
    in_force: bool = True,
    **more: Any,
) -> Document:
    """A result of a model at a site, for a board."""
    path = f"results/tb/bm/{model}/{site}/{version}.yml"
    parse_path(path)
    fields = {"metrics": list(metrics), "partial": False, "failed_cases": 0, "unit": "patient"}
    return fact(path, in_force=in_force, **{**fields, **more})
