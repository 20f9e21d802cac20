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


def test_what_is_not_published_is_neither_asked_nor_answered(stage: Stage) -> None:
    site = f"{stage.forge.url}/api/v4/projects/{stage.registry.number}"
    for path in (
        "merge_requests?stat=opened",
        "merge_requests?state=open",
        "merge_requests?page=x",
        "nothing",
    ):
        assert requests.get(f"{site}/{path}", timeout=5).status_code in (400, 404)
    operation, _ = gitlab_published.find("GET", "/user") or pytest.fail("not found")
    answer = requests.get(
        f"{stage.forge.url}/api/v4/user",
        headers={"Authorization": f"Bearer {stage.forge.token(BOT)}"},
        timeout=5,
    ).json()
    assert operation.wrong_answer(200, answer) is None
    for wrong in (answer | {"nick": "b"}, answer | {"id": "7"}, {"id": 7}):
        assert operation.wrong_answer(200, wrong)
    assert operation.wrong_answer(404, {"message": "404 Not found", "code": 7})
