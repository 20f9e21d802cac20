"""What Forgejo and Gitea do their own way: marks of merges, reviews that stay, labels by number, scopes."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from medperf_cli.adapters.forge.api import Protection, Vendor
from medperf_cli.adapters.forge.base import RequestState
from medperf_cli.adapters.forge.forgejo import connect
from medperf_cli.errors import BusyError, RejectedError, TokenError, UnknownIdError
from tests.support.forges import forgejo, git
from tests.support.forges.faults import How
from tests.support.forges.repository import Protection as Rules
from tests.support.forges.repository import Pull
from tests.support.forges.spoiling import spoil, without
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


def test_the_head_of_a_merged_request_is_the_one_that_was_merged(stage: Stage) -> None:
    """Forgejo shows where the branch stands now; whoever asked may have moved it since."""
    pull, api = stage.request("mgh"), stage.api(BOT)
    head, commit = pull.head, stage.forge.press_merge(stage.registry, pull, "admin")
    assert pull.source
    stage.forge.commit(pull.source, pull.branch, {"more": b"1\n"}, by="mgh")
    assert api.pull(1).head != head
    assert [shown.head for shown in api.pulls_of(commit)] == [head]
    spoil(stage, "/git/refs/", lambda ref: [ref | {"ref": "refs/pull/1/header"}, ref])  # as others answer
    assert [shown.head for shown in api.pulls_of(commit)] == [head]


# who opens from which branch


def test_ones_own_request_is_found_behind_a_strangers_of_the_same_branch(stage: Stage) -> None:
    """Anybody may open a request from somebody else's branch, and close it again."""
    source, api = stage.branch("mgh"), stage.api("mgh")
    strange = stage.forge.open(stage.registry, "eve", source, "medperf/1", title="mine now")
    stage.forge.close(strange, "eve")
    made = api.create("add", "what", api.destination(), "medperf/1")
    assert [pull.number for pull in api.pulls_from("mgh/registry", "medperf/1")] == [made.number, 1]
    assert [pull.number for pull in stage.api().pulls_from("mgh/registry", "medperf/1")] == [1]


def test_a_request_without_a_branch_is_from_no_repository(stage: Stage) -> None:
    """Who pushes to refs/for/main needs no fork; Forgejo shows such a request as if from the registry."""
    stage.request("writer")
    api = stage.api("writer")
    flow = {"flow": 1}
    for path in ("/pulls/main/", "/pulls"):
        spoil(
            stage, path, lambda shown: [p | flow for p in shown] if isinstance(shown, list) else shown | flow
        )
    assert api.pulls_from("consortium/registry", "medperf/1") == []


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
    plain = dataclasses.replace(stage.address, api="http://forge.example", host="forge.example")
    with pytest.raises(TokenError, match="is not https") as readable:
        connect(plain, secret)
    assert secret not in f"{readable.value.message} {readable.value.hint}"
    assert connect(plain, None).host == "forge.example"


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


# protection


def test_protect_says_what_the_rule_then_is(stage: Stage) -> None:
    stage.registry.marks[forgejo.MANUAL] = False
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
        )
    assert stage.registry.protection["main"].raw["block_on_official_review_requests"]
    assert [("code owners" in one, "required checks" in one) for one in by_hand] == [
        (True, False),
        (False, True),
    ]
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


def test_a_pusher_who_may_not_write_is_told(stage: Stage) -> None:
    """Forgejo leaves such a one out of the rule, and says nothing."""
    stage.forge.user("mgh")
    by_hand = stage.api("admin").protect(frozenset(), frozenset({BOT, "mgh"}))
    assert [sentence for sentence in by_hand if "'mgh'" in sentence]
    assert not [sentence for sentence in by_hand if BOT in sentence]
    assert stage.api("admin").protection().pushers == {BOT}


def test_rules_with_teams_keys_and_patterns_are_read(stage: Stage) -> None:
    """Gitea can let a protected branch be rewritten; a rule may be named by a pattern."""
    rules = Rules(branch="m*", pull_only=True, pushers={BOT})
    stage.registry.protection["main"] = rules
    rules.raw = {"push_whitelist_teams": ["owners"], "push_whitelist_deploy_keys": True}
    spoil(stage, "/branches/main", lambda branch: branch | {"effective_branch_protection_name": "m*"})
    spoil(stage, "/branch_protections", lambda listed: [listed[0] | {"enable_force_push": True}])
    seen = stage.api("admin").protection()
    assert seen.pushers == {BOT, "@owners", "deploy key"}
    assert seen.force_push
