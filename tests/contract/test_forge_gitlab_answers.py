"""Each answer of a GitLab is one error of ours, and nothing is asked or answered that is not published."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from medperf_cli.adapters.forge.api import Vendor
from medperf_cli.errors import BusyError, NetworkError, RejectedError, TokenError, UnknownIdError
from tests.support.forges import gitlab_published
from tests.support.forges.faults import How, on
from tests.support.forges.stage import BOT, Stage, staged

PLAIN = "tok-tok"


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "file:http")
    with staged(tmp_path / "forge", Vendor.GITLAB) as stage:
        yield stage


@pytest.mark.parametrize(
    ("status", "body", "error", "words"),
    [
        (409, {"message": "Resource lock held"}, BusyError, "is busy"),
        (
            422,
            {"message": {"base": ["no\x1b[31m"], "title": ["is bad"]}},
            RejectedError,
            "no .31m; title is bad",
        ),
        (404, {"message": "404 Not found"}, UnknownIdError, "has no merge request 1"),
        (200, {"iid": 1}, BusyError, "makes no sense"),
        (200, ["x"], BusyError, "makes no sense|broken"),
        (200, {"iid": 1, "source_project_id": None, "target_project_id": 1}, BusyError, "makes no sense"),
        (403, {"message": PLAIN}, TokenError, "does not give.*: \\.\\.\\."),
        (403, {"message": "You cannot do this on a read-only instance"}, BusyError, "no changes just now"),
    ],
)
def test_each_answer_is_one_error(
    stage: Stage, status: int, body: object, error: type[Exception], words: str
) -> None:
    told = {"content-type": "application/json"}
    stage.forge.token(BOT, text=PLAIN)
    stage.forge.faults.add(How.INSTEAD, status=status, headers=told, body=json.dumps(body).encode())
    with pytest.raises(error, match=words) as caught:
        stage.api(token=PLAIN).pull(1)
    assert type(caught.value) is error
    assert PLAIN not in str(caught.value)


def test_a_token_is_not_carried_to_another_address(stage: Stage) -> None:
    told = {"location": "http://127.0.0.1:1/api/v4/user"}
    stage.forge.faults.add(How.INSTEAD, on("GET", "/user"), status=302, headers=told)
    with pytest.raises(NetworkError, match="another address") as caught:
        stage.api(BOT).whoami()
    assert not isinstance(caught.value, BusyError)


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("merge_requests?stat=opened", "'stat' was unexpected"),
        ("merge_requests?state=open", "'open' is not one of"),
        ("merge_requests?page=x", "'x' is not of type"),
        ("merge_request", "has no GET"),
    ],
)
def test_a_question_that_is_not_published_ends_the_test(stage: Stage, path: str, says: str) -> None:
    site = f"{stage.forge.url}/api/v4/projects/{stage.registry.number}"
    assert requests.get(f"{site}/{path}", timeout=5).status_code in (400, 404)
    assert says in stage.forge.violations.pop()  # else the end of the stage would fail


def test_a_body_that_is_not_published_ends_the_test(stage: Stage) -> None:
    stage.request("mgh")
    site = f"{stage.forge.url}/api/v4/projects/{stage.registry.number}/merge_requests/1/notes"
    for body in ({"text": "hello"}, {"body": 7}):
        assert requests.post(site, json=body, timeout=5).status_code == 400
        assert stage.forge.violations.pop().startswith("POST /projects/{id}/merge_requests/{iid}/notes")


def test_an_answer_that_is_not_published_ends_the_test(stage: Stage) -> None:
    request, api = stage.request("mgh"), stage.api(BOT)
    request.labels.append(7)  # type: ignore[arg-type]
    with pytest.raises(BusyError):
        api.pull(1)
    assert "labels.0: 7 is not of type 'string'" in stage.forge.violations.pop()


def test_each_part_of_an_answer_is_judged() -> None:
    operation, _ = gitlab_published.find("GET", "/user") or pytest.fail("not found")
    fine = {"id": 7, "username": "b", "name": "B", "state": "active", "web_url": "https://example.org/b"}
    assert operation.wrong_answer(200, fine) is None
    for wrong in (
        fine | {"nick": "b"},
        fine | {"id": "7"},
        {"id": 7},
        fine | {"created_at": "2026-01-01T00:00"},
    ):
        assert operation.wrong_answer(200, wrong)
    assert operation.wrong_answer(404, {"message": "404 Not found", "code": 7})
    assert operation.wrong_answer(201, fine)
