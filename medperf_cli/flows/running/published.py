"""What of a preparation goes into the registry: hash, counts, and what statistics the owner lets out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from medperf_cli.core.stats.disclosure import statistics_violations, too_small
from medperf_cli.errors import PolicyError, UsageError
from medperf_cli.flows.running.prepared_data import PreparedData

COUNTS = ("cases", "patients")
"""Whole numbers at the top of `statistics.yaml` that a dataset is counted by; the first must be there."""
_METADATA = "metadata"
_KEYS = "name a key that --dry-run shows below `statistics`, such as `features.radius_mean`"


def prepared_fields(data: PreparedData, minimum_cell: int, without: Sequence[str] = ()) -> dict[str, Any]:
    """The field `prepared` of a dataset in operation, as plain values.

    Args:
        data: the finished preparation.
        minimum_cell: in patients; the larger of the benchmark's and the site's.
        without: dotted keys of `statistics.yaml` to leave out, such as `classes.malignant`; those of
            metadata begin with `metadata.`, and `metadata` is all of it.

    Raises:
        UsageError: a key to leave out is not there, or must stay.
        PolicyError: a number tells about too few patients, or one left out follows from those that stay.

    """
    tree: dict[str, Any] = {**data.statistics, **data.counts, _METADATA: dict(data.metadata)}
    hidden = [number for key in without for number in _numbers(_taken(tree, key))]
    metadata = tree.pop(_METADATA, {})
    counts = {key: tree.pop(key) for key in COUNTS if key in tree}
    if COUNTS[0] not in counts:
        raise UsageError(f"'{COUNTS[0]}' cannot be left out", hint="a dataset is published with its count")
    found = [
        *statistics_violations({**counts, **tree}, minimum_cell),
        *statistics_violations(metadata, minimum_cell, _METADATA),
    ]
    if found:
        raise PolicyError(
            f"the statistics tell about too few patients: {'; '.join(found)}",
            hint="leave each such key out with `--without KEY`",
        )
    _refuse_told(hidden, {**counts, **tree}, list(counts.values()), minimum_cell)
    return {"hash": data.hash, "counts": counts, "statistics": tree, "metadata": metadata}


def _taken(tree: dict[str, Any], key: str) -> Any:
    """Take what stands at a dotted key out of nested mappings (which are copied on the way)."""
    *path, last = key.split(".")
    at = tree
    for name in path:
        inner = at.get(name)
        if not isinstance(inner, Mapping):
            raise UsageError(f"there is no '{key}' to leave out", hint=_KEYS)
        at[name] = dict(inner)
        at = at[name]
    if last not in at:
        raise UsageError(f"there is no '{key}' to leave out", hint=_KEYS)
    return at.pop(last)


def _refuse_told(
    hidden: Sequence[int], shown: Mapping[str, Any], totals: Sequence[int], minimum: int
) -> None:
    """A small number left out must not be a total less one of its parts, or less all the others."""
    small = {number for number in hidden if too_small(number, minimum)}
    for level in _levels(shown):
        parts = [number for number in level.values() if _is_whole(number)]
        for total in {*totals, *parts}:
            rest = [part for part in parts if part != total]
            told = {total - part for part in rest} | {total - sum(rest)}
            if small & told:
                raise PolicyError(
                    "a number left out follows from those that stay: a total less other counts",
                    hint="leave out a second count beside it with `--without KEY`",
                )


def _levels(value: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield value
    for inner in value.values():
        if isinstance(inner, Mapping):
            yield from _levels(inner)


def _numbers(value: Any) -> Iterator[int]:
    if _is_whole(value):
        yield value
    items = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    for item in items:
        yield from _numbers(item)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
