"""Rules about taking part: benchmarks in operation, and associations with them."""

from __future__ import annotations

from collections.abc import Iterator

from medperf_cli.core.check.rules.table import Fault, rule
from medperf_cli.core.check.submission import Submission
from medperf_cli.core.entities.association import Association
from medperf_cli.core.entities.benchmark import Benchmark
from medperf_cli.core.entities.cube import Cube
from medperf_cli.core.entities.dataset import Dataset
from medperf_cli.core.entities.header import State
from medperf_cli.core.lifecycle.requirement import Role
from medperf_cli.core.names import Kind


@rule("BEN001", "a benchmark in operation rests on cubes in operation")
def cubes_in_operation(submission: Submission) -> Iterator[Fault]:
    """A cube in development may still change its container."""
    for path, benchmark in submission.judged(Benchmark):
        if benchmark.state is not State.OPERATION:
            continue
        pins = benchmark.cubes
        for pin in (pins.data_preparator, pins.reference_model, pins.metrics):
            cube = submission.after.reader.pinned(pin, Cube)
            if cube is not None and cube.state is not State.OPERATION:
                yield Fault(path, f"'{pin.path}' is in development", "medperf cube set_operational, re-pin")


@rule("BEN002", "a committee consists of members")
def committee_of_members(submission: Submission) -> Iterator[Fault]:
    """Somebody the registry does not know could not sign a decision."""
    for path, benchmark in submission.judged(Benchmark):
        for name in benchmark.committee.members:
            if submission.before.in_force(Kind.MEMBER, name) is None:
                yield Fault(
                    path, f"committee: '{name}' is not a member in force", "register the member first"
                )


@rule("ASC001", "both sides of an association are in operation")
def both_in_operation(submission: Submission) -> Iterator[Fault]:
    """What may still change cannot be taken part with."""
    for path, association in submission.of(Association):
        benchmark = submission.after.reader.pinned(association.benchmark, Benchmark)
        if benchmark is not None and benchmark.state is not State.OPERATION:
            yield Fault(path, f"'{association.benchmark.path}' is in development")
        subject = submission.after.reader.entity(association.subject.entity)
        if isinstance(subject, Cube | Dataset) and subject.state is not State.OPERATION:
            yield Fault(path, f"'{association.subject.path}' is in development", "run set_operational first")


@rule("ASC002", "only the policy in force admits without a decision")
def policy_in_force(submission: Submission) -> Iterator[Fault]:
    """What a policy is, the base says: neither an older version admits, nor one that comes in this change."""
    for path, association in submission.of(Association):
        pinned = association.benchmark.entity
        current = submission.before.in_force(Kind.BENCHMARK, pinned.id)
        if current is None and submission.after.in_force(Kind.BENCHMARK, pinned.id) is None:
            yield Fault(path, f"no version of benchmark '{pinned.id}' is in force")
        elif current != pinned and submission.after.role(path) is Role.NOBODY:
            yield Fault(path, f"'{pinned}' is not in force in the base", "sync and associate anew")


@rule("ASC003", "an association's test is of this benchmark and this subject")
def test_fits(submission: Submission) -> Iterator[Fault]:
    """It ran the benchmark's metrics cube and the model in question, and gave the benchmark's metrics."""
    for path, association in submission.of(Association):
        benchmark = submission.after.reader.pinned(association.benchmark, Benchmark)
        if benchmark is None:
            continue
        model = path.parts[2] == "models"
        tested = association.subject if model else benchmark.cubes.reference_model
        for pin in (tested, benchmark.cubes.metrics):
            if pin not in association.test.cubes:
                yield Fault(path, f"the test did not run '{pin.path}'", "associate anew with this tool")
        if set(association.test.metrics) != {m.key for m in benchmark.metrics}:
            yield Fault(path, "the test's metrics are not the benchmark's")


@rule("ASC004", "a dataset is prepared by the benchmark's data-preparator")
def same_preparator(submission: Submission) -> Iterator[Fault]:
    """Otherwise models would be compared on differently prepared data.

    A cube's versions in operation have one container; one in development may have had another.
    """
    for path, association in submission.of(Association):
        benchmark = submission.after.reader.pinned(association.benchmark, Benchmark)
        dataset = submission.after.reader.pinned(association.subject, Dataset)
        if benchmark is None or dataset is None:
            continue
        used, wanted = dataset.data_preparator.entity.id, benchmark.cubes.data_preparator.entity.id
        if used != wanted:
            yield Fault(path, f"prepared by '{used}', where the benchmark has '{wanted}'")
        preparator = submission.after.reader.pinned(dataset.data_preparator, Cube)
        if preparator is not None and preparator.state is not State.OPERATION:
            message = f"prepared by '{dataset.data_preparator.path}', which was in development"
            yield Fault(path, message, "prepare the dataset anew with the cube in operation")
