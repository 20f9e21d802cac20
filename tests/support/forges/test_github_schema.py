"""GitHub's description is a strict judge: what is missing, wrong or made up does not pass."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest

from medperf_cli.adapters.forge.api import Vendor
from medperf_cli.adapters.forge.github_web import Web
from medperf_cli.errors import MedperfError
from tests.support.forges.github_schema import SchemaError, judge, operation
from tests.support.forges.github_shapes import Shapes
from tests.support.forges.stage import staged

LABEL: dict[str, Any] = {
    "id": 1,
    "node_id": "x",
    "url": "https://api.example.org/labels/1",
    "name": "bug",
    "description": None,
    "color": "ededed",
    "default": False,
    "archived_at": None,
    "archived_by": None,
}


def test_an_operation_is_as_githubs_description_says() -> None:
    found = operation("pulls", "create")
    assert (found.verb, found.url) == ("POST", "/repos/{owner}/{repo}/pulls")
    assert (found.body, found.answer) == ("ReposOwnerRepoPullsPostBody", "PullRequest")
    assert found.errors == {"403": "BasicError", "422": "ValidationError"}
    assert operation("issues", "list_comments").parameters == {"since", "per_page", "page"}


@pytest.mark.parametrize(
    "planted",
    [
        {"id": "1"},  # another type
        {"id": None},
        {"default": 0},
        {"made_up": 1},
        *({field: ...} for field in ("id", "name", "url", "color", "description")),  # missing
    ],
)
def test_what_is_missing_wrong_or_made_up_is_seen(planted: dict[str, Any]) -> None:
    judge("a label", "Label", json.dumps(LABEL).encode())
    spoilt = {key: value for key, value in {**LABEL, **planted}.items() if value is not ...}
    with pytest.raises(SchemaError):
        judge("a label", "list[Label]", json.dumps([LABEL, spoilt]).encode())


@pytest.mark.parametrize(
    ("asked", "body"),
    [
        ((), b'{"head": "x"}'),
        ((), b'{"head": "x", "base": 3}'),
        ((), b'{"head": "x", "base": "main", "labels": []}'),
        ((), b""),
        (("state",), b'{"head": "x", "base": "main"}'),
    ],
)
def test_a_request_that_github_does_not_publish_is_seen(asked: tuple[str, ...], body: bytes) -> None:
    operation("pulls", "create").judge_request((), b'{"head": "x", "base": "main"}')
    with pytest.raises(SchemaError):
        operation("pulls", "create").judge_request(asked, body)


@pytest.mark.parametrize("field", ["merge_commit_sha", "head", "draft_"])
def test_a_fault_planted_in_a_simulated_answer_ends_the_test_with_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, field: str
) -> None:
    honest = Shapes.pull

    def spoilt(*arguments: Any, **more: Any) -> dict[str, Any]:
        answer = honest(*arguments, **more)
        if field in answer:
            del answer[field]
        else:
            answer[field] = False
        return answer

    monkeypatch.setattr(Shapes, "pull", spoilt)
    with pytest.raises(AssertionError, match=field):
        _list_pulls(tmp_path)


def _list_pulls(folder: Path) -> None:
    with staged(folder, Vendor.GITHUB) as stage:
        stage.request("mgh")
        with contextlib.suppress(MedperfError):  # the adapter, too, misses what it reads
            stage.api("mgh").pulls()


@pytest.mark.parametrize(
    ("verb", "path", "body"),
    [
        ("POST", "/repos/consortium/registry/pulls", {"head": "x", "base": "main", "lables": []}),
        ("GET", "/repos/consortium/registry/pulls?stat=open", None),
        ("GET", "/repos/consortium/registry/no-such-thing", None),
    ],
)
def test_a_wrong_request_of_ours_ends_the_test_with_an_error(
    tmp_path: Path, verb: str, path: str, body: dict[str, Any] | None
) -> None:
    with pytest.raises(AssertionError, match=r"no field|no parameters|has no"):
        _send(tmp_path, verb, path, body)


def _send(folder: Path, verb: str, path: str, body: dict[str, Any] | None) -> None:
    with staged(folder, Vendor.GITHUB) as stage, contextlib.suppress(MedperfError):
        Web(stage.address, stage.forge.token("mgh")).send(verb, path, body)
