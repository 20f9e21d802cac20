"""What one run rests on: a benchmark and its cubes, each with the pin it is known by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from medperf_cli.adapters.store.index import Index
from medperf_cli.core.entities.benchmark import Benchmark
from medperf_cli.core.entities.cube import Cube
from medperf_cli.core.entities.fields import Pin
from medperf_cli.core.entities.header import Entity
from medperf_cli.core.entities.parsing import parse
from medperf_cli.core.lifecycle.standing import Lifecycle
from medperf_cli.errors import IntegrityError

NOT_A_FILE = "0" * 64
"""The digest in the pin of a benchmark that is not written yet."""


@dataclass(frozen=True)
class PinnedCube:
    """A cube and the pin it is known by."""

    cube: Cube
    pin: Pin

    @property
    def name(self) -> str:
        """Its id, such as `mgh/unet`."""
        return self.pin.entity.id


@dataclass(frozen=True)
class Parts:
    """A benchmark with its cubes."""

    benchmark: Benchmark
    pin: Pin
    preparator: PinnedCube
    reference: PinnedCube
    metrics: PinnedCube

    @property
    def name(self) -> str:
        """The benchmark's id; empty for cubes that are tried without one."""
        return self.pin.entity.id if self.pin.sha256 != NOT_A_FILE else ""


Fetch = Callable[[Pin], Entity]
"""Gives the entity that a pin names; raises MedperfError where there is none with those bytes."""


def indexed(index: Index) -> Fetch:
    """Fetches from a verified index."""

    def fetch(pin: Pin) -> Entity:
        stored = index.stored(pin.path)
        if stored.row.sha256 != pin.sha256:
            raise IntegrityError(f"'{pin.path}' has not the pinned sha256 {pin.sha256[:12]}")
        return parse(pin.entity, stored.yml)

    return fetch


def standing_in(state: Lifecycle) -> Fetch:
    """Fetches from a state of the registry, such as with the files of a request."""

    def fetch(pin: Pin) -> Entity:
        found = state.reader.entity(pin.entity) if state.reader.holds(pin) else None
        if found is None:
            raise IntegrityError(f"'{pin.path}' does not stand in the registry with the pinned bytes")
        return found

    return fetch


def fetch_cube(fetch: Fetch, pin: Pin) -> PinnedCube:
    """The cube that a pin names (raises IntegrityError if it is no cube)."""
    found = fetch(pin)
    if not isinstance(found, Cube):
        raise IntegrityError(f"'{pin.path}' is not a cube")
    return PinnedCube(found, pin)


def fetch_parts(fetch: Fetch, pin: Pin) -> Parts:
    """The benchmark that a pin names, with its cubes (raises IntegrityError if it is no benchmark)."""
    found = fetch(pin)
    if not isinstance(found, Benchmark):
        raise IntegrityError(f"'{pin.path}' is not a benchmark")
    cubes = found.cubes
    return Parts(
        benchmark=found,
        pin=pin,
        preparator=fetch_cube(fetch, cubes.data_preparator),
        reference=fetch_cube(fetch, cubes.reference_model),
        metrics=fetch_cube(fetch, cubes.metrics),
    )
