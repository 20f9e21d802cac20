"""GitHub's published description of its web interface, as githubkit generates it, used as the judge.

Address, method, parameters, body and answers of an operation are read from githubkit's own client, so none of
them is told twice. What its models leave open is closed here: a field that they do not have is a mistake.
"""

from __future__ import annotations

import ast
import inspect
import json
import textwrap
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, get_args

from pydantic import BaseModel, TypeAdapter, ValidationError

PACKAGE = "githubkit_schemas.v2022_11_28"
_FALLBACK = "BasicError"


class SchemaError(AssertionError):
    """What was sent or answered is not what GitHub publishes."""


class _Names(dict[str, Any]):
    """The names in githubkit's source; models are loaded when they are asked for."""

    def __missing__(self, name: str) -> Any:
        if hasattr(typing, name):
            return getattr(typing, name)
        return getattr(import_module(f"{PACKAGE}.models"), name)


def model(name: str) -> Any:
    """The model of this name."""
    return getattr(import_module(f"{PACKAGE}.models"), name)


@cache
def _judge(expression: str) -> TypeAdapter[Any]:
    names = _Names(list=list, dict=dict, str=str, int=int, bool=bool)
    return TypeAdapter(eval(expression, {"__builtins__": {}}, names))  # noqa: S307 - githubkit's source


@dataclass(frozen=True)
class Operation:
    """One operation; body and answers are expressions in githubkit's source ('' where it has none)."""

    name: str
    verb: str
    url: str
    parameters: frozenset[str]
    body: str
    answer: str
    errors: Mapping[str, str]

    def judge_request(self, asked: Iterable[str], body: bytes) -> None:
        """Raise SchemaError where query parameters or body are not as published."""
        unknown = set(asked) - self.parameters
        if unknown:
            raise SchemaError(f"{self.name} has no parameters {sorted(unknown)}")
        if bool(body) != bool(self.body):
            raise SchemaError(f"{self.name} has {'no' if body else 'a'} body")
        if body:
            judge(f"the body of {self.name}", self.body, body)

    def judge_answer(self, status: int, body: bytes) -> None:
        """Raise SchemaError where an answer is not as published for its status."""
        if status >= 400:
            judge(f"{status} of {self.name}", self.errors.get(str(status), _FALLBACK), body)
        elif self.answer:
            judge(f"the answer of {self.name}", self.answer, body)
        elif body:
            raise SchemaError(f"{self.name} answers with no body")


def judge(what: str, expression: str, data: bytes) -> None:
    """Raise SchemaError unless JSON is what an expression of githubkit's source says, with no other field."""
    try:
        value = _judge(expression).validate_json(data, strict=True)
    except ValidationError as error:
        raise SchemaError(f"{what}: {error}") from error
    _nothing_else(what, value, json.loads(data))


def _nothing_else(what: str, value: Any, data: Any) -> None:
    """Raise SchemaError at a field that no model has."""
    if isinstance(value, list):
        for item, raw in zip(value, data, strict=True):
            _nothing_else(what, item, raw)
    elif isinstance(value, BaseModel) and isinstance(data, dict):
        fields = {(field.alias or name): name for name, field in type(value).model_fields.items()}
        for key, raw in data.items():
            if key not in fields and not type(value).model_config.get("extra") == "allow":
                raise SchemaError(f"{what}: '{key}' is no field of {type(value).__name__}")
            if key in fields:
                _nothing_else(f"{what}.{key}", getattr(value, fields[key]), raw)


@cache
def operation(group: str, name: str) -> Operation:
    """The operation that githubkit calls `name` in its group, such as `pulls`, `create`."""
    module = import_module(f"{PACKAGE}.rest.{group}")
    client = next(c for n, c in vars(module).items() if n.endswith("Client") and hasattr(c, name))
    tree = ast.parse(textwrap.dedent(inspect.getsource(getattr(client, name))))
    told: dict[str, Any] = {
        "verb": "",
        "url": "",
        "parameters": frozenset(),
        "body": "",
        "answer": "",
        "errors": {},
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            told |= _assigned(node.targets[0].id, node.value)
        elif isinstance(node, ast.Call):
            told |= _called(node)
    return Operation(f"{group}/{name}", **told)


def _assigned(name: str, value: ast.expr) -> dict[str, Any]:
    if name == "url":
        return {"url": ast.literal_eval(ast.unparse(value).removeprefix("f"))}
    if name == "params" and isinstance(value, ast.Dict):
        return {"parameters": frozenset(key.value for key in value.keys if isinstance(key, ast.Constant))}
    return {}


def _called(call: ast.Call) -> dict[str, Any]:
    name = ast.unparse(call.func)
    if name == "type_validate_python":
        return {"body": ast.unparse(call.args[0])}
    if name != "self._github.request":
        return {}
    told: dict[str, Any] = {"verb": ast.literal_eval(call.args[0])}
    for word in call.keywords:
        if word.arg == "response_model":
            told["answer"] = ast.unparse(word.value)
        elif word.arg == "error_models" and isinstance(word.value, ast.Dict):
            pairs = zip(word.value.keys, word.value.values, strict=True)
            told["errors"] = {ast.literal_eval(key): ast.unparse(value) for key, value in pairs if key}
    return told


def complete(name: str, url: str, known: Mapping[str, Any]) -> dict[str, Any]:
    """An object of a model: what is known, and an address for every required field that holds one."""
    made = dict(known)
    for field, info in model(name).model_fields.items():
        alias = info.alias or field
        if alias in made or not info.is_required():
            continue
        if alias.endswith("url"):
            made[alias] = url if alias == "url" else f"{url}/{alias.removesuffix('_url')}"
        elif alias == "node_id":
            made[alias] = f"{name}_{known.get('id', 0)}"
        elif type(None) in get_args(info.annotation):
            made[alias] = None
        elif info.annotation is int:
            made[alias] = 0
        elif info.annotation is bool:
            made[alias] = False
    return made
