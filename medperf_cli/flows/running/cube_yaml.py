"""YAML that a cube wrote (statistics, reports, metadata), read with the same suspicion as its results."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from medperf_cli.core.stats.results_file import parse_results
from medperf_cli.core.stats.wording import shown
from medperf_cli.errors import ContainerError

_HINT = "tell the cube's owner: the file comes from the cube"


def load_cube_yaml(data: bytes, what: str) -> dict[str, Any]:
    """One mapping; `what` names the file in messages.

    Raises:
        ContainerError: as `parse_results`.

    """
    try:
        return parse_results(data)
    except ContainerError as error:
        problem = error.message.partition(": ")[2]
        raise ContainerError(f"{what} cannot be used: {problem}", hint=_HINT) from None


def refuse_not_finite(document: Mapping[str, Any], what: str) -> None:
    """Raise ContainerError naming the first number that is NaN or infinite."""
    for key, value in _leaves(document, ""):
        if isinstance(value, float) and not math.isfinite(value):
            raise ContainerError(f"{what} cannot be used: '{shown(key)}' is {value}", hint=_HINT)


def _leaves(value: Any, key: str) -> Iterator[tuple[str, Any]]:
    items: Sequence[tuple[Any, Any]]
    if isinstance(value, Mapping):
        items = list(value.items())
    elif isinstance(value, list | tuple):
        items = list(enumerate(value))
    else:
        yield key, value
        return
    for name, item in items:
        yield from _leaves(item, f"{key}.{name}" if key else str(name))
