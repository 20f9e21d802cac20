"""How text from a cube is quoted in a message: short, and with nothing a terminal would obey."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_MAX_SHOWN = 60


def shown(text: str) -> str:
    """`text` as printable ASCII, cut to 60 characters."""
    cut = text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 3] + "..."
    return cut.encode("unicode_escape").decode("ascii")


def in_words(metric: Mapping[str, Any]) -> str:
    """One metric of a result or test, in plain values, in a few words."""
    match metric["kind"]:
        case "mean":
            return f"{metric['key']} {metric['mean']:.4g} (mean of {metric['count']})"
        case "ratio":
            whole = metric["denominator"]
            value = f"{metric['numerator'] / whole:.4g}" if whole else "undefined"
            return f"{metric['key']} {value} ({metric['numerator']:g} of {whole:g})"
        case _:
            return f"{metric['key']} {metric['value']:.4g}"
