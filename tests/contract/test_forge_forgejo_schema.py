"""The simulated Forgejo takes and gives only what Forgejo's published schema says."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pyforgejo import NotFoundError, PyforgejoApi
from pyforgejo.core.api_error import ApiError

from medperf_cli.adapters.forge.api import Vendor
from medperf_cli.errors import MedperfError
from tests.support.forges import forgejo_calls
from tests.support.forges import forgejo_schema as schema
from tests.support.forges.spoiling import without
from tests.support.forges.stage import BOT, Stage, staged


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "file:http")
    with staged(tmp_path / "forge", Vendor.FORGEJO) as stage:
        yield stage


@pytest.mark.parametrize("route", forgejo_calls.ROUTES, ids=lambda route: route.operation)
def test_each_simulated_path_is_one_of_forgejos(route: forgejo_calls.Route) -> None:
    """pyforgejo's client itself says which path and method an operation has."""
    asked: list[httpx.Request] = []

    def seen(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(404, json={})

    client = httpx.Client(transport=httpx.MockTransport(seen))
    api = PyforgejoApi(base_url="http://forge.example/api/v1", api_key="x", httpx_client=client)
    names = re.findall(r"<(?:\w+:)?(\w+)>", route.path)
    values = {name: "7" if f"<int:{name}>" in route.path else f"{name}-x" for name in names}
    where, _, method = route.operation.partition(".")
    parameters = inspect.signature(schema.operation(route.operation)).parameters.values()
    needed = {p.name: "x" for p in parameters if p.kind is p.KEYWORD_ONLY and p.default is p.empty}
    with pytest.raises((ApiError, NotFoundError)):
        getattr(getattr(api, where), method)(*values.values(), **needed)
    path = re.sub(r"<(?:\w+:)?(\w+)>", lambda match: values[match[1]], route.path)
    assert [(r.method, r.url.path) for r in asked] == [(route.method, f"/api/v1{path}")]


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        ("repository.repo_create_pull_request", {"head": "a", "base": "main"}),
        ("repository.repo_create_pull_request", {"head": "a", "base": "main", "title": "t", "draft": True}),
        ("repository.repo_edit_pull_request", {"state": 1}),
        ("repository.repo_merge_pull_request", {"Do": "manually", "MergeCommitID": "a"}),
        ("repository.repo_merge_pull_request", {"Do": "manually-merged", "merge_commit_id": "a"}),
        ("issue.create_comment", {"body": None}),
        ("issue.add_label", {"labels": [{"id": 1}]}),
        ("issue.create_label", {"name": "a"}),
        ("repository.repo_edit_branch_protection", {"rule_name": "main"}),
        ("repository.repo_edit", {"allow_manual_merge": "yes"}),
    ],
)
def test_a_body_that_forgejo_would_not_take_fails(operation: str, body: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        schema.check_body(operation, json.dumps(body).encode())


@pytest.mark.parametrize("query", [{"state": "opened"}, {"page": "one"}, {"per_page": "5"}])
def test_a_query_that_forgejo_does_not_know_fails(query: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        schema.check_query("repository.repo_list_pull_requests", query)


def test_an_answer_that_forgejo_would_not_give_fails(stage: Stage) -> None:
    pull = forgejo_calls.Shapes(stage.forge).pull(stage.registry, stage.request("mgh"))
    kind = next(r.answer for r in forgejo_calls.ROUTES if r.operation.endswith("repo_get_pull_request"))
    schema.check_answer(kind, json.dumps(pull).encode())
    changes: list[Callable[[Any], Any]] = [
        without("merge_base"),
        without("full_name"),
        lambda pull: pull | {"more": 1},
        lambda pull: pull | {"number": "1"},
        lambda pull: pull | {"body": None},
        lambda pull: pull | {"created_at": "yesterday"},
        lambda pull: pull | {"base": pull["base"] | {"repo": pull["base"]["repo"] | {"empty": 0}}},
    ]
    for change in changes:
        with pytest.raises(ValueError, match="validation error"):
            schema.check_answer(kind, json.dumps(change(pull)).encode())


@pytest.mark.parametrize(("path", "says"), [("user", "page"), ("nowhere", "has no GET /nowhere")])
def test_what_breaks_the_schema_fails_the_test(stage: Stage, path: str, says: str) -> None:
    with pytest.raises(MedperfError):
        stage.api(BOT)._web.ask("GET", path, what="x", query={"page": 1})  # type: ignore[attr-defined]
    assert says in stage.forge.violations.pop()  # else the end of the stage would fail
