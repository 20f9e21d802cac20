"""A compatibility test for people: what was tested, on what, and the numbers, which do not leave."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from medperf_cli.core.quoting import one_line
from medperf_cli.core.stats.wording import in_words
from medperf_cli.render.table import plain

COLUMNS = ("uid", "outcome", "model", "benchmark", "data", "when")
_FIELDS = ("uid", "outcome", "when", "benchmark", "data_preparator", "model", "metrics_cube", "data", "logs")


def record_text(record: Mapping[str, Any]) -> str:
    """One field a line, then the metrics, then the error with the end of the log if it failed."""
    lines = [f"{field.replace('_', ' ')}: {one_line(str(record.get(field) or '-'))}" for field in _FIELDS]
    lines += [f"  {one_line(in_words(metric))}" for metric in record.get("metrics") or ()]
    error = plain(str(record.get("error") or ""))
    return "\n".join([*lines, *([error] if error else [])]) + "\n"
