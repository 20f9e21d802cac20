"""Strict YAML: the bytes of a registry file as plain values, or the reason why not."""

from __future__ import annotations

from typing import Any

from medperf_cli.core.strict_yaml_emit import emit
from medperf_cli.core.strict_yaml_lines import guess
from medperf_cli.errors import DocumentError

__all__ = ["emit", "load_strict"]


def load_strict(data: bytes) -> dict[str, Any]:
    """Read one document of strict YAML; what is accepted means the same to any YAML 1.1 or 1.2 reader.

    Only the one spelling that `emit` gives passes, so neither comments nor quirks of a parser survive. A
    guess whose spelling is these bytes is what they mean (ADR 0026); all else goes through a real parser.

    Args:
        data: the whole file.

    Returns:
        Mappings (in the file's order), lists, text, bools, ints below 2^53 and finite floats.

    Raises:
        DocumentError: naming line, column and what was expected.

    """
    guessed = guess(data)
    if guessed is not None and _is_spelled(guessed, data):
        return guessed
    from medperf_cli.core.strict_yaml_events import load_by_events  # noqa: PLC0415 - start-up time

    return load_by_events(data)


def _is_spelled(document: dict[str, Any], data: bytes) -> bool:
    try:
        return emit(document) == data
    except DocumentError:
        return False
