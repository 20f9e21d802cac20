"""What Forgejo and Gitea do their own way: marks of merges, reviews that stay, labels by number, scopes."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
from pyforgejo import NotFoundError, PyforgejoApi
from pyforgejo.core.api_error import ApiError

from medperf_cli.adapters.forge import forgejo_web
from medperf_cli.adapters.forge.api import Protection, Vendor
from medperf_cli.adapters.forge.base import RequestState
from medperf_cli.adapters.forge.forgejo import connect
from medperf_cli.adapters.forge.forgejo_answers import GHOST
from medperf_cli.errors import BusyError, MedperfError, RejectedError, TokenError, UnknownIdError
from tests.support.forges import forgejo, forgejo_calls, git
from tests.support.forges import forgejo_schema as schema
from tests.support.forges.faults import How, on
from tests.support.forges.repository import Protection as Rules
from tests.support.forges.repository import Pull
from tests.support.forges.stage import BOT, Stage, staged


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "file:http")
    with staged(tmp_path / "forge", Vendor.FORGEJO) as stage:
        yield stage


def merged(stage: Stage, pull: Pull) -> str:
    """Push a merge of a request into main, as the bot does."""
    before = stage.registry.branches()
    who = git.identity(BOT, stage.forge.clock())
    tree = f"{pull.head}^{{tree}}"
    commit = git.commit_tree(stage.registry.path, tree, [before["main"], pull.head], "merge", who)
    git.git(stage.registry.path, "update-ref", "refs/heads/main", commit)
    stage.forge.pushed(stage.registry, before, stage.forge.user(BOT))
    return commit


def spoil(stage: Stage, part: str, change: Callable[[Any], Any], method: str = "GET") -> None:
    """Let the next answer from a path be another one."""

    def altered(body: bytes) -> bytes:
        return json.dumps(change(json.loads(body))).encode()

    stage.forge.faults.add(How.SPOILT, on(method, part), change=altered)


def without(*names: str) -> Callable[[Any], Any]:
    """Answers that lack fields, as of an older version."""

    def shorter(value: Any) -> Any:
        if isinstance(value, list):
            return [shorter(item) for item in value]
        if isinstance(value, dict):
            return {name: shorter(item) for name, item in value.items() if name not in names}
        return value

    return shorter


# merges


def test_forgejo_does_not_see_a_pushed_merge_until_the_bot_says_so(stage: Stage) -> None:
    pull, api = stage.request("mgh"), stage.api(BOT)
    commit = merged(stage, pull)
    assert api.pull(1).state is RequestState.OPEN
    api.settle(api.pull(1), commit)
    shown = api.pull(1)
    assert (shown.state, shown.merged_as) == (RequestState.MERGED, commit)
    assert shown.merged_by == api.whoami()
    assert api.pulls_of(commit) == [shown]
    api.settle(shown, commit)  # again: it stays so
    assert api.pull(1) == shown


def test_where_the_mark_is_forbidden_the_request_is_closed(stage: Stage) -> None:
    stage.registry.marks[forgejo.MANUAL] = False
    pull, api = stage.request("mgh"), stage.api(BOT)
    api.settle(api.pull(1), merged(stage, pull))
    assert api.pull(1).state is RequestState.CLOSED


def test_a_commit_outside_main_is_no_merge(stage: Stage) -> None:
    pull, api = stage.request("mgh"), stage.api(BOT)
    with pytest.raises(RejectedError, match="refuses request '1'"):
        api.settle(api.pull(1), pull.head)
    assert api.pull(1).state is RequestState.OPEN


def test_what_was_closed_or_is_gone_is_not_settled(stage: Stage) -> None:
    pull, api = stage.request("mgh"), stage.api(BOT)
    shown = api.pull(1)
    stage.forge.close(pull, "mgh")
    api.settle(shown, merged(stage, pull))
    assert api.pull(1).state is RequestState.CLOSED
    del stage.registry.pulls[1]
    with pytest.raises(UnknownIdError, match="no request '1'"):
        api.settle(shown, pull.head)


def test_closing_what_was_merged_meanwhile_leaves_it(stage: Stage) -> None:
    pull, api = stage.request("mgh"), stage.api(BOT)
    stage.forge.press_merge(stage.registry, pull, "admin")
    api.close(1)
    assert api.pull(1).merged_by == stage.api("admin").whoami()


# reviews


def test_an_approval_keeps_the_head_it_was_about(stage: Stage) -> None:
    pull, api = stage.request("mgh"), stage.api(BOT)
    stage.forge.review(pull, "admin")
    old = pull.head
    assert pull.source
    stage.forge.commit(pull.source, pull.branch, {"more": b"1\n"}, by="mgh")
    [approval] = api.approvals(api.pull(1))
    assert (approval.account.login, approval.commit) == ("admin", old)
    assert old != api.pull(1).head


@pytest.mark.parametrize("later", ["DISMISSED", "CHANGES_REQUESTED"])
def test_an_approval_ends_with_its_authors_next_word(stage: Stage, later: str) -> None:
    pull, api = stage.request("mgh"), stage.api(BOT)
    for login in ("admin", "writer"):
        stage.forge.review(pull, login)
    stage.forge.review(pull, "admin", later)
    stage.forge.review(pull, "writer", "COMMENTED", "well done")
    assert [a.account.login for a in api.approvals(api.pull(1))] == ["writer"]


def test_an_approval_ends_when_its_author_is_asked_again(stage: Stage) -> None:
    pull, api = stage.request("mgh"), stage.api(BOT)
    stage.forge.review(pull, "admin")
    pull.asked.append(stage.forge.user("admin"))
    assert api.approvals(api.pull(1)) == []


@pytest.mark.parametrize("lacks", ["dismissed", "commit_id", "user"])
def test_a_review_that_does_not_say_enough_is_left_out(stage: Stage, lacks: str) -> None:
    """Gitea before 1.14 does not tell what was dismissed; a team that was asked is no account."""
    pull, api = stage.request("mgh"), stage.api(BOT)
    stage.forge.review(pull, "admin")
    spoil(stage, "/reviews", without(lacks))
    assert api.approvals(api.pull(1)) == []
    assert len(api.approvals(api.pull(1))) == 1


# labels


def test_labels_are_made_where_they_lack_and_others_stay(stage: Stage) -> None:
    pull, api = stage.request("mgh"), stage.api(BOT)
    stage.forge.label(stage.registry, "urgent")
    pull.labels.append("urgent")
    api.label(api.pull(1), frozenset({"medperf:review"}))
    api.label(api.pull(1), frozenset({"medperf:ready"}))
    assert api.pull(1).labels == {"urgent", "medperf:ready"}
    assert stage.registry.labels["medperf:ready"].color == "5a7d9a"
    before = len(stage.forge.faults.calls())
    api.label(api.pull(1), frozenset({"medperf:ready"}))
    assert stage.forge.faults.calls(before) == ["GET /api/v1/repos/consortium/registry/pulls/1"]


def test_a_label_that_is_gone_already_is_no_error(stage: Stage) -> None:
    pull, api = stage.request("mgh"), stage.api(BOT)
    api.label(api.pull(1), frozenset({"medperf:review"}))
    shown = api.pull(1)
    pull.labels.clear()
    api.label(shown, frozenset())
    assert api.pull(1).labels == frozenset()


# rights


@pytest.mark.parametrize(
    ("message", "lacks"),
    [
        ("token does not have at least one of required scope(s): [write:issue]", "write:issue"),
        (
            "token does not have at least one of required scope(s), required=[read:user, read:org], token x",
            "read:user, read:org",
        ),
    ],
)
def test_a_missing_scope_is_named(stage: Stage, message: str, lacks: str) -> None:
    """In the words of Forgejo and of newer Gitea."""
    body = json.dumps({"message": message}).encode()
    told = {"Content-Type": "application/json"}
    stage.forge.faults.add(How.INSTEAD, status=403, headers=told, body=body)
    with pytest.raises(TokenError, match=f"lacks the scope '{lacks}'") as caught:
        stage.api(BOT).comment(1, "hello")
    assert "read:user, write:issue, write:repository" in caught.value.hint


def test_each_scope_is_needed_where_it_is_said_to_be(stage: Stage) -> None:
    stage.request("mgh")
    api = stage.api(token=stage.forge.token("mgh", ["read:repository"]))
    with pytest.raises(TokenError, match="read:user"):
        api.whoami()
    with pytest.raises(TokenError, match="write:issue"):
        api.comment(1, "hello")
    with pytest.raises(TokenError, match="write:repository"):
        api.close(1)
    assert api.pull(1).number == 1


def test_no_error_holds_the_token(stage: Stage) -> None:
    """Forgejo names a bad token in the message; a refusal may repeat anything that it was sent."""
    secret = "s3cr3t-t0ken"  # noqa: S105 - nobody's
    with pytest.raises(TokenError) as bad:
        stage.api(token=secret).whoami()
    body = json.dumps({"message": f"no {secret}\n\x1b[31m {'x' * 999}"}).encode()
    told = {"Content-Type": "application/json"}
    stage.forge.faults.add(How.INSTEAD, status=422, headers=told, body=body)
    with pytest.raises(RejectedError) as refused:
        stage.api(token=secret).comment(1, "hello")
    for error in (bad.value, refused.value):
        assert secret not in f"{error.message} {error.hint} {error.__cause__}"
    assert refused.value.message.isprintable()
    assert len(refused.value.message) < 400
    with pytest.raises(TokenError) as unfit:
        connect(stage.address, f"{secret}\r\nHost: elsewhere.example")
    assert secret not in unfit.value.message


def test_without_a_token_one_reads_and_is_told_so(stage: Stage) -> None:
    stage.request("mgh")
    api = stage.api()
    assert len(api.pulls()) == 1
    for ask in (api.whoami, api.destination, lambda: api.comment(1, "hello")):
        with pytest.raises(TokenError, match="only with a token"):
            ask()


@pytest.mark.parametrize(
    ("status", "says"),
    [(413, "a quota is used up"), (423, "archived"), (403, "may not do this"), (451, "451")],
)
def test_a_refusal_without_words_has_its_reason(stage: Stage, status: int, says: str) -> None:
    stage.forge.faults.add(How.INSTEAD, status=status)
    with pytest.raises(RejectedError, match=says):
        stage.api(BOT).comment(1, "hello")


# forks


def test_a_fork_of_another_name_is_found_and_reached(stage: Stage) -> None:
    stage.forge.fork(stage.registry, "mgh", "our-registry")
    api = stage.api("mgh")
    fork = api.destination()
    assert fork.name == "mgh/our-registry"
    stage.branch("mgh", "medperf/1")
    made = api.create("add", "what", fork, "medperf/1")
    assert api.pulls_from("mgh/our-registry", "medperf/1") == [made]
    assert api.pulls_from("mgh/registry", "medperf/1") == []


def test_a_taken_name_makes_a_fork_of_another_one(stage: Stage) -> None:
    stage.forge.repository("mgh/registry")
    fork = stage.api("mgh").destination()
    assert fork.name == "mgh/consortium-registry"
    assert fork.clone_url == f"{stage.forge.url}/mgh/consortium-registry.git"
    assert stage.api("mgh").destination() == fork


def test_the_address_of_a_fork_is_not_what_the_site_thinks(stage: Stage) -> None:
    """A site behind a proxy often does not know its own; and a token goes there."""
    api = stage.api("mgh")
    spoil(stage, "/forks", lambda fork: fork | {"clone_url": "http://evil.example/x.git"}, "POST")
    assert api.destination().clone_url == f"{stage.forge.url}/mgh/registry.git"


def test_a_name_that_is_none_is_a_broken_answer(stage: Stage) -> None:
    stage.forge.fork(stage.registry, "mgh")
    api = stage.api("mgh")
    for name in ("../../admin", "mgh/..", "mgh", "mgh/registry?x", "", 7):
        spoil(stage, "/mgh/registry", lambda fork, name=name: fork | {"full_name": name})
        with pytest.raises(BusyError, match="full_name"):
            api.destination()


# answers


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


# protection


def test_protect_says_what_the_rule_then_is(stage: Stage) -> None:
    stage.registry.marks[forgejo.MANUAL] = False
    stage.api(BOT)
    stage.api("writer")
    api = stage.api("admin")
    assert api.protection().protected is False
    for pushers in ({BOT, "writer"}, {BOT}):  # a second time it is edited
        by_hand = api.protect(frozenset({"check"}), frozenset(pushers))
        assert api.protection() == Protection(
            protected=True,
            pull_required=True,
            checks=frozenset({"check"}),
            force_push=False,
            deletion=False,
            linear=False,
            pushers=frozenset(pushers),
            code_owners=True,
        )
    assert any("required checks" in sentence for sentence in by_hand)
    assert stage.registry.marks[forgejo.MANUAL] is True


def test_who_is_no_administrator_sees_part_of_the_rule(stage: Stage) -> None:
    stage.registry.protection["main"] = Rules(pull_only=True, checks=["check"], pushers={BOT})
    for api in (stage.api(BOT), stage.api()):
        seen = api.protection()
        assert (seen.protected, seen.checks, seen.pushers) == (True, {"check"}, None)
    with pytest.raises(RejectedError, match="admin"):
        stage.api(BOT).protect(frozenset(), frozenset())


def test_a_pusher_without_an_account_is_refused(stage: Stage) -> None:
    with pytest.raises(RejectedError, match=r"user does not exist.*nobody"):
        stage.api("admin").protect(frozenset(), frozenset({"nobody"}))


def test_rules_with_teams_keys_and_patterns_are_read(stage: Stage) -> None:
    """Gitea can let a protected branch be rewritten; a rule may be named by a pattern."""
    rules = Rules(branch="m*", pull_only=True, pushers={BOT})
    stage.registry.protection["main"] = rules
    rules.raw = {"push_whitelist_teams": ["owners"], "push_whitelist_deploy_keys": True}
    spoil(stage, "/branches/main", lambda branch: branch | {"effective_branch_protection_name": "m*"})
    spoil(stage, "/branch_protections", lambda listed: [listed[0] | {"enable_force_push": True}])
    seen = stage.api("admin").protection()
    assert seen.pushers == {BOT, "@owners", "deploy keys"}
    assert seen.force_push


# the simulated Forgejo is strict


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


def test_what_breaks_the_schema_is_no_error_of_forgejos(stage: Stage) -> None:
    api = stage.api(BOT)
    with pytest.raises(MedperfError, match="schema"):
        api._web.ask("GET", "user", what="x", query={"page": 1})  # type: ignore[attr-defined]
