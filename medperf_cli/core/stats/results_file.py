"""The results file (`results.yaml`) of a metrics cube, read from bytes nobody vouches for.

Cubes write it with whatever YAML library they have, so the registry's own one-spelling YAML is too narrow
here. What is read is YAML's JSON-like part: mappings, sequences and plain scalars, without aliases and
tags.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from medperf_cli.core.stats.wording import shown
from medperf_cli.core.strict_yaml_events import is_too_deep
from medperf_cli.errors import ContainerError

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 32

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_HINT = (
    "`results.yaml` comes from the metrics cube; tell its owner, and run its task again with a corrected cube"
)
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})\Z")
_FLOAT = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?\Z")
_NOT_FINITE = re.compile(r"[-+]?\.?(nan|inf|infinity)\Z", re.IGNORECASE)
_WORDS: Mapping[str, bool | None] = {"null": None, "~": None, "": None, "true": True, "false": False}


def parse_results(data: bytes) -> dict[str, Any]:
    """Read a results file into nested dicts (keys as text), lists, numbers, booleans, text and None.

    Numbers are read as YAML 1.2 does (`1e-5` is one, `1_000` and `12:30` are text); `.nan` and `.inf` are
    kept, because a cube may write them where no metric looks (`number_at` refuses them where one does).

    Raises:
        ContainerError: not UTF-8, not YAML, more than one document, not a mapping, a key that stands twice,
            an alias or tag, nested deeper than 32, larger than 1 MiB.

    """
    if len(data) > MAX_BYTES:
        raise _error(f"it has {len(data)} bytes, more than {MAX_BYTES}")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _error("it is not UTF-8") from None
    try:
        return _document(iter(yaml.parse(text, Loader=_LOADER)))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        if is_too_deep(error):
            raise _too_deep(line) from None
        raise _error(f"line {line} is not YAML: {error.problem}") from None
    except yaml.YAMLError:
        raise _error("it holds characters that YAML forbids") from None


def lookup(results: Mapping[str, Any], path: str) -> Any:
    """What stands at a dotted path; None if nothing does."""
    found: Any = results
    for key in path.split("."):
        if not isinstance(found, Mapping):
            return None
        found = found.get(key)
    return found


def number_at(results: Mapping[str, Any], path: str, metric: str) -> float | None:
    """The finite number at a dotted path; None if nothing (or `null`) stands there.

    Raises:
        ContainerError: naming `metric`, if what stands there is no number, NaN or infinite.

    """
    found = lookup(results, path)
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, int | float):
        what = f"'{shown(found)}'" if isinstance(found, str) else f"a {type(found).__name__}"
        raise _error(f"metric '{metric}' is {what} at '{path}', where a number is expected")
    if not math.isfinite(found):
        raise _error(f"metric '{metric}' is {found} at '{path}', where a finite number is expected")
    return float(found)


def _error(problem: str) -> ContainerError:
    return ContainerError(f"'results.yaml' of the metrics cube cannot be used: {problem}", hint=_HINT)


def _too_deep(line: int) -> ContainerError:
    return _error(f"line {line} is nested deeper than {MAX_DEPTH}")


def _document(events: Iterator[Any]) -> dict[str, Any]:
    next(events)  # the start of the stream
    if isinstance(next(events), yaml.StreamEndEvent):
        raise _error("it is empty")
    found = _node(events, next(events), 1)
    next(events)  # the end of the document
    if not isinstance(next(events), yaml.StreamEndEvent):
        raise _error("it holds more than one document")
    if not isinstance(found, dict):
        raise _error("it is not a mapping")
    return found


def _node(events: Iterator[Any], event: Any, depth: int) -> Any:
    """Build one node from events, which come as the file is read: each is judged before it is built."""
    line = event.start_mark.line + 1
    if depth > MAX_DEPTH:
        raise _too_deep(line)
    if isinstance(event, yaml.AliasEvent):
        raise _error(f"line {line} refers to another place by an alias: write the value itself")
    if event.tag is not None:
        raise _error(f"line {line} has the tag '{shown(event.tag)}': write plain numbers and text")
    if isinstance(event, yaml.ScalarEvent):
        return _scalar(event.value) if event.implicit[0] else event.value
    if isinstance(event, yaml.SequenceStartEvent):
        return [_node(events, item, depth + 1) for item in _until(events, yaml.SequenceEndEvent)]
    return _mapping(events, depth)


def _until(events: Iterator[Any], end: type[yaml.Event]) -> Iterator[Any]:
    """The events up to the next one of class `end`, which is taken too."""
    for event in events:
        if isinstance(event, end):
            return
        yield event


def _mapping(events: Iterator[Any], depth: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for event in _until(events, yaml.MappingEndEvent):
        line = event.start_mark.line + 1
        if not isinstance(event, yaml.ScalarEvent):
            raise _error(f"line {line} has a key that is not plain text")
        if event.value in found:
            raise _error(f"key '{shown(event.value)}' stands again in line {line}")
        found[event.value] = _node(events, next(events), depth + 1)
    return found


def _scalar(text: str) -> float | bool | str | None:
    """A plain scalar by YAML 1.2's core schema (10.3.2), without octal and hexadecimal numbers."""
    if _INTEGER.match(text):
        return int(text)
    if _FLOAT.match(text):
        return float(text)
    if _NOT_FINITE.match(text):
        return float(text.replace(".", ""))
    return _WORDS.get(text.lower(), text)
