"""Checking a document against one of our JSON Schemas: the keywords that they use, and no others."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from medperf_cli.errors import DocumentError

Schema = Mapping[str, Any]
Problem = tuple[str, str]
"""Where, and what was expected there."""

_TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda v: isinstance(v, Mapping),
    "array": lambda v: isinstance(v, list),
    "string": lambda v: isinstance(v, str),
    "integer": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "boolean": lambda v: isinstance(v, bool),
    "null": lambda v: v is None,
}
_SILENT = frozenset(
    {
        "$schema",
        "type",
        "$defs",
        "title",
        "description",
        "$ref",
        "properties",
        "additionalProperties",
        "items",
        "anyOf",
    }
)


def validate(document: Any, schema: Schema) -> None:
    """See that a document fits a JSON Schema (draft 2020-12).

    Raises:
        DocumentError: it does not; names where and what was expected. Or the schema uses a keyword that is
            not known here, which must never pass as agreement.

    """
    for where, what in _problems(document, schema, schema, ""):
        raise DocumentError(
            f"not a snapshot this site can be made from: '{where or 'the document'}' {what}",
            hint="export it again with this version of the tool",
        )


def _problems(value: Any, schema: Schema, root: Schema, where: str) -> Iterator[Problem]:
    if "$ref" in schema:
        yield from _problems(value, _target(schema["$ref"], root), root, where)
    types = schema.get("type", list(_TYPES))
    names = [types] if isinstance(types, str) else types
    if not any(_TYPES[name](value) for name in names):
        yield where, f"is no {' or '.join(names)}"
        return
    for keyword, argument in schema.items():
        if keyword in _HOLDS:
            if not _HOLDS[keyword](value, argument):
                yield where, f"does not fit {keyword} {argument}"
        elif keyword not in _SILENT:
            raise DocumentError(f"schema keyword '{keyword}' is not known")
    yield from _inside(value, schema, root, where)


def _inside(value: Any, schema: Schema, root: Schema, where: str) -> Iterator[Problem]:
    options = schema.get("anyOf")
    if options and all(any(_problems(value, option, root, where)) for option in options):
        yield where, "fits none of what may stand here"
    if isinstance(value, list) and "items" in schema:
        for number, item in enumerate(value):
            yield from _problems(item, schema["items"], root, f"{where}[{number}]")
    if isinstance(value, Mapping):
        yield from _members(value, schema, root, where)


def _members(value: Mapping[str, Any], schema: Schema, root: Schema, where: str) -> Iterator[Problem]:
    known = schema.get("properties", {})
    others = schema.get("additionalProperties", True)
    for name, item in value.items():
        inner = f"{where}.{name}" if where else name
        rule = known.get(name, others)
        if rule is False:
            yield inner, "is not known"
        elif rule is not True:
            yield from _problems(item, rule, root, inner)


def _target(reference: str, root: Schema) -> Schema:
    found: Schema = root
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return found


_HOLDS: dict[str, Callable[[Any, Any], bool]] = {
    "const": lambda value, wanted: bool(value == wanted),
    "enum": lambda value, options: value in options,
    "pattern": lambda value, text: not isinstance(value, str) or re.search(text, value) is not None,
    "minimum": lambda value, low: not isinstance(value, int) or value >= low,
    "required": lambda value, names: not isinstance(value, Mapping) or set(names) <= set(value),
}
