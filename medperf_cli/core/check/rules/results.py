"""Rules about results: for associated things, by the benchmark's cubes, its metrics, no small cell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from medperf_cli.core.check.rules.table import Fault, rule
from medperf_cli.core.check.submission import Submission
from medperf_cli.core.entities.association import Association
from medperf_cli.core.entities.benchmark import Benchmark
from medperf_cli.core.entities.dataset import Dataset
from medperf_cli.core.entities.fields import Pin
from medperf_cli.core.entities.header import State
from medperf_cli.core.entities.result import ReportedMetric, Result
from medperf_cli.core.names import EntityPath, Kind
from medperf_cli.core.stats.disclosure import result_violations, statistics_violations


def _association(submission: Submission, path: EntityPath, folder: str, subject: str) -> Association | None:
    """The association in force of a subject with the benchmark of a result."""
    entity_id = f"{'/'.join(path.parts[:2])}/{folder}/{subject}"
    found = submission.after.in_force(Kind.ASSOCIATION, entity_id)
    return submission.after.reader.typed(found, Association)


@rule("RES001", "a result is for an associated dataset and an associated model")
def associated(submission: Submission) -> Iterator[Fault]:
    """It pins what its associations pin; the reference model is associated by being pinned."""
    for path, result in submission.of(Result):
        benchmark = submission.after.reader.pinned(result.benchmark, Benchmark)
        dataset = _association(submission, path, "datasets", "/".join(path.parts[4:6]))
        if dataset is None:
            yield Fault(path, "its dataset is not associated with the benchmark", "medperf dataset associate")
        elif dataset.subject != result.dataset:
            yield Fault(path, f"`dataset` is not what the association pins ('{dataset.subject.path}')")
        agreed = [] if dataset is None else [dataset.benchmark]
        if benchmark is None or result.model != benchmark.cubes.reference_model:
            model = _association(submission, path, "models", "/".join(path.parts[2:4]))
            if model is None:
                yield Fault(path, "its model is not associated with the benchmark")
            else:
                agreed.append(model.benchmark)
                if model.subject != result.model:
                    yield Fault(path, f"`model` is not what the association pins ('{model.subject.path}')")
        if agreed and result.benchmark not in agreed:
            yield Fault(path, "`benchmark` is not the version its associations pin")


@rule("RES002", "a result comes from the pinned benchmark's cubes, and from those that ran")
def from_its_cubes(submission: Submission) -> Iterator[Fault]:
    """The execution record names infer by the model and evaluate by the metrics cube, nothing else."""
    for path, result in submission.of(Result):
        benchmark = submission.after.reader.pinned(result.benchmark, Benchmark)
        if benchmark is None:
            continue
        pairs: list[tuple[str, Pin, Pin]] = [
            ("cubes.data_preparator", result.cubes.data_preparator, benchmark.cubes.data_preparator),
            ("cubes.metrics", result.cubes.metrics, benchmark.cubes.metrics),
        ]
        for field, used, wanted in pairs:
            if used != wanted:
                yield Fault(path, f"field '{field}' is not the benchmark's ('{wanted.path}')")
        ran = [(task.task, task.cube) for task in result.execution.tasks]
        if ran != [("infer", result.model), ("evaluate", result.cubes.metrics)]:
            yield Fault(path, "the execution record is not infer by the model, evaluate by the metrics cube")


@rule("RES003", "a result has the benchmark's metrics")
def has_the_metrics(submission: Submission) -> Iterator[Fault]:
    """Each of them once, in its kind, or all as the cube's own numbers; nothing else leaves a site."""
    for path, result in submission.of(Result):
        benchmark = submission.after.reader.pinned(result.benchmark, Benchmark)
        if benchmark is None:
            continue
        wanted = {m.key: m for m in benchmark.metrics}
        if {m.key for m in result.metrics} != set(wanted):
            yield Fault(path, "its metrics are not exactly the benchmark's")
            continue
        for metric in result.metrics:
            if metric.kind not in (wanted[metric.key].kind, "reported"):
                yield Fault(path, f"metric '{metric.key}' is {metric.kind}, not {wanted[metric.key].kind}")
        for against in result.against:
            if not {m.key for m in against.metrics} <= set(wanted):
                yield Fault(path, f"compares other metrics with '{against.result.path}'")


@rule("RES004", "a result is compared with other models' results on the same data")
def compared_with_its_like(submission: Submission) -> Iterator[Fault]:
    """Paired differences are of one benchmark and one dataset hash, and never with a result itself."""
    for path, result in submission.of(Result):
        dataset = submission.after.reader.pinned(result.dataset, Dataset)
        for against in result.against:
            other_path = against.result.entity
            other = submission.after.reader.pinned(against.result, Result)
            if other is None or dataset is None:
                continue
            other_data = submission.after.reader.pinned(other.dataset, Dataset)
            same = other_path.parts[:2] == path.parts[:2] and other_data is not None
            if not same or other_data is None or other_data.prepared != dataset.prepared:
                yield Fault(path, f"'{other_path}' is not a result on the same data")
            if other_path.parts[2:4] == path.parts[2:4]:
                yield Fault(path, f"'{other_path}' is a result of the same model")


@rule("RES005", "a result is for things that are in force and in operation")
def still_in_force(submission: Submission) -> Iterator[Fault]:
    """The names it stands under must not have ended, even where it pins an earlier version."""
    for path, result in submission.of(Result):
        for kind, pin in (
            (Kind.BENCHMARK, result.benchmark),
            (Kind.CUBE, result.model),
            (Kind.DATASET, result.dataset),
        ):
            current = submission.after.in_force(kind, pin.entity.id)
            entity = None if current is None else submission.after.reader.entity(current)
            if getattr(entity, "state", None) is not State.OPERATION:
                yield Fault(path, f"{kind} '{pin.entity.id}' is not in force and in operation")


@rule("RES006", "a result counts no more than its dataset")
def within_its_dataset(submission: Submission) -> Iterator[Fault]:
    """Patients or cases beyond those the dataset was registered with do not exist."""
    for path, result in submission.of(Result):
        dataset = submission.after.reader.pinned(result.dataset, Dataset)
        known = None if dataset is None or dataset.prepared is None else dataset.prepared.counts
        limit = None if known is None else counted_in(known, result.unit)
        for metric in result.metrics:
            if limit is not None and not isinstance(metric, ReportedMetric) and metric.count > limit:
                message = f"metric '{metric.key}' counts {metric.count}, its dataset {limit}"
                yield Fault(path, message, "evaluate the registered dataset, and nothing else")


def counted_in(counts: Mapping[str, int], unit: str | None) -> int | None:
    """How many patients or cases a dataset was registered with; every case is at most one patient."""
    return counts.get("patients", counts.get("cases")) if unit == "patient" else counts.get("cases")


@rule("DIS001", "no cell of a result is below the benchmark's minimum")
def no_small_cell(submission: Submission) -> Iterator[Fault]:
    """A count of few patients can point at one of them; the site prevents it before signing."""
    for path, result in submission.of(Result):
        benchmark = submission.after.reader.pinned(result.benchmark, Benchmark)
        if benchmark is not None:
            for violation in result_violations(result, benchmark.disclosure.minimum_cell):
                yield Fault(path, violation, "withhold this result, or pool more patients")


@rule("DIS002", "no count a dataset publishes is below the benchmark's minimum")
def no_small_count(submission: Submission) -> Iterator[Fault]:
    """Counts, statistics and metadata pass the same rule as results."""
    for path, dataset in submission.of(Dataset):
        benchmark = submission.after.reader.pinned(dataset.benchmark, Benchmark)
        if benchmark is None or dataset.prepared is None:
            continue
        published = dataset.prepared
        for name, mapping in (
            ("counts", published.counts),
            ("statistics", published.statistics),
            ("metadata", published.metadata),
        ):
            for violation in statistics_violations(mapping, benchmark.disclosure.minimum_cell):
                yield Fault(path, f"prepared.{name}: {violation}", "leave the key out")
