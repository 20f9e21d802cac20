"""Whether a run looked at the whole dataset, and at nothing else."""

from __future__ import annotations

from medperf_cli.core.entities.dataset import Dataset
from medperf_cli.core.stats.cases import Cases
from medperf_cli.errors import ContainerError


def unseen_cases(dataset: Dataset, cases: Cases | None) -> int:
    """How many of the dataset's cases the metrics cube says nothing about; such a result is partial.

    Raises:
        ContainerError: it tells of more cases or patients than the dataset was registered with.

    """
    counts = {} if dataset.prepared is None else dataset.prepared.counts
    if cases is None:
        return 0
    told = {"cases": len(cases.ids), "patients": len(cases.units) if cases.unit == "patient" else 0}
    for what, number in told.items():
        if number > counts.get(what, number):
            raise ContainerError(
                f"`cases.csv` tells of {number} {what}, the dataset has {counts[what]}",
                hint="the metrics cube counts what is not in the data; tell its owner",
            )
    return max(0, counts.get("cases", 0) - told["cases"])
