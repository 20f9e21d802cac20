"""Mutation fuzzing of strict YAML: damages real registry files and holds what is accepted against PyYAML.

Every mutant is accepted, or refused with a DocumentError; nothing else is raised. What is accepted is in its
one spelling, means the same to PyYAML's safe loaders (types too), is read alike by the quick reader and the
parser, and is no second spelling of the file it was made from; its entity is the same either way.

`python -m benchmarks.fuzz_yaml --count 1000000` uses all cores; a mutant is known by `--seed` and its number.
Times are of the processor for one `parse` (what a check or a replay does with a file); what seems slow is
measured three times and the least is taken, since other work on the machine only ever adds.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

import yaml

from benchmarks.fuzz_yaml_mutations import Origin, mutant, origins
from medperf_cli.core.entities import parsing
from medperf_cli.core.entities.header import Entity
from medperf_cli.core.names import EntityPath, Kind
from medperf_cli.core.strict_yaml import emit, load_strict
from medperf_cli.core.strict_yaml_events import load_by_events
from medperf_cli.core.strict_yaml_lines import guess
from medperf_cli.errors import DocumentError

PROMISE = 0.050  # seconds a document
_SLOW = 0.020
_SOME_PATH = EntityPath(Kind.CUBE, "golden/every-value", 1)
_CHUNK = 1000
_PURE = 20
"""PyYAML's own parser takes ten times as long as libyaml: it reads one accepted document in so many."""


@dataclass
class Outcome:
    """What became of some mutants; `faults` must stay empty."""

    accepted: int = 0
    refused: int = 0
    entities: int = 0
    crashes: list[str] = field(default_factory=list)
    disagreements: list[str] = field(default_factory=list)
    seconds: float = 0.0
    worst: tuple[float, str] = (0.0, "")

    def add(self, other: Outcome) -> None:
        """Take in what became of others."""
        self.accepted += other.accepted
        self.refused += other.refused
        self.entities += other.entities
        self.crashes += other.crashes
        self.disagreements += other.disagreements
        self.seconds += other.seconds
        self.worst = max(self.worst, other.worst)


@cache
def _pool() -> list[Origin]:
    return origins()


def run(numbers: range, seed: str) -> Outcome:
    """Make and judge the mutants of these numbers."""
    outcome = Outcome()
    for number in numbers:
        name = f"{seed}:{number}"
        origin, data = mutant(_pool(), name)
        judge(outcome, name, origin, data)
    return outcome


def judge(outcome: Outcome, name: str, origin: Origin, data: bytes) -> None:
    """Read one mutant and note what is wrong with the reading."""
    path = origin.path or _SOME_PATH
    try:
        entity, seconds = _timed(path, data)
        outcome.seconds += seconds
        outcome.worst = max(outcome.worst, (seconds, name))
        value = _value(data)
        if value is None:
            outcome.refused += 1
        else:
            outcome.accepted += 1
            outcome.entities += entity is not None
        pure = outcome.accepted % _PURE == 0
        for complaint in _complaints(path, origin, data, value, entity, pure=pure):
            outcome.disagreements.append(f"{name}: {complaint}")
    except Exception as error:  # noqa: BLE001 - any is a find
        outcome.crashes.append(f"{name}: {type(error).__name__}: {error}")


def _timed(path: EntityPath, data: bytes) -> tuple[Entity | None, float]:
    entity, seconds = _once(path, data)
    if seconds > _SLOW:
        seconds = min(seconds, *(_once(path, data)[1] for _ in range(2)))
    return entity, seconds


def _once(path: EntityPath, data: bytes) -> tuple[Entity | None, float]:
    parsing.parse.cache_clear()
    parsing.sound.cache_clear()
    began = time.process_time()
    try:
        entity = parsing.parse(path, data)
    except DocumentError:
        entity = None
    return entity, time.process_time() - began


def _value(data: bytes) -> dict[str, Any] | None:
    try:
        return load_strict(data)
    except DocumentError:
        return None


def _complaints(
    path: EntityPath,
    origin: Origin,
    data: bytes,
    value: dict[str, Any] | None,
    entity: Entity | None,
    *,
    pure: bool,
) -> Iterator[str]:
    """Hold one reading against every other."""
    if value is None:
        if entity is not None:
            yield "an entity, though not strict YAML"
        return
    meant = repr(value)  # tells 1 from 1.0 and True, and shows the order
    if emit(value) != data:
        yield "accepted in another than its one spelling"
    if repr(load_by_events(data)) != meant:
        yield "the parser reads it otherwise"
    if repr(guess(data)) != meant:
        yield "the quick reader reads it otherwise, or gave up"
    if repr(yaml.load(data, Loader=yaml.CSafeLoader)) != meant:
        yield "libyaml's safe loader reads it otherwise"
    if pure and repr(yaml.safe_load(data)) != meant:
        yield "PyYAML's safe loader reads it otherwise"
    if meant == repr(origin.value) and data != origin.data:
        yield "a second spelling of its origin"
    if _slow_entity(path, value, data) != entity:
        yield "the entity depends on the way it is read"


def _slow_entity(path: EntityPath, value: dict[str, Any], data: bytes) -> Entity | None:
    """The entity as `parse` reads it when it guesses nothing."""
    try:
        entity = parsing.validate(path.kind, value)
        parsing.identify(path, entity, data)
    except DocumentError:
        return None
    return entity


def _chunks(count: int) -> Iterator[range]:
    return (range(at, min(at + _CHUNK, count)) for at in range(0, count, _CHUNK))


def run_all(count: int, seed: str, jobs: int, progress: Callable[[Outcome], None]) -> Outcome:
    """Run mutants 0 to `count` in `jobs` processes."""
    total = Outcome()
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        for outcome in pool.imap_unordered(partial(run, seed=seed), _chunks(count)):
            total.add(outcome)
            progress(total)
    return total


def main() -> int:
    """Print the figures; 1 if anything crashed, disagreed or was too slow."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--seed", default="strict")
    parser.add_argument("--jobs", type=int, default=multiprocessing.cpu_count())
    chosen = parser.parse_args()

    def progress(sofar: Outcome) -> None:
        done = sofar.accepted + sofar.refused
        if done % (50 * _CHUNK) == 0:
            print(f"… {done} of {chosen.count}", file=sys.stderr, flush=True)

    began = time.perf_counter()
    total = run_all(chosen.count, chosen.seed, chosen.jobs, progress)
    wall = time.perf_counter() - began
    slowest, which = total.worst
    for fault in (total.crashes + total.disagreements)[:20]:
        print(fault)
    files = len(_pool())
    print(f"documents       {chosen.count} from {files} files, seed '{chosen.seed}', {wall:.0f} s")
    print(f"accepted        {total.accepted}, of which entities {total.entities}")
    print(f"refused         {total.refused}")
    print(f"crashes         {len(total.crashes)}")
    print(f"disagreements   {len(total.disagreements)}")
    mean = total.seconds / chosen.count
    print(f"time of one     mean {1000 * mean:.3f} ms, worst {1000 * slowest:.1f} ms ({which})")
    return int(bool(total.crashes or total.disagreements or slowest > PROMISE))


if __name__ == "__main__":
    sys.exit(main())
