"""Reads strict YAML line by line, as `emit` writes it: a guess, proved by writing it again."""

from __future__ import annotations

import json
import re
from typing import Any

from medperf_cli.core.strict_yaml_emit import MAX_BYTES, MAX_DEPTH, MAX_NODES

_LINE = re.compile(
    r"""
    (\ *+)                                              # indentation
    ((?:-\ )*+)                                         # dashes of sequences that start here
    (?:(WORD | "(?:[^"\\\n]|\\.)*+") :(?:\ |(?=\n)))?+  # a key
    (.*+)\n                                             # a value, unless it is on later lines
    """.replace("WORD", r"[a-z][a-z0-9./_-]*+ (?::[a-z0-9][a-z0-9./_-]*+)*+"),
    re.VERBOSE,
)
_STEP = "  "
_FIXED = {"true": True, "false": False}
_MAX_NUMBER = 32
"""Characters; the longest float has 24."""

_Line = tuple[str, str, str, str]


def guess(data: bytes) -> dict[str, Any] | None:
    """Read what `emit` may have written; None, or a wrong value, for anything else.

    What writing the value again will check is not checked here. It never raises, and reads each line once.
    """
    if len(data) > MAX_BYTES or not data.endswith(b"\n"):  # so that the pattern fits from each line's start
        return None
    try:
        reader = _Lines(data.decode("utf-8"))
        value = reader.block("", MAX_DEPTH)
    except (ValueError, IndexError):
        return None
    return value if type(value) is dict and reader.at_end else None


def _nodes(lines: list[_Line]) -> int:
    """Count keys and values: a key has a value, a dash is one."""
    return sum(len(dashes) // len(_STEP) + 2 * bool(key) for _, dashes, key, _ in lines)


class _Lines:
    """The lines of a document, and how far they were read."""

    def __init__(self, text: str) -> None:
        self._lines: list[_Line] = _LINE.findall(text)
        if len(text) > MAX_NODES and _nodes(self._lines) > MAX_NODES:  # shorter ones cannot have so many
            raise ValueError
        self._at = 0

    @property
    def at_end(self) -> bool:
        """Whether every line was read."""
        return self._at == len(self._lines)

    def block(self, pad: str, room: int) -> dict[str, Any] | list[Any]:
        """Read the mapping or sequence that starts here with indentation `pad`.

        Raises:
            ValueError, IndexError: there is none, it is deeper than `room` levels, or something odd is in it.

        """
        indent, dashes, _, _ = self._lines[self._at]
        if indent != pad or not room:
            raise ValueError
        return self._sequence(pad, room) if dashes else self._mapping(pad, room)

    def _mapping(self, pad: str, room: int) -> dict[str, Any]:
        built: dict[str, Any] = {}
        lines, end = self._lines, len(self._lines)
        while self._at < end:
            indent, dashes, key, value = lines[self._at]
            if indent != pad or dashes or not key:
                break
            self._at += 1
            if key[0] == '"':
                key = _quoted(key)
            built[key] = _scalar(value) if value else self.block(pad + _STEP, room - 1)
        return built

    def _sequence(self, pad: str, room: int) -> list[Any]:
        built: list[Any] = []
        lines, end = self._lines, len(self._lines)
        while self._at < end:
            indent, dashes, key, value = lines[self._at]
            if indent != pad or not dashes:
                break
            if key or len(dashes) > len(_STEP):  # what follows the first dash starts a block of its own
                lines[self._at] = (pad + _STEP, dashes[len(_STEP) :], key, value)
                built.append(self.block(pad + _STEP, room - 1))
            else:
                self._at += 1
                built.append(_scalar(value))
        return built


def _scalar(text: str) -> Any:
    """Read one value (raises ValueError, IndexError)."""
    first = text[0]
    if first == '"':
        return _quoted(text)
    if "a" <= first <= "z":
        return _FIXED.get(text, text)
    if text == "[]":
        return []
    if text == "{}":
        return {}
    if len(text) > _MAX_NUMBER:
        raise ValueError
    return float(text) if "." in text else int(text)


def _quoted(text: str) -> str:
    """Read text in double quotes; with an escape it is JSON, as `emit` writes it (raises ValueError)."""
    if "\\" not in text:
        return text[1:-1]
    read: str = json.loads(text)
    read.encode()  # half of a surrogate pair is an error, here as in YAML
    return read
