"""Strict YAML: the bytes of a registry file as plain values, or the reason why not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import takewhile, zip_longest
from typing import Any, Protocol

import yaml

from medperf_cli.core.strict_yaml_emit import (
    MAX_BYTES,
    MAX_DEPTH,
    MAX_NODES,
    emit,
    is_allowed,
    is_nfc,
    key_complaint,
    scalar_complaint,
)
from medperf_cli.errors import DocumentError

__all__ = ["emit", "load_strict"]

_TOO_DEEP = f"nested deeper than {MAX_DEPTH} levels"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml, where PyYAML was built with it
_INT = re.compile(r"-?(0|[1-9][0-9]*)\Z")
_INT_DIGITS = 20  # more than any allowed integer has; Python refuses to read very long ones
_FLOAT = re.compile(r"-?(0|[1-9][0-9]*)\.[0-9]+(e[+-][0-9]{2,3})?\Z")
_WORDS = {"true": True, "false": False, "null": None, "~": None, "": None}
_SHOWN = 60


class _Mark(Protocol):
    """Where a parser is; both count from 0."""

    line: int
    column: int


def load_strict(data: bytes) -> dict[str, Any]:
    """Read one document of strict YAML; what is accepted means the same to any YAML 1.1 or 1.2 reader.

    Each parser event is checked before anything is built, and what was built is written again: only
    the one spelling that `emit` gives passes, so neither comments nor quirks of a parser survive.

    Args:
        data: the whole file.

    Returns:
        Mappings (in the file's order), lists, text, bools, ints below 2^53 and finite floats.

    Raises:
        DocumentError: naming line, column and what was expected.

    """
    text = _text(data)
    events = iter(list(_checked_events(text)))
    document = _node(next(events), events)
    if not isinstance(document, dict):
        raise _error(0, 0, "expected a mapping at the top of the document")
    _compare(text, emit(document).decode())
    return document


def _text(data: bytes) -> str:
    """Decode, and check what can be checked without a parser."""
    if len(data) > MAX_BYTES:
        raise DocumentError(f"document of {len(data)} bytes is larger than {MAX_BYTES}")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line_start = data.rfind(b"\n", 0, error.start) + 1
        raise _error(data.count(b"\n", 0, error.start), error.start - line_start, "expected UTF-8") from None
    *lines, rest = text.split("\n")
    for number, line in enumerate(lines):
        if not line:
            raise _error(number, 0, "expected no empty line")
        _check_line(number, line)
    if rest or not lines:
        raise _error(len(lines), len(rest), "expected a line break at the end of the file")
    return text


def _check_line(number: int, line: str) -> None:
    for column, character in enumerate(line):
        if not is_allowed(character):
            raise _error(number, column, f"character U+{ord(character):04X} is not allowed")
    if not is_nfc(line):
        raise _error(number, 0, "text is not in Unicode normal form C")


def is_too_deep(error: yaml.MarkedYAMLError) -> bool:
    """Whether libyaml's own bound on nesting (1,000 levels, newer ones only) was met before ours was."""
    return "nesting depth" in (error.problem or "")


def _parse(text: str) -> Iterator[yaml.Event]:
    try:
        yield from yaml.parse(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        complaint = _TOO_DEEP if is_too_deep(error) else f"not YAML: {error.problem or error.context}"
        raise _at(error.problem_mark or error.context_mark, complaint) from None
    except (yaml.YAMLError, ValueError, OverflowError):  # PyYAML's escapes leak errors of chr() and int()
        raise DocumentError("not YAML: an escape that is no character") from None


def _checked_events(text: str) -> Iterator[yaml.NodeEvent | yaml.CollectionEndEvent]:
    """Yield the events of nodes and ends of collections, refusing what a strict document does not have."""
    depth = nodes = 0
    for event in _parse(text):
        nodes += isinstance(event, yaml.NodeEvent)
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        complaint = _complaint(event)
        if depth > MAX_DEPTH:
            complaint = _TOO_DEEP
        elif nodes > MAX_NODES:
            complaint = f"document has more than {MAX_NODES} keys and values"
        if complaint:
            raise _at(event.start_mark, complaint)
        if isinstance(event, yaml.NodeEvent | yaml.CollectionEndEvent):
            yield event
    if not nodes:
        raise _error(0, 0, "expected a mapping at the top of the document")


def _complaint(event: yaml.Event) -> str | None:
    """Say what about one event, whatever stands around it, a strict document does not have."""
    match event:
        case yaml.DocumentStartEvent(explicit=True) | yaml.DocumentEndEvent(explicit=True):
            return "expected one document without '---', '...' or a directive"
        case yaml.AliasEvent():
            return "expected no alias"
        case yaml.NodeEvent(anchor=str()):
            return "expected no anchor"
        case yaml.ScalarEvent(tag=str()) | yaml.CollectionStartEvent(tag=str()):
            return "expected no tag"
        case yaml.ScalarEvent(style="'" | "|" | ">"):
            return "expected text in double quotes, on one line"
    return None


def _node(event: yaml.Event, events: Iterator[yaml.Event]) -> Any:
    """Build the value that starts with `event`; its depth was checked, so recursion is bounded."""
    match event:
        case yaml.MappingStartEvent():
            return _mapping(events)
        case yaml.SequenceStartEvent():
            return _sequence(events)
    value = _scalar(event)
    complaint = scalar_complaint(value)
    if complaint:
        raise _at(event.start_mark, complaint)
    return value


def _sequence(events: Iterator[yaml.Event]) -> list[Any]:
    built = []
    while not isinstance(event := next(events), yaml.SequenceEndEvent):
        built.append(_node(event, events))
    return built


def _mapping(events: Iterator[yaml.Event]) -> dict[str, Any]:
    built: dict[str, Any] = {}
    while not isinstance(event := next(events), yaml.MappingEndEvent):
        key = _scalar(event)
        complaint = key_complaint(key)
        if key in built:
            complaint = f"key '{key}' stands here a second time"
        if complaint:
            raise _at(event.start_mark, complaint)
        built[key] = _node(next(events), events)
    return built


def _scalar(event: yaml.Event) -> Any:
    """Read a scalar; None where there is none. Text that should have had quotes is found by `_compare`."""
    if not isinstance(event, yaml.ScalarEvent):
        return None
    text: str = event.value
    if event.style:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INT.match(text):
        return int(text[:_INT_DIGITS])
    return float(text) if _FLOAT.match(text) else text


def _compare(text: str, spelling: str) -> None:
    """Raise at the first line that is not spelled as `emit` does."""
    if text == spelling:
        return
    lines = zip_longest(text.split("\n"), spelling.split("\n"), fillvalue="")
    number, is_, should = next((n, a, b) for n, (a, b) in enumerate(lines) if a != b)
    same = (a == b for a, b in zip(is_, should, strict=False))
    column = sum(takewhile(bool, same))
    raise _error(number, column, f"expected `{_short(should)}`, found `{_short(is_)}`")


def _short(line: str) -> str:
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…"


def _at(mark: _Mark | None, complaint: str) -> DocumentError:
    return _error(mark.line, mark.column, complaint) if mark else DocumentError(complaint)


def _error(line: int, column: int, complaint: str) -> DocumentError:
    """Build the error; the parser counts lines and columns from 0, people from 1."""
    return DocumentError(f"line {line + 1}, column {column + 1}: {complaint}")
