"""Fields of a benchmark from its config file, cubes named by id, and its demo dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medperf_cli.core.names import Kind
from medperf_cli.errors import UsageError
from medperf_cli.flows.submitting.desk import Desk
from medperf_cli.flows.submitting.user_files import read_mapping
from medperf_cli.flows.submitting.write_cube import AssetShelf

_OURS = frozenset({"cubes", "demo_dataset", "committee", "association_policy", "state"})


@dataclass(frozen=True)
class BenchmarkFiles:
    """What a committee has: the config with texts and metrics, and the demo dataset's archive."""

    config: Path
    demo_dataset: Path
    demo_urls: tuple[str, ...] = ()


@dataclass(frozen=True)
class Roles:
    """Cubes by id, and who decides: committee, how many of it, and who is admitted without a decision."""

    data_preparator: str
    reference_model: str
    metrics: str
    committee: tuple[str, ...]
    threshold: int
    datasets: Mapping[str, Any]
    models: Mapping[str, Any]


def benchmark_fields(
    desk: Desk, files: BenchmarkFiles, roles: Roles, shelf: AssetShelf, *, state: str
) -> dict[str, Any]:
    """Everything of a benchmark but its header.

    Raises:
        UsageError: a file is missing, or a cube is unknown or not in force.

    """
    fields = read_mapping(files.config)
    stray = sorted(_OURS & set(fields))
    if stray:
        raise UsageError(
            f"'{files.config}' sets '{stray[0]}'", hint="that is given by options, not in the config"
        )
    cubes = {
        "data_preparator": roles.data_preparator,
        "reference_model": roles.reference_model,
        "metrics": roles.metrics,
    }
    fields["cubes"] = {k: desk.pin(desk.in_force(Kind.CUBE, v)).document() for k, v in cubes.items()}
    fields["demo_dataset"] = shelf.take(files.demo_dataset, files.demo_urls)
    fields["committee"] = {"threshold": roles.threshold, "members": list(roles.committee)}
    fields["association_policy"] = {"datasets": dict(roles.datasets), "models": dict(roles.models)}
    fields["state"] = state
    return fields


def admission(mode: str, allow: Sequence[str] = ()) -> dict[str, Any]:
    """One side of the association policy."""
    return {"mode": mode, "allow": list(allow)}
