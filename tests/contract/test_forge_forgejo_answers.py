"""Answers of Forgejo and Gitea that are older, broken, endless, in pages or elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from medperf_cli.adapters.forge import forgejo_web
from medperf_cli.adapters.forge.address import forge_address
from medperf_cli.adapters.forge.api import Vendor
from medperf_cli.adapters.forge.forgejo import connect
from medperf_cli.adapters.forge.forgejo_answers import GHOST
from medperf_cli.errors import BusyError, ConfigurationError, RejectedError, UnknownIdError
from tests.support.forges import forgejo_calls
from tests.support.forges.faults import How, on
from tests.support.forges.spoiling import spoil, without
from tests.support.forges.stage import BOT, Stage, staged


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "file:http")
    with staged(tmp_path / "forge", Vendor.FORGEJO) as stage:
        yield stage


def test_older_answers_are_enough(stage: Stage) -> None:
    """Gitea lacks some of Forgejo's newer fields, and null is how Go writes an empty list."""
    stage.request("mgh")
    api = stage.api(BOT)
    whole = api.pull(1)
    newer = ("flow", "pin_order", "draft", "additions", "requested_reviewers_teams", "object_format_name")
    spoil(stage, "/pulls/1", without(*newer))
    assert api.pull(1) == whole
    spoil(stage, "/pulls/1", lambda pull: pull | {"labels": None, "user": None})
    assert api.pull(1).author == GHOST
    spoil(stage, "/pulls", lambda pulls: [None, *pulls])  # of one that the site could not read
    assert api.pulls() == [whole]
    spoil(stage, "/pulls", lambda _: None)
    assert api.pulls() == []


def test_a_field_of_another_type_is_a_broken_answer(stage: Stage) -> None:
    stage.request("mgh")
    api = stage.api(BOT)
    wrong: list[tuple[str, Any]] = [
        ("number", "1"),
        ("number", True),
        ("title", ["a"]),
        ("head", None),
        ("labels", {"a": 1}),
        ("created_at", "yesterday"),
        ("updated_at", "2026-01-01T00:00:00"),
        ("user", {"login": "mgh", "id": None}),
    ]
    for name, value in wrong:
        spoil(stage, "/pulls/1", lambda pull, name=name, value=value: pull | {name: value})
        with pytest.raises(BusyError, match="did not answer as Forgejo does"):
            api.pull(1)


def test_a_commit_id_that_is_none_is_a_broken_answer(stage: Stage) -> None:
    stage.request("mgh")
    for sha in ("--upload-pack=x", "a" * 39, "HEAD", "A" * 40, f"{'a' * 40}\n"):
        spoil(stage, "/pulls/1", lambda pull, sha=sha: pull | {"head": pull["head"] | {"sha": sha}})
        with pytest.raises(BusyError, match="'sha'"):
            stage.api(BOT).pull(1)


def test_what_is_no_object_is_a_broken_answer(stage: Stage) -> None:
    for body in (b"", b"{", b"[]", b'"text"', b"[" * 100_000, b"7" * 9999, b"\xff\xfe"):
        stage.forge.faults.add(How.INSTEAD, status=200, body=body)
        with pytest.raises(BusyError):
            stage.api(BOT).pull(1)


def test_an_answer_without_end_is_not_read(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forgejo_web, "MOST_BYTES", 1 << 20)
    stage.forge.faults.add(How.INSTEAD, status=200, body=b" " * (2 << 20))
    with pytest.raises(RejectedError, match="larger than 1 MiB"):
        stage.api(BOT).comments(1)


@pytest.mark.parametrize("largest", [2, 50])
def test_all_pages_are_turned_whatever_their_size(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, largest: int
) -> None:
    monkeypatch.setattr(forgejo_calls, "LARGEST_PAGE", largest)
    source = stage.branch("mgh")
    for _ in range(5):
        stage.forge.open(stage.registry, "mgh", source, "medperf/1", title="again")
    stage.forge.open(stage.registry, "mgh", source, "medperf/1", title="elsewhere", into="main2")
    api = stage.api(BOT)
    assert [pull.number for pull in api.pulls()] == [1, 2, 3, 4, 5]
    assert [pull.number for pull in api.pulls_from("mgh/registry", "medperf/1")] == [5, 4, 3, 2, 1]
    spoil_total = {"Content-Type": "application/json"}
    page = json.dumps([{"id": 1, "name": "a"}] * 50).encode()
    stage.forge.faults.add(How.INSTEAD, on("GET", "/labels"), times=9, headers=spoil_total, body=page)
    assert list(api._web.pages("repos/a/b/labels", what="labels"))  # type: ignore[attr-defined]
    assert stage.forge.faults.pending == 7  # one that knows no pages answers the same twice


def test_a_redirect_is_not_followed_and_no_cookie_kept(stage: Stage) -> None:
    api = stage.api(BOT)
    told = {"Location": f"{stage.forge.url}/api/v1/user", "Set-Cookie": "i_like_gitea=1; Path=/"}
    stage.forge.faults.add(How.INSTEAD, status=307, headers=told)
    with pytest.raises(UnknownIdError, match="does not show it"):
        api.pull(1)
    assert len(stage.forge.faults.calls()) == 1
    assert not api._web._session.cookies  # type: ignore[attr-defined]


def test_no_netrc_takes_the_place_of_the_token(stage: Stage, sealed: Path) -> None:
    (sealed / ".netrc").write_text("machine 127.0.0.1 login eve password tok-of-eve\n")
    assert requests.utils.get_netrc_auth(stage.forge.url) == ("eve", "tok-of-eve")
    assert stage.api(BOT).whoami().login == BOT
    stage.request("mgh")
    assert stage.api().pull(1).number == 1


def test_a_site_may_be_below_a_path() -> None:
    url = "https://forge.example/git/consortium/registry.git"
    address = forge_address(url, "forgejo", "https://forge.example/git")
    assert address
    assert connect(address, None).repository == "consortium/registry"
    wrong = forge_address(url, "forgejo")
    assert wrong
    with pytest.raises(ConfigurationError, match="owner/name"):
        connect(wrong, None)
