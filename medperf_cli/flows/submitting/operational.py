"""Setting cubes and benchmarks operational: the same content, frozen from now on."""

from __future__ import annotations

from typing import Any

from medperf_cli.core.entities.benchmark import Benchmark
from medperf_cli.core.entities.cube import Cube
from medperf_cli.core.entities.header import State
from medperf_cli.core.names import EntityPath, Kind, parse_path
from medperf_cli.errors import UsageError
from medperf_cli.flows.submitting.composer import content
from medperf_cli.flows.submitting.desk import Desk


def set_operational(desk: Desk, kind: Kind, partial: str) -> EntityPath:
    """Write the next version of a cube or benchmark with state `operation`.

    Cubes that a benchmark pins are re-pinned to their version in operation. Where it is in operation
    already, nothing is written.

    Raises:
        UsageError: it is not known, or no version of it is in force.

    """
    path = desk.in_force(kind, partial)
    entity = desk.reader().entity(path)
    if not isinstance(entity, Cube | Benchmark):
        raise UsageError(f"a {kind} has no state")
    if entity.state is State.OPERATION:
        return path
    fields = {**content(entity), "state": State.OPERATION.value}
    if kind is Kind.BENCHMARK:
        fields["cubes"] = {name: _operational_pin(desk, pin) for name, pin in fields["cubes"].items()}
    return desk.composer.add(kind, path.id, fields)


def _operational_pin(desk: Desk, pin: dict[str, str]) -> dict[str, Any]:
    """The cube's version in force in place of a version in development that was pinned."""
    pinned = parse_path(pin["path"])
    current = desk.state.in_force(Kind.CUBE, pinned.id) or pinned
    state = getattr(desk.reader().entity(pinned), "state", None)
    return desk.pin(pinned if state is State.OPERATION else current).document()
