"""Reading a forge's answers: objects of JSON whose fields must be there, have their type and stay small."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from medperf_cli.errors import BusyError

LARGEST = 32 << 20
"""Bytes of one answer: a page of a hundred requests, each with the longest text that forges take."""
MOST_PAGES = 200
_LONGEST_TEXT = 1 << 20
_NAME = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+\Z")
_COMMIT = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})\Z")


class BrokenAnswerError(Exception):
    """An answer that is not what the forge documents; says which field."""


def broken(forge: str, why: object) -> BusyError:
    """What a broken answer is to whoever asked: it may pass."""
    return BusyError(
        f"'{forge}' gave an answer that cannot be read: {why}",
        hint="run the same command again; if it stays so, a proxy or another site may answer there",
    )


class Answer:
    """One object of an answer.

    Every method raises BrokenAnswerError where a field is missing or is not what it should be.
    """

    def __init__(self, data: Any, name: str = "answer") -> None:
        if not isinstance(data, Mapping):
            raise BrokenAnswerError(f"'{name}' is no object")
        self._data, self._name = data, name

    def __contains__(self, field: str) -> bool:
        return self._data.get(field) is not None

    def _get(self, field: str, kind: type) -> Any:
        value = self._data.get(field)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise BrokenAnswerError(f"'{field}' of '{self._name}' is missing or of another type")
        return value

    def text(self, field: str, most: int = _LONGEST_TEXT) -> str:
        """A text of at most `most` characters."""
        value: str = self._get(field, str)
        if len(value) > most:
            raise BrokenAnswerError(f"'{field}' of '{self._name}' is too long")
        return value

    def text_or_empty(self, field: str) -> str:
        """A text, or '' where the forge says there is none."""
        return self.text(field) if field in self else ""

    def number(self, field: str) -> int:
        """A whole number that is not negative."""
        value: int = self._get(field, int)
        if not 0 <= value < 1 << 63:
            raise BrokenAnswerError(f"'{field}' of '{self._name}' is out of range")
        return value

    def flag(self, field: str) -> bool:
        """True or false."""
        return bool(self._get(field, bool))

    def time(self, field: str) -> dt.datetime:
        """A time with its zone, in ISO 8601."""
        try:
            time = dt.datetime.fromisoformat(self.text(field, 64))
        except ValueError:
            raise BrokenAnswerError(f"'{field}' of '{self._name}' is no time") from None
        if time.tzinfo is None:
            raise BrokenAnswerError(f"'{field}' of '{self._name}' has no time zone")
        return time.astimezone(dt.UTC)

    def commit(self, field: str) -> str:
        """A commit id."""
        value = self.text(field, 64)
        if not _COMMIT.match(value):
            raise BrokenAnswerError(f"'{field}' of '{self._name}' is no commit id")
        return value

    def repository(self, field: str) -> str:
        """The full name of a repository; it becomes part of addresses."""
        value = self.text(field, 256)
        if not _NAME.match(value) or {".", ".."} & set(value.split("/")):
            raise BrokenAnswerError(f"'{field}' of '{self._name}' names no repository")
        return value

    def address(self, field: str, host: str) -> str:
        """A web address on this host, where git will send a token."""
        value = self.text(field, 2048)
        try:
            split = urlsplit(value)
        except ValueError:
            split = urlsplit("")
        if (
            split.scheme not in ("https", "http")
            or (split.hostname or "").lower() != host
            or "@" in split.netloc
        ):
            raise BrokenAnswerError(f"'{field}' of '{self._name}' is no address on '{host}'")
        return value

    def part(self, field: str) -> Answer:
        """An object in it."""
        return Answer(self._data.get(field), f"{self._name}.{field}")

    def parts(self, field: str) -> list[Answer]:
        """The objects of a list in it."""
        return objects(self._data.get(field), f"{self._name}.{field}")


def objects(data: Any, name: str = "answer") -> list[Answer]:
    """The objects of a list."""
    if not isinstance(data, list):
        raise BrokenAnswerError(f"'{name}' is no list")
    return [Answer(item, name) for item in data]
