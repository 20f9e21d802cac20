"""How long one check takes, cold: a process that has read nothing of the registry but its refs.

Usage: python benchmarks/scale_check.py REGISTRY.git [rounds]   prints seconds per kind of request as JSON
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.core.check.engine import check
from medperf_cli.core.check.findings import Verdict
from medperf_cli.core.entities.parsing import sound

PROBES = "refs/probes"
UNKNOWN = "unknown"
"""Beside the kinds of requests: how long to find out that a tree was never main's."""


def seconds(path: Path, commit: str) -> float:
    """Read and judge one request, with nothing kept from the last time; it must be one to merge."""
    sound.cache_clear()
    with GitStore(path) as store:
        began = time.perf_counter()
        report = check(store.change(store.parent(commit), commit))
        took = time.perf_counter() - began
    if report.verdict is not Verdict.AUTO:
        raise RuntimeError(f"{commit} is not lawful: {report.findings}")
    return took


def measure(path: Path, rounds: int) -> dict[str, float]:
    """The median time by kind of request; the first round, which reads the code too, is left out."""
    with GitStore(path) as store:
        probes = {ref.removeprefix(f"{PROBES}/"): commit for ref, commit in store.refs(PROBES).items()}
    times: dict[str, list[float]] = {name: [] for name in probes}
    for _ in range(rounds + 1):
        for name, commit in probes.items():
            times[name].append(seconds(path, commit))
    middle = {name: statistics.median(found[1:]) for name, found in times.items()}
    return {**middle, UNKNOWN: unknown(path)}


def unknown(path: Path) -> float:
    """Look for a tree that stood at no commit of main, which whoever signs may claim to have seen."""
    with GitStore(path) as store:
        snapshot = store.snapshot(store.rev("refs/heads/main"))
        began = time.perf_counter()
        if snapshot.age("0" * 40) is not None:
            raise RuntimeError("this tree cannot be")
        return time.perf_counter() - began


if __name__ == "__main__":
    given = sys.argv[1:]
    print(json.dumps(measure(Path(given[0]), int(given[1]) if len(given) > 1 else 5)))
