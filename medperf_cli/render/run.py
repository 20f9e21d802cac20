"""A run's summary as rows, with MedPerf's columns: model, local result, partial, from cache, error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from medperf_cli.render.table import plain

if TYPE_CHECKING:
    from medperf_cli.flows.running.benchmark_run import RunSummary

_BRIEF = 44
"""Characters of an error in the table; all of it stands below."""
COLUMNS = ("model", "local_result_uid", "partial_result", "from_cache", "seconds", "error")


def rows(summary: RunSummary) -> list[dict[str, Any]]:
    """One row a model, in the order in which they ran; errors in full, with the log's last lines."""
    return [
        {
            "model": row.model,
            "local_result_uid": row.uid,
            "partial_result": row.partial,
            "from_cache": str(row.outcome) == "cached",
            "seconds": f"{row.duration_seconds:.1f}",
            "error": f"{row.code}: {row.error}" if row.error else "",
            "logs": None if row.logs is None else str(row.logs),
        }
        for row in summary.rows
    ]


def brief(found: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The same rows with the first words of each error, so that they fit beside each other."""
    return [{**row, "error": _first_words(str(row["error"]))} for row in found]


def failures(summary: RunSummary) -> str:
    """What is not told by the error that ends the run: each failed model's error with the end of its log."""
    return "".join(
        f"{row.model} failed: {row.code}: {plain(row.error)}\n"
        + (f"  next: {row.hint}\n" if row.hint else "")
        for row in summary.untold
    )


def _first_words(error: str) -> str:
    """Up to the first semicolon or line end."""
    text = error.partition("\n")[0].partition(";")[0]
    return text if len(text) <= _BRIEF else f"{text[: _BRIEF - 1]}\N{HORIZONTAL ELLIPSIS}"
