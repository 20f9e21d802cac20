"""GitLab's published interface, as far as it is used: judges what is asked and answered."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from jsonschema import Draft202012Validator, FormatChecker

SCHEMA = Path(__file__).with_name("gitlab_schema.json")
FORMATS = FormatChecker(())
ERRORS = ("Message", "BadParameters", "OAuthError")


@FORMATS.checks("date-time", ValueError)
def _is_time(value: object) -> bool:
    return not isinstance(value, str) or dt.datetime.fromisoformat(value).tzinfo is not None


@dataclass(frozen=True)
class Operation:
    """One thing that GitLab can be asked, such as `GET /projects/{id}`."""

    name: str
    pattern: re.Pattern[str]

    @property
    def told(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = document()["operations"][self.name]
        return found

    def wrong_query(self, query: Mapping[str, str]) -> str | None:
        """Why these words of a query string are none of it."""
        rules = self.told["query"]
        read = {name: _read(rules["properties"].get(name, {}), text) for name, text in query.items()}
        return wrong(rules, read)

    def wrong_body(self, body: object) -> str | None:
        """Why this is no body for it."""
        return wrong(self.told["body"] or {"enum": [{}]}, body)

    def wrong_answer(self, status: int, answer: object) -> str | None:
        """Why GitLab would not answer so."""
        if status >= 400:
            rules = {"anyOf": [{"$ref": f"#/definitions/{name}"} for name in ERRORS]}
            return wrong(rules, answer)
        if status != self.told["status"]:
            return f"{self.name} answers {self.told['status']}, not {status}"
        return wrong(self.told["answer"] or {"const": ""}, answer)


@cache
def document() -> dict[str, Any]:
    """The whole transcription."""
    found: dict[str, Any] = json.loads(SCHEMA.read_text())
    return found


@cache
def operations() -> tuple[Operation, ...]:
    """All that may be asked; a `{name}` stands for one part of the path."""
    return tuple(Operation(name, _pattern(name)) for name in document()["operations"])


def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(name)) + r"\Z")


def find(method: str, path: str) -> tuple[Operation, dict[str, str]] | None:
    """The operation of a path as it was sent (still quoted), and what its braces stand for."""
    for operation in operations():
        if match := operation.pattern.match(f"{method} {path}"):
            return operation, {name: unquote(text) for name, text in match.groupdict().items()}
    return None


def wrong(rules: Mapping[str, Any], value: object) -> str | None:
    """The first reason why a value does not follow rules of the transcription."""
    whole = {**rules, "definitions": document()["definitions"]}
    error = next(Draft202012Validator(whole, format_checker=FORMATS).iter_errors(value), None)
    return f"{'.'.join(map(str, error.absolute_path)) or 'it'}: {error.message[:300]}" if error else None


def _read(rules: Mapping[str, Any], text: str) -> object:
    """A word of a query string as the type that is asked for."""
    types = rules.get("type", "string")
    kind = types if isinstance(types, str) else types[0]
    if kind == "integer" and text.isdigit():
        return int(text)
    if kind == "boolean":
        return {"true": True, "false": False, "True": True, "False": False}.get(text, text)
    if kind == "array":
        return text.split(",")
    return text
