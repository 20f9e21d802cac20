"""What only GitLab has: approvals without a commit, slow forks, sub-groups, job tokens, quick actions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from medperf_cli.adapters.forge.api import Account, Vendor
from medperf_cli.adapters.forge.gitlab_protection import PIPELINE
from medperf_cli.adapters.forge.gitlab_shapes import plain, quiet
from medperf_cli.adapters.forge.patience import Patient
from medperf_cli.core.carried import carried, carrying
from medperf_cli.errors import BusyError, RejectedError, TokenError, UnknownIdError
from tests.support.forges.stage import BOT, Stage, staged

JOB, PLAIN = "glcbt-64_of-a-job", "tok-tok"


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "file:http")
    with staged(tmp_path / "forge", Vendor.GITLAB) as stage:
        yield stage


@pytest.mark.parametrize("old", [False, True], ids=["says when", "has notes only"])
def test_an_approval_counts_for_the_head_that_was_there_when_it_was_given(stage: Stage, old: bool) -> None:
    stage.registry.marks["old"] = old
    request, api = stage.request("mgh"), stage.api(BOT)
    stage.forge.review(request, "chair")
    (approval,) = api.approvals(api.pull(1))
    assert (approval.account.login, approval.commit) == ("chair", request.head)
    assert request.source
    stage.forge.commit(request.source, request.branch, {"registry/b.yml": b"b: 1\n"}, by="mgh")
    assert not api.approvals(api.pull(1))  # it stands in the page, and was given to what was there before
    stage.forge.review(request, "chair")
    stage.forge.review(request, "deputy")
    stage.forge.review(request, "deputy", "DISMISSED")
    assert [(a.account.login, a.commit) for a in api.approvals(api.pull(1))] == [("chair", request.head)]


def test_an_approval_waits_until_gitlab_has_seen_the_newest_push(stage: Stage) -> None:
    request, api = stage.request("mgh"), stage.api(BOT)
    stage.forge.review(request, "chair")
    assert request.source
    seen = api.pull(1)
    stage.forge.commit(request.source, request.branch, {"registry/b.yml": b"b: 1\n"}, by="mgh")
    stage.forge.review(request, "chair")
    assert not api.approvals(seen)  # of the older head: the newest version is another
    request.moved.pop()
    assert not api.approvals(api.pull(1))  # of the newer head: there is no version of it yet


def test_a_fork_is_waited_for_and_made_once(stage: Stage) -> None:
    stage.registry.marks["fork_import_polls"] = 3
    slept: list[float] = []
    with pytest.raises(BusyError, match="still copies") as caught:
        stage.api("mgh").destination()
    fork = Patient(stage.api("mgh"), slept.append).destination()
    assert (fork.name, slept) == ("mgh/registry", [caught.value.after])
    assert sum(call.startswith("POST") for call in stage.forge.faults.calls()) == 1


def test_a_fork_that_cannot_be_made_is_told(stage: Stage) -> None:
    stage.registry.marks["fork_import_ends"] = "failed"
    with pytest.raises(RejectedError, match="could not copy") as caught:
        stage.api("mgh").destination()
    assert "delete 'mgh/registry'" in caught.value.hint
    stage.forge.repository("mit/registry")
    with pytest.raises(RejectedError, match="already been taken"):
        stage.api("mit").destination()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"archived": True}, "is archived"),
        ({"merge_requests_enabled": False}, "has no merge requests"),
        ({"forking_access_level": "disabled"}, "may not be forked"),
    ],
)
def test_a_project_that_takes_no_requests_says_so(
    stage: Stage, settings: dict[str, object], words: str
) -> None:
    stage.registry.marks["settings"] = settings
    with pytest.raises(RejectedError, match=words):
        stage.api("mgh").destination()


def test_a_project_may_stand_in_sub_groups(stage: Stage) -> None:
    stage.registry = stage.forge.repository("consortium/imaging/chest/registry", roles={BOT: "write"})
    stage.forge.commit(stage.registry, "main", {"README.md": b"a registry\n"}, by=BOT)
    stage.request("mgh")
    api = stage.api(BOT)
    assert api.repository == "consortium/imaging/chest/registry"
    assert [pull.source for pull in api.pulls()] == ["mgh/registry"]
    assert api.destination().name == api.repository


def test_a_job_token_reads_what_is_public_and_is_told_what_to_make(stage: Stage) -> None:
    stage.request("mgh")
    stage.forge.token(BOT, text=JOB)
    api = stage.api(token=JOB)
    assert [pull.number for pull in api.pulls()] == [1]
    for act in (api.whoami, lambda: api.comment(1, "hello"), lambda: api.close(1), api.destination):
        with pytest.raises(TokenError, match="no CI job token") as caught:
            act()
        assert "project access token (scope 'api'" in caught.value.hint
    stage.registry.private = True
    with pytest.raises(TokenError, match="no CI job token"):
        api.pulls()


def test_a_token_that_cannot_do_it_says_which_can(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.request("mgh")
    reader = stage.api(token=stage.forge.token(BOT, scopes=["read_api"]))
    assert reader.pulls()
    for token, words in {
        stage.forge.token(BOT, scopes=["read_api"]): "lacks the scope 'api'",
        stage.forge.token(BOT, expires=stage.forge.clock()): "Token is expired",
        stage.forge.token(BOT, revoked=True): "Token was revoked",
        "glpat-of-nobody": "does not know this token",
        stage.forge.token("stranger"): "does not give",
    }.items():
        with pytest.raises(TokenError, match=words) as caught:
            stage.api(token=token).close(1)
        assert token not in f"{caught.value} {caught.value.hint}"
    with pytest.raises(TokenError, match="nobody without a token"):
        stage.api().comment(1, "hello")
    monkeypatch.setenv("CI_JOB_TOKEN", PLAIN)
    with pytest.raises(TokenError, match="no CI job token"):
        stage.api(token=PLAIN).whoami()


def test_everybody_reads_the_comments_of_a_public_project(stage: Stage) -> None:
    request = stage.request("mgh")
    for number in range(5):
        stage.forge.comment(request, "mgh", f"{number}\n\\/close")
    stage.forge.review(request, "chair")
    seen = stage.api().comments(1)
    assert [comment.body for comment in seen] == [f"{number}\n/close" for number in range(5)]
    assert seen == stage.api(BOT).comments(1)
    with pytest.raises(UnknownIdError, match="shows no merge request 2"):
        stage.api().comments(2)
    stage.registry.private = True
    with pytest.raises(UnknownIdError, match="shows no merge request 1"):
        stage.api().comments(1)


def test_a_title_is_cut_to_what_gitlab_takes(stage: Stage) -> None:
    stage.branch(BOT)
    api = stage.api(BOT)
    assert len(api.create("a" * 300, "", api.destination(), "medperf/1").title) == 255
    with pytest.raises(RejectedError, match="title can't be blank"):
        api.create(" ", "", api.destination(), "medperf/2")
    with pytest.raises(RejectedError, match="source_branch does not exist"):
        api.create("b", "", api.destination(), "medperf/2")
    with pytest.raises(RejectedError, match="already exists") as caught:
        api.create("b", "", api.destination(), "medperf/1")
    assert "review ls" in caught.value.hint


def test_a_renamed_user_is_the_same_account(stage: Stage) -> None:
    request, api = stage.request("mgh"), stage.api(BOT)
    stage.forge.comment(request, "mgh", "please look")
    number = stage.forge.user("mgh").number
    stage.forge.rename("mgh", "mgb")
    renamed = Account("mgb", number)
    assert (api.pull(1).author, api.comments(1)[0].author) == (renamed, renamed)


def test_no_text_of_ours_acts_in_our_name(stage: Stage) -> None:
    api, hostile = stage.api(BOT), "see\n/approve\n  \r/close\n```\n/label ~x\n```\n\\/close"
    source = stage.branch(BOT)
    fork = api.destination()
    assert fork.name == source.full_name
    pull = api.create("t", hostile, fork, "medperf/1")
    note = api.comment(1, hostile)
    api.edit_comment(1, note.number, hostile)
    api.edit(1, "t", hostile)
    seen = api.pull(1)
    assert (seen.state, seen.labels, api.approvals(seen)) == (pull.state, frozenset(), [])
    assert {seen.body, api.comments(1)[0].body} == {hostile.replace("\r", "")}  # which GitLab takes away
    assert stage.registry.pulls[1].body.count("\\/") == 4
    requests.put(
        f"{stage.forge.url}/api/v4/projects/{stage.registry.number}/merge_requests/1",
        json={"description": "a\n/close"},
        headers={"Authorization": f"Bearer {stage.forge.token(BOT)}"},
        timeout=5,
    )
    assert api.pull(1).state == "closed"  # so the simulated GitLab does carry out what is not made text


@given(st.text("/\\ab`\n\r\t <!-medprf:sign\u2028", max_size=60))
def test_text_survives_being_made_text(text: str) -> None:
    assert plain(quiet(text)) == text
    assert not any(line.lstrip().startswith("/") for line in quiet(text).split("\n"))


def test_signed_files_are_carried_to_the_byte() -> None:
    files = {"members/mgh/1.yml.sig/mgh": b"-----BEGIN\n/close\n/Ab0\n-----END\n"}
    files = {"cubes/acme/forest/1.yml": next(iter(files.values()))}
    text = carrying(files, "/approve")
    assert carried(quiet(text)) == carried(plain(quiet(text))) == files
    assert "\\/approve" in quiet(text)


def test_all_pages_are_turned_at_the_address_given(stage: Stage) -> None:
    request = stage.request("mgh")
    for number in range(205):
        stage.forge.comment(request, "mgh", str(number))
    api = stage.api(BOT)
    stage.forge.url = "http://inner.example.org"  # what this GitLab believes, and puts into its links
    assert [comment.body for comment in api.comments(1)] == [str(number) for number in range(205)]
    stage.forge.url = ""


def test_many_forks_are_asked_for_in_one_list(stage: Stage) -> None:
    for site in ("mgh", "mit", "ucl", "tum", "kth"):
        stage.request(site)
    before = len(stage.forge.faults.calls())
    assert len({pull.source for pull in stage.api(BOT).pulls()}) == 5
    assert len(stage.forge.faults.calls(before)) == 2


def test_a_deleted_fork_leaves_a_request_without_source(stage: Stage) -> None:
    request = stage.request("mgh")
    assert request.source
    stage.forge.delete_repository(request.source)
    api = stage.api(BOT)
    assert (api.pull(1).source, api.pull(1).head) == ("", request.head)
    assert api.pulls_from("mgh/registry", request.branch) == []


def test_premium_names_who_may_push(stage: Stage) -> None:
    admin, bot = stage.api("admin"), stage.forge.user(BOT)
    assert admin.protection().protected is False
    assert stage.api("mgh").protection().protected is None  # not shown to a stranger
    assert not admin.protect(frozenset({"check"}), frozenset({BOT}))
    found = admin.protection()
    assert (found.protected, found.pull_required, found.force_push) == (True, True, False)
    assert (found.pushers, found.checks, found.code_owners) == ({bot.login}, {PIPELINE}, True)
    assert stage.registry.marks["approvals"] == {
        "reset_approvals_on_push": True,
        "merge_requests_author_approval": False,
    }
    left = admin.protect(frozenset(), frozenset({BOT, "ghost"}))
    assert [words for words in left if "ghost" in words]


def test_what_free_cannot_protect_is_left_to_people(stage: Stage) -> None:
    stage.registry.marks["free"] = True
    stage.forge.user(BOT)
    left = stage.api("admin").protect(frozenset({"check"}), frozenset({BOT}))
    assert [BOT in words for words in left] == [True, False, False]
    assert all("Premium" in words or "roles" in words for words in left)
    found = stage.api("admin").protection()
    assert (found.pull_required, found.pushers) == (True, {"admin"})  # those with the role, by name
    stage.registry.roles[BOT] = "maintain"
    assert stage.api("admin").protection().pushers == {"admin", BOT}
    stage.registry.protection["main"].raw["role"] = 30
    assert stage.api("admin").protection().pull_required is False


def test_a_wildcard_protects_main_too(stage: Stage) -> None:
    admin = stage.api("admin")
    admin.protect(frozenset(), frozenset())
    rules = stage.registry.protection.pop("main")
    rules.branch = "m*"
    stage.registry.protection["m*"] = rules
    assert admin.protection().protected is True
