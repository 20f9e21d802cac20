"""Rules about references: every pin resolves, to the right sort of thing, which counts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from medperf_cli.core.check.rules.table import Fault, rule
from medperf_cli.core.check.submission import Submission
from medperf_cli.core.entities.association import Association
from medperf_cli.core.entities.benchmark import Benchmark
from medperf_cli.core.entities.cube import Cube, CubeType
from medperf_cli.core.entities.dataset import Dataset
from medperf_cli.core.entities.fields import Pin
from medperf_cli.core.entities.header import Entity
from medperf_cli.core.entities.result import Result
from medperf_cli.core.names import EntityPath, Kind

NAMED = frozenset({Kind.CUBE, Kind.BENCHMARK, Kind.DATASET, Kind.RESULT})
"""What a reference may be about; a reference to another kind is of the wrong sort."""


class Reference(NamedTuple):
    """One pin in a file: the field it stands in, and what it must point at."""

    field: str
    pin: Pin
    kind: Kind
    id: str | None = None
    cube: CubeType | None = None


def references(path: EntityPath, entity: Entity) -> Iterator[Reference]:
    """The references of an entity (decisions have their own rules)."""
    match entity:
        case Benchmark():
            cubes = entity.cubes
            yield Reference(
                "cubes.data_preparator", cubes.data_preparator, Kind.CUBE, cube=CubeType.DATA_PREPARATOR
            )
            yield Reference("cubes.reference_model", cubes.reference_model, Kind.CUBE, cube=CubeType.MODEL)
            yield Reference("cubes.metrics", cubes.metrics, Kind.CUBE, cube=CubeType.METRICS)
        case Dataset():
            yield Reference(
                "data_preparator", entity.data_preparator, Kind.CUBE, cube=CubeType.DATA_PREPARATOR
            )
            yield Reference("benchmark", entity.benchmark, Kind.BENCHMARK)
        case Association():
            yield from _of_association(path, entity)
        case Result():
            yield from _of_result(path, entity)
        case _:
            return


def _of_association(path: EntityPath, entity: Association) -> Iterator[Reference]:
    model = path.parts[2] == "models"
    subject = "/".join(path.parts[3:5])
    yield Reference("benchmark", entity.benchmark, Kind.BENCHMARK, "/".join(path.parts[:2]))
    yield Reference(
        "subject",
        entity.subject,
        Kind.CUBE if model else Kind.DATASET,
        subject,
        CubeType.MODEL if model else None,
    )
    for index, pin in enumerate(entity.test.cubes):
        yield Reference(f"test.cubes.{index}", pin, Kind.CUBE)


def _of_result(path: EntityPath, entity: Result) -> Iterator[Reference]:
    benchmark, model, dataset = ("/".join(path.parts[i : i + 2]) for i in (0, 2, 4))
    yield Reference("benchmark", entity.benchmark, Kind.BENCHMARK, benchmark)
    yield Reference("model", entity.model, Kind.CUBE, model, CubeType.MODEL)
    yield Reference("dataset", entity.dataset, Kind.DATASET, dataset)
    yield Reference(
        "cubes.data_preparator", entity.cubes.data_preparator, Kind.CUBE, cube=CubeType.DATA_PREPARATOR
    )
    yield Reference("cubes.metrics", entity.cubes.metrics, Kind.CUBE, cube=CubeType.METRICS)
    for index, task in enumerate(entity.execution.tasks):
        yield Reference(f"execution.tasks.{index}.cube", task.cube, Kind.CUBE)
    for index, against in enumerate(entity.against):
        yield Reference(f"against.{index}.result", against.result, Kind.RESULT)


def _all(entities: Iterable[tuple[EntityPath, Entity]]) -> Iterator[tuple[EntityPath, Reference]]:
    for path, entity in entities:
        for reference in references(path, entity):
            yield path, reference


@rule("REF001", "every reference resolves to exactly the bytes it names")
def resolves(submission: Submission) -> Iterator[Fault]:
    """A pin names a path and the SHA-256 of the file there, in the base or in the same change."""
    for path, ref in _all(submission.of(Entity)):
        digest = submission.after.reader.digest(ref.pin.entity)
        if digest is None:
            yield Fault(path, f"field '{ref.field}': '{ref.pin.path}' is not in the registry")
        elif digest != ref.pin.sha256:
            yield Fault(path, f"field '{ref.field}': '{ref.pin.path}' has other bytes than the digest named")


@rule("REF002", "what is referenced counts")
def is_effective(submission: Submission) -> Iterator[Fault]:
    """Nothing rests on what is pending, revoked or withdrawn, nor on a name whose last version ended.

    An earlier version of a name that goes on is fine: what a number depends on does not change.
    """
    after = submission.after
    for path, ref in _all(submission.judged(Entity)):
        target = ref.pin.entity
        if not after.reader.holds(ref.pin):
            continue
        if not after.effective(ref.pin):
            yield Fault(path, f"field '{ref.field}': '{ref.pin.path}' is {after.standing(target)}")
        elif target.kind in NAMED and after.in_force(target.kind, target.id) is None:
            ended = after.latest(target.kind, target.id)
            yield Fault(path, f"field '{ref.field}': '{target.id}' ended with '{ended}'")


@rule("REF003", "a reference is of the right sort")
def right_sort(submission: Submission) -> Iterator[Fault]:
    """A data-preparator stands where a data-preparator is asked for; ids in the path and in pins agree."""
    for path, ref in _all(submission.of(Entity)):
        target = ref.pin.entity
        if target.kind is not ref.kind:
            yield Fault(path, f"field '{ref.field}' names a {target.kind}, not a {ref.kind}")
        elif ref.id is not None and target.id != ref.id:
            yield Fault(path, f"field '{ref.field}' names '{target.id}', the path '{ref.id}'")
        elif ref.cube is not None:
            cube = submission.after.reader.typed(target, Cube)
            if cube is not None and cube.type is not ref.cube:
                yield Fault(path, f"field '{ref.field}' names a {cube.type} cube, not a {ref.cube} cube")
