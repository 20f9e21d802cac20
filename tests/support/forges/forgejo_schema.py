"""Forgejo's published swagger, strictly: pyforgejo's models without their leniency.

pyforgejo is generated from Forgejo's swagger, which marks hardly any field as required and lets every object
have more. Here an unknown field, a wrong type, a missing or null field that Forgejo always sends, an unknown
query parameter and a word that is not of an enumeration are errors.

What Forgejo always sends: all fields, since its Go structures (`modules/structs/*.go`) say so with tags
without `omitempty`; `OMITTED` names the exceptions. Texts, numbers and booleans there are values, never
pointers, hence never null; `NULLABLE` names the exception.
"""

from __future__ import annotations

import inspect
import operator
from collections.abc import Iterator, Mapping
from functools import cache, reduce
from types import NoneType
from typing import Any, ForwardRef, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, TypeAdapter, create_model
from pyforgejo.issue.raw_client import RawIssueClient
from pyforgejo.repository.raw_client import RawRepositoryClient
from pyforgejo.user.raw_client import RawUserClient

CLIENTS: dict[str, type] = {"issue": RawIssueClient, "repository": RawRepositoryClient, "user": RawUserClient}
OMITTED = {
    # modules/structs/repo.go
    "Repository": {"permissions", "internal_tracker", "external_tracker", "external_wiki", "wiki_branch"},
}
NULLABLE = {("PullRequest", "merge_commit_sha")}  # a *string in modules/structs/pull.go
ONCE_REQUIRED = {
    # binding:"Required" in modules/structs, which the swagger does not tell
    "repo_create_pull_request": {"head", "base", "title"},
}
WRITTEN = {  # services/forms/repo_form.go: the form has no tags, so its fields' names are Go's
    "do": "Do",
    "merge_commit_id": "MergeCommitID",
    "merge_title_field": "MergeTitleField",
    "merge_message_field": "MergeMessageField",
}
CORRECTED = {
    # `Labels []any` (ids or names) is `items: {}` in the swagger, of which pyforgejo makes objects
    ("add_label", "labels"): list[int | str],
}
_STRICT = ConfigDict(extra="forbid", strict=True)


def operation(name: str) -> Any:
    """The method of pyforgejo's clients for an operation, such as `repository.repo_get`."""
    client, _, method = name.partition(".")
    return getattr(CLIENTS[client], method)


@cache
def request_model(name: str) -> type[BaseModel]:
    """What an operation takes beside its path: the fields of its body, or its query parameters."""
    method = name.partition(".")[2]
    fields: dict[str, Any] = {}
    for parameter in inspect.signature(operation(name), eval_str=True).parameters.values():
        if parameter.kind is not parameter.KEYWORD_ONLY or parameter.name == "request_options":
            continue
        required = parameter.default is parameter.empty or parameter.name in ONCE_REQUIRED.get(method, ())
        kind = CORRECTED.get((method, parameter.name)) or _without(parameter.annotation, NoneType, Any)
        fields[WRITTEN.get(parameter.name, parameter.name)] = (kind, ... if required else None)
    return create_model(method, __config__=_STRICT, **fields)


def check_query(name: str, query: Mapping[str, str]) -> None:
    """Raise ValueError where an operation has no such parameter, or not of this kind."""
    request_model(name).model_validate_strings(dict(query), strict=True)


def check_body(name: str, body: bytes) -> None:
    """Raise ValueError where a body is not what an operation takes."""
    request_model(name).model_validate_json(body or b"{}")


def check_answer(kind: Any, body: bytes) -> None:
    """Raise ValueError where an answer is not a model of pyforgejo's (or a list of one), strictly."""
    _adapter(kind).validate_json(body, strict=True)


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    of = get_args(kind)[0] if get_origin(kind) is list else kind
    twins = {model.__name__: _twin(model) for model in _reachable(of)}
    namespace = {twin.__name__: twin for twin in twins.values()}
    for twin in twins.values():
        twin.model_rebuild(_types_namespace=namespace)
    one = twins[of.__name__]
    return TypeAdapter(list[one] if of is not kind else one)  # type: ignore[valid-type]


def _reachable(model: type[BaseModel]) -> set[type[BaseModel]]:
    """A model and all that its fields hold."""
    found, waiting = {model}, [model]
    while waiting:
        kinds = [info.annotation for info in waiting.pop().model_fields.values()]
        new = {kind for kind in _models(kinds) if kind not in found}
        found |= new
        waiting += new
    return found


def _models(kinds: list[Any]) -> Iterator[type[BaseModel]]:
    for kind in kinds:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield kind
        else:
            yield from _models(list(get_args(kind)))


def _twin(model: type[BaseModel]) -> type[BaseModel]:
    name = model.__name__
    fields: dict[str, Any] = {}
    for field, info in model.model_fields.items():
        kind = _without(info.annotation, NoneType, Any)
        if kind not in (str, int, bool, float) or (name, field) in NULLABLE:
            kind = _strictly(kind) | None
        fields[field] = (kind, None if field in OMITTED.get(name, ()) else ...)
    return create_model(f"Strict{name}", __config__=_STRICT, **fields)


def _strictly(kind: Any) -> Any:
    """A type with the strict twins in the places of the models."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return ForwardRef(f"Strict{kind.__name__}")
    if get_origin(kind) is list:
        return list[_strictly(get_args(kind)[0])]  # type: ignore[misc]
    return kind


def _without(kind: Any, *gone: Any) -> Any:
    """A union without some of its parts: pyforgejo's enumerations allow Any beside their words."""
    left = [part for part in _parts(kind) if part not in gone]
    return reduce(operator.or_, left) if left else Any


def _parts(kind: Any) -> Iterator[Any]:
    if get_origin(kind) is Union:
        for part in get_args(kind):
            yield from _parts(part)
    else:
        yield kind
