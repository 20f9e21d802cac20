"""The one spelling of a document: which values may stand in it and how each is written."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any
from unicodedata import ucd_3_2_0 as unicode_3_2

from medperf_cli.errors import DocumentError

MAX_BYTES = 64 * 1024
MAX_DEPTH = 16
MAX_NODES = 20_000
MAX_KEY = 128
MAX_INT = 2**53 - 1

_WORD = re.compile(r"[a-z][a-z0-9]*([:./_-][a-z0-9]+)*\Z")
_YAML_11_WORDS = frozenset(["y", "n", "yes", "no", "on", "off", "true", "false", "null"])
_SOFT_HYPHEN = "\u00ad"  # invisible, though Unicode 3.2 calls it punctuation


def emit(document: Mapping[str, Any]) -> bytes:
    """Write a document in its one spelling; keys keep the order in which they come.

    Values are text, bool, int, float, mappings with text keys, and lists or tuples of them. A sequence
    in a sequence is compact, as a mapping in a sequence is: `- - 1` and, below it, `  - 2`.

    Raises:
        DocumentError: a value cannot be written (the message starts with where it stands, as `'a.0.b'`),
            or the document is larger than 64 KiB.

    """
    if not isinstance(document, Mapping):
        raise DocumentError("expected a mapping at the top of the document")
    lines = list(_Emitter().node(document, ()))
    data = "".join(f"{line}\n" for line in lines).encode()
    if len(data) > MAX_BYTES:
        raise DocumentError(f"document of {len(data)} bytes is larger than {MAX_BYTES}")
    return data


class _Emitter:
    """Writes values as lines and counts them."""

    def __init__(self) -> None:
        self.nodes = 0

    def node(self, value: Any, where: tuple[str, ...]) -> Iterator[str]:
        """Yield the lines of one value, without indentation; `where` is the path of keys to it."""
        self._count()
        if not isinstance(value, Mapping | list | tuple):
            complaint = scalar_complaint(value)
            if complaint:
                raise DocumentError(f"'{'.'.join(where)}': {complaint}")
            yield scalar(value)
        elif len(where) >= MAX_DEPTH:
            raise DocumentError(f"'{'.'.join(where)}': nested deeper than {MAX_DEPTH} levels")
        elif not value:
            yield "{}" if isinstance(value, Mapping) else "[]"
        elif isinstance(value, Mapping):
            yield from self._mapping(value, where)
        else:
            yield from self._sequence(value, where)

    def _count(self) -> None:
        """Count one key or value, as a parser would."""
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise DocumentError(f"document has more than {MAX_NODES} keys and values")

    def _mapping(self, value: Mapping[Any, Any], where: tuple[str, ...]) -> Iterator[str]:
        for key, child in value.items():
            self._count()
            complaint = key_complaint(key)
            if complaint:
                raise DocumentError(f"'{'.'.join((*where, ascii(key)))}': {complaint}")
            lines = self.node(child, (*where, key))
            if isinstance(child, Mapping | list | tuple) and child:
                yield f"{scalar(key)}:"
                yield from (f"  {line}" for line in lines)
            else:
                yield f"{scalar(key)}: {next(lines)}"

    def _sequence(self, value: list[Any] | tuple[Any, ...], where: tuple[str, ...]) -> Iterator[str]:
        for index, child in enumerate(value):
            lines = self.node(child, (*where, str(index)))
            yield f"- {next(lines)}"
            yield from (f"  {line}" for line in lines)


def scalar(value: str | float) -> str:
    """Spell one text, bool or number that `scalar_complaint` has nothing against."""
    if isinstance(value, str):
        return value if _is_word(value) else _quoted(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    mantissa, e, exponent = repr(value).partition("e")
    return f"{mantissa}{'' if '.' in mantissa else '.0'}{e}{exponent}"


def scalar_complaint(value: object) -> str | None:
    """Say why a value may not stand in a document, or None; subclasses (enums, numpy) are refused too."""
    if type(value) is str:
        return _text_complaint(value)
    if type(value) is int:
        return None if abs(value) <= MAX_INT else "integer is not between -2^53 and 2^53"
    if type(value) is float:
        good = math.isfinite(value) and not (value == 0 and math.copysign(1, value) < 0)
        return None if good else f"number {value} is not allowed: inf, nan and -0 have no one meaning"
    if type(value) is bool:
        return None
    if value is None:
        return "no null: leave the field out"
    return f"expected text, a number, a bool, a mapping or a sequence, not {type(value).__name__}"


def key_complaint(key: object) -> str | None:
    """Say why a value may not be a key, or None."""
    if type(key) is not str:
        return "a key is text"
    if len(key) > MAX_KEY:
        return f"key is longer than {MAX_KEY} characters"
    return _text_complaint(key)


def is_allowed(character: str) -> bool:
    """Whether a character other than the line break may stand in a document.

    Letters, marks, digits, punctuation and symbols, and the plain space. They are Unicode 3.2's,
    which Python carries for ever (`unicodedata.ucd_3_2_0`): with the running Python's own tables two
    readers could disagree whether a file is normal, and so whether it is valid.
    """
    if character == " ":
        return True
    return unicode_3_2.category(character)[0] in "LMNPS" and character != _SOFT_HYPHEN


def is_nfc(text: str) -> bool:
    """Whether a text of allowed characters is in Unicode normal form C (UAX #15)."""
    return text.isascii() or unicode_3_2.normalize("NFC", text) == text


def _text_complaint(text: str) -> str | None:
    if text.isascii() and text.isprintable():
        return None  # nearly all text is; every such character is allowed, and normal
    for character in text:
        if character != "\n" and not is_allowed(character):
            return f"character U+{ord(character):04X} is not allowed"
    # The spelling is looked at too: in it, a mark after a line break follows the `n` of its escape.
    if not is_nfc(text) or not is_nfc(_quoted(text)):
        return "text is not in Unicode normal form C"
    return None


def _is_word(text: str) -> bool:
    return bool(_WORD.match(text)) and text not in _YAML_11_WORDS


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
