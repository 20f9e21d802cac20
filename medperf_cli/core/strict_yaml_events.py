"""Strict YAML read by the events of a YAML parser: slower than guessing, and it knows what is wrong where."""

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
    is_plain_ascii,
    key_complaint,
    scalar_complaint,
)
from medperf_cli.errors import DocumentError

_TOO_DEEP = f"nested deeper than {MAX_DEPTH} levels"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml, where PyYAML was built with it
_INT = re.compile(r"-?(0|[1-9][0-9]*)\Z")
_FIRST_OF_NUMBER = frozenset("-0123456789")
_INT_DIGITS = 20  # more than any allowed integer has; Python refuses to read very long ones
_FLOAT = re.compile(r"-?(0|[1-9][0-9]*)\.[0-9]+(e[+-][0-9]{2,3})?\Z")
_WORDS = {"true": True, "false": False, "null": None, "~": None, "": None}
_OTHER_STYLES = frozenset("'|>")
_STEPS: dict[type[yaml.Event], tuple[int, int]] = {
    yaml.ScalarEvent: (1, 0),
    yaml.AliasEvent: (1, 0),
    yaml.MappingStartEvent: (1, 1),
    yaml.SequenceStartEvent: (1, 1),
    yaml.MappingEndEvent: (0, -1),
    yaml.SequenceEndEvent: (0, -1),
}
"""The events that matter: keys and values they count for, and levels they go down."""
_SHOWN = 60


class _Mark(Protocol):
    """Where a parser is; both count from 0."""

    line: int
    column: int


def load_by_events(data: bytes) -> dict[str, Any]:
    """Read as `load_strict` does, without a guess.

    Each event is checked before anything is built of it, and what was built is written again.
    """
    text = _text(data)
    events = _checked_events(text)
    try:
        document = _node(next(events), events)
    finally:
        for _ in events:  # what is wrong with any of them is said before what is wrong with a value
            pass
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
    if not _is_sound(text):
        _find_fault(text)
    return text


def _is_sound(text: str) -> bool:
    """Whether there is no fault that `_find_fault` would find."""
    if not text.endswith("\n") or text.startswith("\n") or "\n\n" in text:
        return False
    if is_plain_ascii(text.replace("\n", " ")):
        return True
    return all(character == "\n" or is_allowed(character) for character in set(text)) and is_nfc(text)


def _find_fault(text: str) -> None:
    """Raise at the first line that is empty, not allowed, not normal or not ended."""
    *lines, rest = text.split("\n")
    for number, line in enumerate(lines):
        if not line:
            raise _error(number, 0, "expected no empty line")
        _check_line(number, line)
    if rest or not lines:
        raise _error(len(lines), len(rest), "expected a line break at the end of the file")


def _check_line(number: int, line: str) -> None:
    if is_plain_ascii(line):
        return
    bad = {character for character in set(line) if not is_allowed(character)}
    if bad:
        column = next(at for at, character in enumerate(line) if character in bad)
        raise _error(number, column, f"character U+{ord(line[column]):04X} is not allowed")
    if not is_nfc(line):
        raise _error(number, 0, "text is not in Unicode normal form C")


def is_too_deep(error: yaml.MarkedYAMLError) -> bool:
    """Whether libyaml's own bound on nesting (1,000 levels, newer ones only) was met before ours was."""
    return "nesting depth" in (error.problem or "")


def _parse(text: str) -> Iterator[yaml.Event]:
    loader = _LOADER(text)
    try:
        while loader.check_event():
            yield loader.get_event()
    except yaml.MarkedYAMLError as error:
        complaint = _TOO_DEEP if is_too_deep(error) else f"not YAML: {error.problem or error.context}"
        raise _at(error.problem_mark or error.context_mark, complaint) from None
    except (yaml.YAMLError, ValueError, OverflowError):  # PyYAML's escapes leak errors of chr() and int()
        raise DocumentError("not YAML: an escape that is no character") from None
    finally:
        loader.dispose()


def _checked_events(text: str) -> Iterator[yaml.Event]:
    """Yield the events of nodes and ends of collections, refusing what a strict document does not have."""
    depth = nodes = 0
    for event in _parse(text):
        step = _STEPS.get(type(event))
        if step:
            nodes += step[0]
            depth += step[1]
        complaint = None if isinstance(event, yaml.CollectionEndEvent) else _complaint(event)
        if depth > MAX_DEPTH:
            complaint = _TOO_DEEP
        elif nodes > MAX_NODES:
            complaint = f"document has more than {MAX_NODES} keys and values"
        if complaint:
            raise _at(event.start_mark, complaint)
        if step:
            yield event
    if not nodes:
        raise _error(0, 0, "expected a mapping at the top of the document")


def _complaint(event: yaml.Event) -> str | None:
    """Say what about one event, whatever stands around it, a strict document does not have."""
    if isinstance(event, yaml.ScalarEvent) and event.anchor is None and event.tag is None:  # nearly all are
        return "expected text in double quotes, on one line" if event.style in _OTHER_STYLES else None
    if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent):
        if event.anchor is not None:
            return "expected no anchor"
        return None if event.tag is None else "expected no tag"
    if isinstance(event, yaml.AliasEvent):
        return "expected no alias"
    if isinstance(event, yaml.DocumentStartEvent | yaml.DocumentEndEvent) and event.explicit:
        return "expected one document without '---', '...' or a directive"
    return None


def _node(event: yaml.Event, events: Iterator[yaml.Event]) -> Any:
    """Build the value that starts with `event`; its depth was checked, so recursion is bounded."""
    kind = type(event)
    if kind is yaml.MappingStartEvent:
        return _mapping(events)
    if kind is yaml.SequenceStartEvent:
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
    if text[0] not in _FIRST_OF_NUMBER:
        return text
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
