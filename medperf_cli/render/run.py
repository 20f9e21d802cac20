"""A run's summary as rows, with MedPerf's columns: model, local result, partial, from cache, error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from medperf_cli.flows.running.benchmark_run import RunSummary

COLUMNS = ("model", "local_result_uid", "partial_result", "from_cache", "seconds", "error")


def rows(summary: RunSummary) -> list[dict[str, Any]]:
    """One row a model, in the order in which they ran."""
    return [
        {
            "model": row.model,
            "local_result_uid": row.uid,
            "partial_result": row.partial,
            "from_cache": str(row.outcome) == "cached",
            "seconds": f"{row.duration_seconds:.1f}",
            "error": f"{row.code}: {row.error}" if row.error else "",
        }
        for row in summary.rows
    ]
