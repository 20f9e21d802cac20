"""The one spelling of a document: which values may stand in it and how each is written."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from functools import lru_cache
from itertools import pairwise
from typing import Any
from unicodedata import ucd_3_2_0 as unicode_3_2

from medperf_cli.errors import DocumentError

MAX_BYTES = 64 * 1024
MAX_DEPTH = 16
MAX_NODES = 20_000
MAX_KEY = 128
MAX_INT = 2**53 - 1
_SHORT = 64
"""Characters of texts that are worth remembering."""

_WORD = re.compile(r"[a-z][a-z0-9]*+([:./_-][a-z0-9]++)*+\Z")
_YAML_11_WORDS = frozenset(["y", "n", "yes", "no", "on", "off", "true", "false", "null"])
_SOFT_HYPHEN = "\u00ad"  # invisible, though Unicode 3.2 calls it punctuation
_COLLECTIONS = (dict, list, tuple, Mapping)
_FIRST_MARK = "\u0300"
"""What comes before it in Unicode is normal in any order."""
_DOUBLE_MARKS = frozenset("\u0344\u0f73\u0f75\u0f81")
"""Marks that every normal form takes apart, into marks alone: Unicode's "non-starter decompositions"."""


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
    emitter = _Emitter()
    try:
        emitter.block(document, "", "", MAX_DEPTH)
    except _BadValueError as error:
        raise DocumentError(f"'{'.'.join(reversed(error.where))}': {error.complaint}") from None
    data = "".join(emitter.lines).encode()
    if len(data) > MAX_BYTES:
        raise DocumentError(f"document of {len(data)} bytes is larger than {MAX_BYTES}")
    return data


class _BadValueError(Exception):
    """A value that may not stand in a document; `where` grows from the inside out."""

    def __init__(self, complaint: str, *where: str) -> None:
        self.complaint = complaint
        self.where = list(where)


class _Emitter:
    """Appends the lines of values to `lines` and counts keys and values, as a parser would."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._nodes = 1

    def block(self, value: Any, lead: str, pad: str, room: int) -> None:
        """Write a mapping or sequence; empty ones are scalars, but for the document itself.

        Args:
            value: what to write.
            lead: what stands before its first entry: the indentation, and the dashes of sequences it begins.
            pad: the indentation of its other entries.
            room: how many levels there may still be, this one counted.

        """
        if room <= 0:
            raise _BadValueError(f"nested deeper than {MAX_DEPTH} levels")
        is_mapping = isinstance(value, Mapping)
        self._nodes += 2 * len(value) if is_mapping else len(value)
        if self._nodes > MAX_NODES:
            raise DocumentError(f"document has more than {MAX_NODES} keys and values")
        if not value:
            self.lines.append("{}\n")
        elif is_mapping:
            self._mapping(value, lead, pad, room)
        else:
            self._sequence(value, lead, pad, room)

    def _mapping(self, value: Mapping[Any, Any], lead: str, pad: str, room: int) -> None:
        deeper = f"{pad}  "
        for key, child in value.items():
            start = f"{lead}{_key(key)}:"
            try:
                if (spelled := _entry(child, room)) is None:
                    self.lines.append(f"{start}\n")
                    self.block(child, deeper, deeper, room - 1)
                else:
                    self.lines.append(f"{start} {spelled}\n")
            except _BadValueError as error:
                error.where.append(key)
                raise
            lead = pad

    def _sequence(self, value: list[Any] | tuple[Any, ...], lead: str, pad: str, room: int) -> None:
        deeper = f"{pad}  "
        for index, child in enumerate(value):
            try:
                if (spelled := _entry(child, room)) is None:
                    self.block(child, f"{lead}- ", deeper, room - 1)
                else:
                    self.lines.append(f"{lead}- {spelled}\n")
            except _BadValueError as error:
                error.where.append(str(index))
                raise
            lead = pad


def _entry(value: Any, room: int) -> str | None:
    """Spell what stands behind its key or dash; None for a mapping or sequence on lines of its own."""
    kind = type(value)
    if kind is str:
        return _short_text(value) if len(value) <= _SHORT else _text(value)
    if kind is float:
        spelled = repr(value)
        if value and "e" not in spelled and "n" not in spelled:  # neither 0 or -0, nor inf or nan
            return spelled
    elif kind is int and -MAX_INT <= value <= MAX_INT:
        return str(value)
    elif isinstance(value, _COLLECTIONS):
        if value:
            return None
        if room <= 1:
            raise _BadValueError(f"nested deeper than {MAX_DEPTH} levels")
        return "{}" if isinstance(value, Mapping) else "[]"
    complaint = scalar_complaint(value)
    if complaint:
        raise _BadValueError(complaint)
    return _number(value)


@lru_cache(maxsize=8192)
def _short_text(text: str) -> str:
    """Spell a text of a bounded length: names, paths and words stand in many files."""
    return _text(text)


def _text(text: str) -> str:
    """Spell a text, or raise; the two common sorts of text come first."""
    if _is_word(text):
        return text
    if is_plain_ascii(text):
        return _quoted(text) if '"' in text or "\\" in text else f'"{text}"'
    complaint = _text_complaint(text)
    if complaint:
        raise _BadValueError(complaint)
    return _quoted(text)


def _key(key: Any) -> str:
    """Spell a key, or raise."""
    if type(key) is str and len(key) <= MAX_KEY:
        return _known_key(key)
    raise _BadValueError(key_complaint(key) or "", ascii(key))


@lru_cache(maxsize=2048)
def _known_key(key: str) -> str:
    """Spell a key of a bounded length: the same few stand in every file."""
    try:
        return _text(key)
    except _BadValueError as error:
        error.where.append(ascii(key))
        raise


def _number(value: float) -> str:
    """Spell a bool or number that `scalar_complaint` has nothing against."""
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


def is_plain_ascii(text: str) -> bool:
    """Whether a text is of space and visible ASCII alone: all of it is allowed, and normal."""
    return text.isascii() and text.isprintable()


def is_nfc(text: str) -> bool:
    """Whether a text of allowed characters is in Unicode normal form C (UAX #15).

    Normalizing sorts each run of marks by their classes, and Python takes the square of its length for that:
    a second and more for one document. No normal form has marks out of order, nor one of `_DOUBLE_MARKS`
    (which would be out of order once taken apart), so text with such is refused first, and what is left to
    sort is in order already but for the two or three marks that one letter is taken apart into.
    """
    if text.isascii() or max(text) < _FIRST_MARK:
        return True
    classes = list(map(unicode_3_2.combining, text))
    if any(classes) and any(after and before > after for before, after in pairwise(classes)):
        return False
    if not _DOUBLE_MARKS.isdisjoint(text):
        return False
    return unicode_3_2.normalize("NFC", text) == text


def _text_complaint(text: str) -> str | None:
    if is_plain_ascii(text):
        return None  # nearly all text is
    return _short_complaint(text) if len(text) <= MAX_KEY else _rare_complaint(text)


def _rare_complaint(text: str) -> str | None:
    for character in text:
        if character != "\n" and not is_allowed(character):
            return f"character U+{ord(character):04X} is not allowed"
    # In the spelling, a mark after a line break follows the `n` of its escape; other escapes change nothing.
    if not is_nfc(text) or ("\n" in text and not is_nfc(_quoted(text))):
        return "text is not in Unicode normal form C"
    return None


_short_complaint = lru_cache(maxsize=MAX_NODES)(_rare_complaint)
"""Remembered from reading a document to writing it again: the texts of one fit in; some MB at most."""


def _is_word(text: str) -> bool:
    return bool(_WORD.match(text)) and text not in _YAML_11_WORDS


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
