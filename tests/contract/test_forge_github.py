"""GitHub's own ways: tokens that lack something, tokens of bots, rules of main, answers that are none."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from medperf_cli.adapters.forge import github, github_answers, github_web
from medperf_cli.adapters.forge.address import forge_address
from medperf_cli.adapters.forge.api import Vendor
from medperf_cli.errors import BusyError, NetworkError, RejectedError, TokenError, UnknownIdError
from tests.support.forges.faults import How, anything, on
from tests.support.forges.github_rules import rulesets
from tests.support.forges.stage import BOT, Stage, staged

APP, WORKFLOW = "medperf-merge[bot]", "github-actions[bot]"


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with staged(tmp_path / "forge", Vendor.GITHUB) as stage:
        yield stage


def calls(stage: Stage) -> list[str]:
    return [call.replace("/api/v3/repos/consortium/registry", "") for call in stage.forge.faults.calls()]


def test_a_classic_token_without_the_scope_is_told_which(stage: Stage) -> None:
    pull = stage.request("mgh")
    api = stage.api(token=stage.forge.token("mgh", scopes=["gist"]))
    with pytest.raises(TokenError, match="no scope 'public_repo' or 'repo'"):
        api.comment(pull.number, "x")
    stage.registry.private = True
    stage.registry.roles["mgh"] = "read"
    with pytest.raises(TokenError, match="no scope 'repo'") as told:
        api.edit(pull.number, "t", "b")
    assert "give the token the scope 'repo'" in told.value.hint


@pytest.mark.parametrize("kind", ["fine", "app"])
def test_a_fine_grained_token_without_the_permission_is_told_which(stage: Stage, kind: str) -> None:
    pull = stage.request("mgh")
    token = stage.forge.token("mgh", kind=kind, permissions={"pull_requests": "read"})
    with pytest.raises(TokenError) as told:
        stage.api(token=token).comment(pull.number, "x")
    assert told.value.hint == "give it the permission pull_requests: write"


def test_single_sign_on_is_told_with_the_page_for_it(stage: Stage) -> None:
    with pytest.raises(TokenError, match="single sign-on") as told:
        stage.api(token=stage.forge.token("mgh", sso_missing=True)).pulls()
    assert told.value.hint.startswith("open https://github.com/orgs/consortium/sso?")


def test_a_hostile_page_for_single_sign_on_is_not_shown(stage: Stage) -> None:
    told = {"X-GitHub-SSO": "required; url=javascript:alert(1)", "Content-Type": "application/json"}
    stage.forge.faults.add(How.INSTEAD, status=403, headers=told, body=b"{}")
    with pytest.raises(RejectedError) as refused:
        stage.api("mgh").pulls()
    assert "javascript" not in refused.value.message + refused.value.hint


@pytest.mark.parametrize(("kind", "login"), [("app", APP), ("actions", WORKFLOW)])
def test_a_bots_token_may_not_ask_whose_it_is_and_is_named(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, kind: str, login: str
) -> None:
    token = stage.forge.token(login, kind=kind)
    if kind == "app":
        monkeypatch.setenv("MEDPERF_BOT_LOGIN", login)
    me = stage.api(token=token).whoami()
    assert (me.login, me.number) == (login, stage.forge.user(login).number)


def test_what_is_no_github_is_told_with_the_setting(stage: Stage) -> None:
    address = forge_address(stage.url, "github", f"{stage.forge.url}/api/v3/elsewhere")
    assert address
    page = b"<html>404</html>"
    stage.forge.faults.add(How.INSTEAD, status=404, headers={"content-type": "text/html"}, body=page)
    with pytest.raises(NetworkError, match="is not the web interface of a GitHub") as told:
        github.connect(address, None).pulls()
    assert "forge_api" in told.value.hint
    assert not isinstance(told.value, BusyError)


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ("No commits between main and mgh:x", "in main already"),
        ("Head branch was modified. Review and try again.", "as it is now"),
        ("body is too long (maximum is 65536 characters)", "page"),
    ],
)
def test_refusals_come_with_the_next_step(stage: Stage, words: str, hint: str) -> None:
    body = f'{{"message": "Validation Failed", "errors": [{{"message": "{words}"}}, "more", 3, null]}}'
    told = {"content-type": "application/json"}
    stage.forge.faults.add(How.INSTEAD, status=422, headers=told, body=body.encode())
    with pytest.raises(RejectedError) as refused:
        stage.api("mgh").edit(1, "t", "b")
    assert f"{words}: more" in refused.value.message
    assert hint in refused.value.hint


def test_real_refusals_are_those(stage: Stage) -> None:
    api, pull = stage.api("mgh"), stage.request("mgh")
    with pytest.raises(RejectedError, match="too long"):
        api.comment(pull.number, "x" * 70_000)
    pull.locked = True
    with pytest.raises(RejectedError, match="locked"):
        api.comment(pull.number, "x")
    fork = api.destination()
    stage.forge.press_merge(stage.registry, pull, "admin")
    with pytest.raises(RejectedError, match="No commits between"):
        api.create("t", "b", fork, "medperf/1")
    with pytest.raises(RejectedError, match=r"PullRequest|Validation"):
        api.create("t", "b", fork, "no-such-branch")


def test_a_list_of_requests_is_one_call_and_labels_are_none_where_nothing_changes(stage: Stage) -> None:
    for login in ("a", "b", "c"):
        stage.request(login, f"b/{login}")
    bot = stage.api(BOT)
    first = bot.pulls()[0]
    assert calls(stage) == ["GET /pulls"]
    bot.label(first, frozenset({"medperf:auto"}))
    assert len(calls(stage)) == 2
    stage.forge.review(stage.registry.pulls[first.number], "writer")
    seen = bot.pulls()[0]
    assert bot.approvals(seen)
    assert calls(stage)[2:] == ["GET /pulls", f"GET /pulls/{first.number}/reviews"]


def test_an_answer_is_read_to_a_bound(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(github_web, "LARGEST", 1000)
    stage.forge.faults.add(How.INSTEAD, headers={"content-type": "application/json"}, body=b"[" + b" " * 2000)
    with pytest.raises(BusyError, match="more than"):
        stage.api("mgh").pulls()
    monkeypatch.setattr(github_web, "LARGEST", 100_000)
    monkeypatch.setattr(github_web, "WHOLE", -1.0)
    with pytest.raises(BusyError, match="not whole"):
        stage.api("mgh").whoami()


def test_no_more_pages_are_turned_than_a_bound(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(github_web, "MOST_PAGES", 2)
    link = {"content-type": "application/json", "link": '<https://evil.example/?page=2>; rel="next"'}
    stage.forge.faults.add(How.INSTEAD, times=5, headers=link, body=b"[]")
    with pytest.raises(NetworkError, match="more than 2 pages"):
        stage.api("mgh").pulls()
    assert calls(stage) == ["GET /pulls"] * 2


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("site", ["http://evil.example/api/v3", "/api/v3"])
def test_a_redirection_is_told_and_not_followed(stage: Stage, status: int, site: str) -> None:
    told = {"location": f"{site}/users/mgh", "content-type": "application/json"}
    stage.forge.faults.add(How.INSTEAD, status=status, headers=told, body=b"{}")
    with pytest.raises(UnknownIdError, match="renamed or moved"):
        stage.api("mgh").whoami()
    assert calls(stage) == ["GET /api/v3/user"]


@pytest.mark.parametrize(
    "url",
    ["ext::sh -c x", "http://evil.example/a/b.git", "http://me:x@127.0.0.1/a/b.git", "-oProxyCommand=x"],
)
def test_a_fork_elsewhere_is_not_pushed_to(stage: Stage, url: str) -> None:
    api = stage.api("writer")
    spoil = lambda body: body.replace(f"{stage.forge.url}/consortium/registry.git".encode(), url.encode())  # noqa: E731
    stage.forge.faults.add(How.SPOILT, on("GET", "/registry"), change=spoil)
    with pytest.raises(BusyError, match="clone_url"):
        api.destination()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("number", "1"),
        ("number", -1),
        ("number", True),
        ("title", "x" * (2 << 20)),
        ("updated_at", "2026-01-01T00:00:00"),
    ],
)
def test_fields_of_another_type_or_size_are_no_answer(field: str, value: Any) -> None:
    answer = github_answers.Answer({field: value})
    with pytest.raises(github_answers.BrokenAnswerError, match=field):
        (answer.number if field == "number" else answer.text if field == "title" else answer.time)(field)


def test_rules_made_by_hand_and_older_protection_are_read(stage: Stage) -> None:
    rulesets(stage.registry)[7] = {
        "name": "theirs",
        "target": "branch",
        "enforcement": "active",
        "conditions": {"ref_name": {"include": ["~ALL"], "exclude": []}},
        "bypass_actors": [
            {"actor_type": "DeployKey", "actor_id": None, "bypass_mode": "always"},
            {"actor_type": "Integration", "actor_id": 12, "bypass_mode": "always"},
        ],
        "rules": [{"type": "required_linear_history"}, {"type": "pull_request"}],
    }
    stage.registry.marks["older protection"] = {
        "required_status_checks": {
            "url": "x",
            "strict": False,
            "contexts": ["old check"],
            "contexts_url": "x",
            "checks": [{"context": "old check", "app_id": None}],
        },
        "allow_force_pushes": {"enabled": True},
        "allow_deletions": {"enabled": False},
    }
    rules = stage.api("admin").protection()
    assert (rules.linear, rules.force_push, rules.deletion, rules.pull_required) == (True, True, False, True)
    assert rules.checks == {"old check"}
    assert rules.pushers == {"deploy key", "Integration 12"}
    member = stage.api("mgh").protection()
    assert (member.linear, member.force_push, member.pushers) == (True, None, None)
    stage.registry.methods.discard("merge")
    left = stage.api("admin").protect(frozenset(), frozenset({"deploy key", "ghost", "no-app[bot]"}))
    assert sum("was not found" in sentence for sentence in left) == 2
    assert any("linear history" in sentence for sentence in left)
    assert any("allow merge commits" in sentence for sentence in left)


def test_an_app_is_let_past_by_its_number(stage: Stage) -> None:
    stage.forge.user(APP, "Bot")
    left = stage.api("admin").protect(frozenset({"check"}), frozenset({APP}))
    assert not any("not found" in sentence for sentence in left)
    assert stage.registry.protection["main"].pushers == {APP}


def test_who_is_no_admin_is_told(stage: Stage) -> None:
    with pytest.raises(RejectedError, match="admin rights") as told:
        stage.api("writer").protect(frozenset({"check"}), frozenset())
    assert "ask an admin" in told.value.hint
    with pytest.raises(TokenError):
        stage.api().protect(frozenset(), frozenset())


def test_of_an_account_that_is_gone_nothing_counts(stage: Stage) -> None:
    pull = stage.request("mgh")
    stage.forge.review(pull, "writer")
    gone = lambda body: body.replace(b'"user": {', b'"user": null, "was": {')  # noqa: E731
    api = stage.api(BOT)
    seen = api.pull(pull.number)
    stage.forge.faults.add(How.SPOILT, anything, change=gone)
    assert list(api.approvals(seen)) == []
    stage.forge.faults.add(How.SPOILT, anything, change=gone)
    assert api.pulls()[0].author == github.GHOST
    assert dataclasses.astuple(github.GHOST) == ("ghost", 0)


def test_a_commit_nobody_knows_was_brought_by_nobody(stage: Stage) -> None:
    assert list(stage.api("mgh").pulls_of("0" * 40)) == []
    with pytest.raises(UnknownIdError):
        stage.api("mgh").pull(4)
