"""The core of the simulated forges is a forge: real git over HTTP, requests that follow it, and faults."""

from __future__ import annotations

import http.client
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Blueprint

from tests.support.forges import git, merging
from tests.support.forges.faults import How, on
from tests.support.forges.forge import SimulatedForge, Traits
from tests.support.forges.people import BadCredentialsError
from tests.support.forges.repository import Protection, Pull, Repository
from tests.support.forges.server import serving
from tests.support.forges.stage import Stage


@pytest.fixture
def forge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatedForge]:
    monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "file:http")
    forge = SimulatedForge(tmp_path / "forge", Traits(refusal="GH006:"))
    with serving(forge, _clicks):
        yield forge


def _clicks(forge: SimulatedForge) -> Blueprint:
    """A web interface with one thing to do."""
    api = Blueprint("clicks", "clicks")

    @api.post("/click")
    def click() -> dict[str, int]:
        forge.user(f"clicked-{len(forge.users)}")
        return {"users": len(forge.users)}

    return api


@pytest.fixture
def registry(forge: SimulatedForge) -> Repository:
    made = forge.repository("hub/registry", roles={"writer": "write"})
    forge.commit(made, "main", {"README": b"hello\n"}, by="hub")
    return made


def _clone(forge: SimulatedForge, folder: Path, token: str | None = None, name: str = "hub/registry") -> Path:
    stage = Stage.__new__(Stage)
    done = stage.git(folder, token, "clone", "-q", f"{forge.url}/{name}.git", "clone")
    assert done.returncode == 0, done.stderr
    for key, value in {"user.name": "w", "user.email": "w@example.org"}.items():
        git.git(folder / "clone" / ".git", "config", key, value)
    return folder / "clone"


def _push(clone: Path, token: str | None, *refspecs: str) -> subprocess.CompletedProcess[str]:
    return Stage.__new__(Stage).git(clone, token, "push", "-q", "origin", *refspecs)


def _commit(clone: Path, path: str, data: bytes = b"1\n") -> str:
    (clone / path).write_bytes(data)
    subprocess.run(["git", "-C", str(clone), "add", "."], check=True)
    subprocess.run(["git", "-C", str(clone), "commit", "-qm", path], check=True)
    return git.git(clone / ".git", "rev-parse", "HEAD")


def _open(forge: SimulatedForge, registry: Repository, login: str = "mgh", path: str = "a") -> Pull:
    fork = forge.fork(registry, login)
    forge.commit(fork, "topic", {path: b"1\n"}, by=login)
    return forge.open(registry, login, fork, "topic", title="add a")


def test_a_push_needs_a_token_with_the_right_and_arrives(
    forge: SimulatedForge, registry: Repository, tmp_path: Path
) -> None:
    clone = _clone(forge, tmp_path)
    commit = _commit(clone, "big", bytes(range(256)) * 8000)  # more than git sends in one piece
    assert "Authentication" in (said := _push(clone, None, "HEAD:topic").stderr) or "could not read" in said
    assert "403" in _push(clone, forge.token("stranger"), "HEAD:topic").stderr
    assert _push(clone, "tok-nobody", "HEAD:topic").returncode
    assert not _push(clone, forge.token("writer"), "HEAD:topic").returncode
    assert registry.commit("topic") == commit
    assert "hidden ref" in _push(clone, forge.token("writer"), "HEAD:refs/pull/1/head").stderr


def test_a_private_repository_is_shown_to_its_readers_only(
    forge: SimulatedForge, registry: Repository, tmp_path: Path
) -> None:
    registry.private = True
    _clone(forge, tmp_path, forge.token("writer"))
    done = Stage.__new__(Stage).git(
        tmp_path, forge.token("eve"), "ls-remote", f"{forge.url}/hub/registry.git"
    )
    assert "not found" in done.stderr


def test_a_protected_branch_takes_what_its_rules_allow(
    forge: SimulatedForge, registry: Repository, tmp_path: Path
) -> None:
    clone, token = _clone(forge, tmp_path), forge.token("writer")
    registry.protection["main"] = rules = Protection(pull_only=True, pushers={"bot"})
    registry.roles["bot"] = "write"
    _commit(clone, "x")
    assert "through a pull request" in _push(clone, token, "HEAD:main").stderr
    assert not _push(clone, forge.token("bot"), "HEAD:main").returncode
    _commit(clone, "y")
    subprocess.run(["git", "-C", str(clone), "reset", "-q", "--hard", "HEAD~2"], check=True)
    assert "Cannot force-push" in _push(clone, forge.token("bot"), "+HEAD:main").stderr
    assert "Cannot delete" in _push(clone, forge.token("bot"), ":main").stderr
    rules.linear = True
    tip = git.git(clone / ".git", "rev-parse", "origin/main")
    who = git.identity("w", forge.clock())
    merge = git.commit_tree(clone / ".git", "HEAD^{tree}", [tip, "HEAD"], "a merge", who)
    assert "merge commits" in _push(clone, forge.token("bot"), f"{merge}:main").stderr


def test_a_requests_head_follows_its_branch_and_ends_with_it(
    forge: SimulatedForge, registry: Repository
) -> None:
    pull = _open(forge, registry)
    assert git.refs(registry.path)["refs/pull/1/head"] == pull.head
    assert pull.source
    new = forge.commit(pull.source, "topic", {"b": b"2\n"}, by="mgh")
    assert git.refs(registry.path)["refs/pull/1/head"] == new == pull.head
    assert forge.issue(registry, "eve").number == 2
    forge.delete_branch(pull.source, "topic", "mgh")
    assert (pull.state, pull.source_gone) == ("closed", True)


def test_a_push_of_merges_marks_each_request_as_merged(forge: SimulatedForge, registry: Repository) -> None:
    one, two, three = (_open(forge, registry, login, login) for login in ("a", "b", "c"))
    who, before = git.identity("bot", forge.clock()), registry.branches()
    first = git.commit_tree(registry.path, f"{one.head}^{{tree}}", [before["main"], one.head], "1", who)
    second = git.commit_tree(registry.path, f"{two.head}^{{tree}}", [first, two.head], "2", who)
    git.git(registry.path, "update-ref", "refs/heads/main", second)
    forge.pushed(registry, before, forge.user("bot"))
    assert [(p.state, p.merged_as) for p in (one, two, three)] == [
        ("merged", first),
        ("merged", second),
        ("open", None),
    ]


@pytest.mark.parametrize("method", ["merge", "squash", "rebase"])
def test_the_button_merges(forge: SimulatedForge, registry: Repository, method: str) -> None:
    pull = _open(forge, registry)
    commit = forge.press_merge(registry, pull, "hub", method)
    assert registry.commit() == commit == pull.merged_as
    assert pull.merged_by == forge.user("hub")
    parents = git.git(registry.path, "rev-list", "--parents", "-n", "1", commit).split()[1:]
    assert len(parents) == (2 if method == "merge" else 1)
    assert git.git(registry.path, "show", f"{commit}:a") == "1"


def test_the_button_is_grey_without_checks_and_reviews(forge: SimulatedForge, registry: Repository) -> None:
    pull = _open(forge, registry)
    registry.protection["main"] = Protection(checks=["check"], reviews=1)
    assert "check" in str(merging.unmet(registry, pull))
    registry.statuses[pull.head] = {"check": "success"}
    assert "approving" in str(merging.unmet(registry, pull))
    forge.review(pull, "hub")
    assert merging.unmet(registry, pull) is None


def test_a_renamed_account_keeps_its_number_and_tokens_end(forge: SimulatedForge) -> None:
    old, token = forge.user("mgh"), forge.token("mgh", expires=forge.clock())
    assert forge.rename("mgh", "mgb").number == old.number
    with pytest.raises(BadCredentialsError):
        forge.authenticated(token)


def _click(forge: SimulatedForge) -> tuple[int, bytes]:
    client = http.client.HTTPConnection(forge.url.removeprefix("http://"), timeout=0.3)
    try:
        client.request("POST", "/click")
        answer = client.getresponse()
        return answer.status, answer.read()
    finally:
        client.close()


@pytest.mark.parametrize(("how", "done"), [(How.BEFORE, 0), (How.AFTER, 1), (How.HANG, 0)])
def test_a_dropped_connection_is_one(forge: SimulatedForge, how: How, done: int) -> None:
    forge.faults.add(how, on("POST", "/click"))
    with pytest.raises((http.client.HTTPException, OSError)):
        _click(forge)
    forge.faults.over.set()
    assert len(forge.users) == done
    assert _click(forge)[0] == 200
    assert forge.faults.calls() == ["POST /click"] * 2


def test_answers_go_wrong_as_asked(forge: SimulatedForge) -> None:
    forge.faults.busy(429, retry_after="3")
    forge.faults.html()
    forge.faults.add(How.CUT)
    forge.faults.add(How.SPOILT, change=lambda body: body.replace(b"users", b"sorry"))
    assert _click(forge)[0] == 429
    assert b"log in" in _click(forge)[1]
    assert len(forge.users) == 0
    assert b"}" not in _click(forge)[1]
    assert b"sorry" in _click(forge)[1]
    assert forge.faults.pending == 0
