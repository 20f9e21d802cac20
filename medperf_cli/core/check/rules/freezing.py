"""Rules about operation: what a number depends on is frozen, per name."""

from __future__ import annotations

from collections.abc import Iterator

from medperf_cli.core.check.rules.table import Fault, rule
from medperf_cli.core.check.submission import Submission
from medperf_cli.core.entities.benchmark import Benchmark
from medperf_cli.core.entities.cube import Cube
from medperf_cli.core.entities.dataset import Dataset
from medperf_cli.core.entities.header import Entity, State
from medperf_cli.core.lifecycle.requirement import changed_fields
from medperf_cli.core.lifecycle.standing import Standing
from medperf_cli.core.names import EntityPath

FROZEN: dict[type[Entity], frozenset[str]] = {
    Cube: frozenset({"type", "container", "parameters", "additional_files"}),
    Dataset: frozenset({"data_preparator", "benchmark", "prepared"}),
    Benchmark: frozenset({"cubes", "metrics", "groups", "ranking", "demo_dataset", "disclosure", "release"}),
}
"""Per kind, the fields that a version in operation fixes for its name, for ever."""


def _in_operation(submission: Submission, path: EntityPath) -> Iterator[tuple[EntityPath, Entity]]:
    """Earlier versions of the same name that were in operation and counted, pending ones left out."""
    for earlier in submission.after.reader.versions(path.kind, path.id):
        entity = submission.after.reader.entity(earlier)
        state = getattr(entity, "state", None)
        if earlier.version >= path.version or state is not State.OPERATION or entity is None:
            continue
        if _once_counted(submission, earlier):
            yield earlier, entity


def _once_counted(submission: Submission, earlier: EntityPath) -> bool:
    """Whether a version ever had an effect; format 1 takes one withdrawn while it waited for such a one."""
    if submission.format == 1:
        return submission.after.standing(earlier) is not Standing.PENDING
    return submission.after.counted(earlier)


@rule("FRZ001", "operation freezes what a number depends on")
def frozen(submission: Submission) -> Iterator[Fault]:
    """Another container, dataset hash or metric is another name, so numbers of one name stay comparable."""
    for path, entity in submission.judged(Entity):
        fields = FROZEN.get(type(entity))
        if fields is None:
            continue
        for earlier, old in _in_operation(submission, path):
            for field in sorted(changed_fields(old, entity) & fields):
                message = f"field '{field}' is frozen since '{earlier}' is in operation"
                yield Fault(path, message, "submit it under another name")


@rule("FRZ002", "operation is never taken back")
def never_back(submission: Submission) -> Iterator[Fault]:
    """Development leads to operation; what should end is withdrawn or revoked."""
    for path, entity in submission.judged(Entity):
        if type(entity) in FROZEN and getattr(entity, "state", None) is State.DEVELOPMENT:
            for earlier, _ in _in_operation(submission, path):
                yield Fault(path, f"goes back to development after '{earlier}'", "withdraw it instead")
