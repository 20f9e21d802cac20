"""Writing commits, moving refs, fetching and pushing, against real repositories."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from medperf_cli.adapters.store import remote
from medperf_cli.adapters.store.git import environment, printable
from medperf_cli.adapters.store.remote_errors import network_error
from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.adapters.store.writing import Author, write_commit
from medperf_cli.errors import ConfigurationError, ConflictError, NetworkError, UsageError
from tests.support.registry_repo import RegistryRepo

MEMBER = "registry/members/mgh/1.yml"
AUTHOR = Author("Mass General", "data@mgh.example")
WHEN = dt.datetime(2026, 11, 1, 12, tzinfo=dt.UTC)
MAIN = "refs/heads/main"


@pytest.fixture
def repo(tmp_path: Path) -> RegistryRepo:
    return RegistryRepo.make(tmp_path / "registry.git")


@pytest.fixture
def store(repo: RegistryRepo) -> Iterator[GitStore]:
    with GitStore(repo.path) as opened:
        yield opened


def write(store: GitStore, base: str | None, added: dict[str, bytes], **options: object) -> str:
    return write_commit(store, base, added, "add", author=AUTHOR, date=WHEN, **options)  # type: ignore[arg-type] # as given


def test_a_written_commit_is_what_git_would_have_written(repo: RegistryRepo, store: GitStore) -> None:
    base = repo.commit(
        {MEMBER: b"1", "README": b"x", "registry/cubes/mgh/a.b/1.yml": b"2", "registry/cubes/mgh/a": b"3"}
    )
    added = {"cubes/mgh/unet/1.yml": b"new\r\n", "cubes/mgh/unet/1.sig": b"sig", "members/acme/1.yml": b"1"}
    commit = write(store, base, added)
    same = repo.commit(
        {f"registry/{path}": data for path, data in added.items()}, ref="refs/heads/same", parents=[base]
    )
    assert store.commit(commit).tree == store.commit(same).tree
    assert store.commit(commit).parents == (base,)
    assert store.commit_time(commit) == WHEN
    assert dict(store.change(base, commit).added) == added
    assert repo.git("fsck", "--strict", "--no-dangling") == ""
    shown = repo.git("log", "-1", "--format=%an|%ae|%cn|%ce|%aI|%B", commit)
    assert (
        shown == "Mass General|data@mgh.example|Mass General|data@mgh.example|2026-11-01T12:00:00+00:00|add"
    )
    assert repo.head() == base  # no ref moves


def test_the_same_arguments_give_the_same_commit(store: GitStore, monkeypatch: pytest.MonkeyPatch) -> None:
    first = write(store, None, {"root/1.yml": b"1"})
    monkeypatch.setenv("GIT_AUTHOR_DATE", "2001-01-01T00:00:00")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    assert write(store, None, {"root/1.yml": b"1"}) == first
    assert store.commit(first).parents == ()
    assert list(store.snapshot(first).list("")) == ["root/1.yml"]


def test_files_may_stand_at_the_root_and_parents_be_named(store: GitStore) -> None:
    first = write(store, None, {"README.md": b"hello"}, folder="")
    side = write(store, None, {"root/1.yml": b"1"})
    merged = write(store, first, {"root/1.yml": b"1"}, parents=[first, side])
    assert store.commit(merged).parents == (first, side)
    assert store.git.read("show", f"{merged}:README.md") == b"hello"


def test_another_file_at_the_path_is_a_conflict_and_nothing_is_written(
    repo: RegistryRepo, store: GitStore
) -> None:
    base = repo.commit({MEMBER: b"1"})
    for path in ("members/mgh/1.yml", "members/mgh/1.yml/x", "members"):
        with pytest.raises(ConflictError, match="registry/members"):
            write(store, base, {path: b"2"})
    assert store.commit(write(store, base, {"members/mgh/1.yml": b"1"})).tree == store.commit(base).tree


@pytest.mark.parametrize("name", ["", "a\nparent 0", "<x>", "\0"])
def test_an_author_cannot_break_out_of_the_commit(store: GitStore, name: str) -> None:
    with pytest.raises(UsageError, match="cannot stand in a commit"):
        write_commit(store, None, {"a": b""}, "m", author=Author(name, "a@b"), date=WHEN)


def test_a_ref_moves_only_from_where_it_was_expected(store: GitStore) -> None:
    one = write(store, None, {"root/1.yml": b"1"})
    two = write(store, one, {"root/2.yml": b"2"})
    store.update_ref(MAIN, one, None)
    assert store.refs("refs/heads") == {MAIN: one}
    with pytest.raises(ConflictError):
        store.update_ref(MAIN, two, None)
    with pytest.raises(ConflictError):
        store.update_ref(MAIN, one, two)
    store.update_ref(MAIN, two, one)
    assert store.rev(MAIN) == two
    with pytest.raises(ConflictError):
        store.update_ref(MAIN, None, one)
    store.update_ref(MAIN, None, two)
    with pytest.raises(ConflictError):
        store.update_ref(MAIN, two, one)
    assert store.refs() == {}
    store.update_ref("refs/heads/none", None, None)
    with pytest.raises(UsageError):
        store.update_ref("main", one, None)


def test_somebody_elses_lock_on_a_ref_is_a_conflict(repo: RegistryRepo, store: GitStore) -> None:
    one = write(store, None, {"root/1.yml": b"1"})
    (repo.path / "refs" / "heads" / "main.lock").touch()
    with pytest.raises(ConflictError):
        store.update_ref(MAIN, one, None)


def test_no_hook_runs_when_a_ref_moves(repo: RegistryRepo, store: GitStore) -> None:
    hook = repo.path / "hooks" / "reference-transaction"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    store.update_ref(MAIN, write(store, None, {"root/1.yml": b"1"}), None)
    assert MAIN in store.refs()


def test_refs_below_a_prefix_only(store: GitStore) -> None:
    one = write(store, None, {"root/1.yml": b"1"})
    for ref in ("refs/pull/ab/head", "refs/pull/ab/decisions/mgh", "refs/pulled/x"):
        store.update_ref(ref, one, None)
    assert list(store.refs("refs/pull")) == list(store.refs("refs/pull/"))
    assert list(store.refs("refs/pull")) == ["refs/pull/ab/decisions/mgh", "refs/pull/ab/head"]


@pytest.fixture
def member(repo: RegistryRepo, tmp_path: Path) -> Iterator[GitStore]:
    """A member's clone of a registry with one commit."""
    repo.commit({MEMBER: b"1"})
    with remote.clone(str(repo.path), tmp_path / "clone", [f"+{MAIN}:{MAIN}"]) as store:
        yield store


def test_clone_push_and_fetch(repo: RegistryRepo, member: GitStore, store: GitStore) -> None:
    base = member.rev(MAIN)
    request = write(member, base, {"cubes/mgh/unet/1.yml": b"1"})
    ref = "refs/pull/0123456789abcdef/head"
    pushed = remote.push(member, str(repo.path), [f"{request}:{ref}"], leases={ref: None})
    assert (pushed.ok, pushed.accepted, pushed.remote) == (True, (ref,), ())
    assert store.refs("refs/pull") == {ref: request}
    store.update_ref(MAIN, request, base)
    steps: list[str] = []
    remote.fetch(
        member,
        repo.path.as_uri(),
        [f"{MAIN}:refs/remotes/origin/main"],
        lambda step, _done, _total: steps.append(step),
    )
    assert member.rev("refs/remotes/origin/main") == request
    assert not (member.path / "FETCH_HEAD").exists()


def test_a_relative_path_is_meant_from_here(
    repo: RegistryRepo, member: GitStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repo.path.parent)
    remote.fetch(member, "registry.git", [f"{MAIN}:refs/remotes/origin/main"])
    assert member.rev("refs/remotes/origin/main") == repo.head()


def test_progress_is_reported(repo: RegistryRepo, member: GitStore) -> None:
    repo.commit({f"registry/cubes/mgh/c{n}/1.yml": b"%d" % n for n in range(200)})
    seen: list[tuple[str, int, int | None]] = []
    remote.fetch(member, repo.path.as_uri(), [f"{MAIN}:{MAIN}"], lambda *step: seen.append(step))
    received = [(done, total) for step, done, total in seen if step == "receiving objects"]
    assert received[-1][0] == received[-1][1]
    assert received[-1][0] > 200


def test_a_ref_that_exists_is_not_overwritten(repo: RegistryRepo, member: GitStore) -> None:
    other = write(member, None, {"root/1.yml": b"other"})
    pushed = remote.push(member, str(repo.path), [f"+{other}:{MAIN}"], leases={MAIN: None})
    assert pushed.refused == {MAIN: "[rejected] (stale info)"}
    assert repo.head() != other
    plain = remote.push(member, str(repo.path), [f"{other}:{MAIN}"])
    assert not plain.ok


def test_what_a_hook_says_comes_back_clean(repo: RegistryRepo, member: GitStore) -> None:
    hook = repo.path / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(
        "#!/bin/sh\n"
        "printf 'TREE001 edited\\n\\033[31mSEE\\033[0m \\a\\033]0;title\\007 rules\\n' >&2\nexit 1\n"
    )
    hook.chmod(0o755)
    commit = write(member, member.rev(MAIN), {"members/acme/1.yml": b"1"})
    pushed = remote.push(member, str(repo.path), [f"{commit}:{MAIN}", f"{commit}:refs/heads/x"], atomic=True)
    assert not pushed.ok
    assert set(pushed.refused) == {MAIN, "refs/heads/x"}
    assert "pre-receive hook declined" in pushed.refused[MAIN]
    assert pushed.remote[0] == "TREE001 edited"
    assert pushed.remote[1].startswith("SEE")
    assert all(line.isprintable() for line in pushed.remote)
    assert repo.head() != commit


def test_a_rewritten_history_is_not_fetched_over_the_old_one(repo: RegistryRepo, member: GitStore) -> None:
    repo.commit({MEMBER: b"rewritten"}, parents=[])
    with pytest.raises(ConflictError, match="does not continue"):
        remote.fetch(member, str(repo.path), [f"{MAIN}:{MAIN}"])


def test_broken_objects_are_refused_on_arrival(repo: RegistryRepo, member: GitStore) -> None:
    tree = repo.raw_tree(b"100644 a\0" + b"\1" * 20 + b"100644 a\0" + b"\1" * 20)
    for name in ("a", "b"):
        blob = repo.git("hash-object", "-w", "--stdin", stdin=name.encode())
        tree = repo.raw_tree(2 * (b"100644 a\0" + bytes.fromhex(blob)))
    repo.git("update-ref", "refs/heads/evil", repo.commit_tree(tree))
    with pytest.raises(NetworkError):
        remote.fetch(member, repo.path.as_uri(), ["refs/heads/evil:refs/heads/evil"])
    assert member.rev("refs/heads/evil") is None


def test_a_folder_of_another_user_is_named_with_the_way_to_trust_it() -> None:
    said = (
        "fatal: detected dubious ownership in repository at '/srv/registry.git'\n"
        "To add an exception for this directory, call:\n\n"
        "\tgit config --global --add safe.directory /srv/registry.git"
    )
    error = network_error("file:///srv/registry.git", said)
    assert isinstance(error, ConfigurationError)
    assert "another user's" in error.message
    assert "`git config --global --add safe.directory /srv/registry.git`" in error.hint


@pytest.mark.parametrize(
    ("status", "next_step"), [("503", "wait"), ("429", "wait"), ("404", "check the address")]
)
def test_what_a_server_answers_is_said_once_with_what_to_do(status: str, next_step: str) -> None:
    url = "https://git.example.org/lab/registry.git"
    error = network_error(
        url, f"fatal: unable to access '{url}/': The requested URL returned error: {status}"
    )
    assert isinstance(error, NetworkError)
    assert error.message == f"remote '{url}' failed: The requested URL returned error: {status}"
    assert next_step in error.hint


def test_an_authority_that_git_does_not_know_is_told_how_to_be_known() -> None:
    said = "server certificate verification failed. CAfile: none CRLfile: none"
    error = network_error("https://git.example.org/r.git", f"fatal: unable to access 'https://x/': {said}")
    assert isinstance(error, NetworkError)
    assert "http.sslCAInfo" in error.hint


def test_a_full_disk_of_ours_is_no_fault_of_the_remote() -> None:
    said = "fatal: write error: No space left on device\nfatal: fetch-pack: invalid index-pack output\n"
    ours = network_error("file:///srv/registry.git", said)
    assert isinstance(ours, ConfigurationError)
    assert "free some space" in ours.hint
    theirs = network_error("file:///srv/registry.git", f"remote: {said}")
    assert isinstance(theirs, NetworkError)


@pytest.mark.parametrize(
    "url",
    ["file:///nowhere/registry.git", "/nowhere/registry.git", "--upload-pack=touch pwned", "ext::sh -c true"],
)
def test_a_remote_that_is_none_is_a_network_error(
    member: GitStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GIT_ALLOW_PROTOCOL")
    for act in (
        lambda: remote.fetch(member, url, [MAIN]),
        lambda: remote.push(member, url, [f"{MAIN}:{MAIN}"]),
    ):
        with pytest.raises(NetworkError):
            act()
    assert not (tmp_path / "pwned").exists()


def test_a_failed_clone_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(NetworkError):
        remote.clone("file:///nowhere", tmp_path / "clone", [f"+{MAIN}:{MAIN}"])
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "taken").mkdir()
    with pytest.raises(ConfigurationError, match="exists already"):
        remote.clone("file:///nowhere", tmp_path / "taken", [MAIN])


def test_init_wants_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="not a directory"):
        remote.init(tmp_path / "file")
    with remote.init(tmp_path / "new") as store:
        assert store.git.read("symbolic-ref", "HEAD") == b"refs/heads/main\n"
        assert not (store.path / "hooks").exists()
    source = RegistryRepo.make(tmp_path / "source.git")
    blob = source.git("hash-object", "-w", "--stdin", stdin=b"x")
    twice = source.raw_tree(2 * (b"100644 a\0" + bytes.fromhex(blob)))
    source.git("update-ref", "refs/heads/evil", source.commit_tree(twice))
    with GitStore(source.path) as sender:
        assert not remote.push(sender, str(tmp_path / "new"), ["refs/heads/evil:refs/heads/evil"]).ok
    with pytest.raises(ConfigurationError, match="not empty"):
        remote.init(tmp_path / "new")


def test_no_secret_is_shown(member: GitStore) -> None:
    with pytest.raises(NetworkError) as error:
        remote.fetch(member, "https://me:ghp_secret@127.0.0.1:9/x.git?token=ghp_secret", [MAIN])
    assert "ghp_secret" not in str(error.value)
    assert "127.0.0.1:9/x.git" in str(error.value)
    for address in ("https://me:p@ss:wo@rd@host/x", "'https://me:p@ss:wo@rd@host/x'"):
        assert printable(f"clone {address}") == f"clone {address.replace('me:p@ss:wo@rd@', '')}"
    assert (
        printable("https://blob/x?sv=1&sig=secret&passwd=secret") == "https://blob/x?sv=1&sig=...&passwd=..."
    )
    assert printable("\x1b[1mbold\x1b[0m \u202eevil\x07") == "bold  evil"


def test_what_reaches_git(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"GIT_SSH_COMMAND": "ssh -v", "GIT_DIR": "/x", "GIT_TRACE_CURL": "1", "GIT_CONFIG_COUNT": "1"}
    given |= {
        "GIT_CONFIG_KEY_0": "http.extraheader",
        "GIT_QUARANTINE_PATH": "/q",
        "HTTPS_PROXY": "http://p:1",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    local, network, hook = environment(), environment(network=True), environment(hook=True)
    assert {n for n in given if n in local} == {"HTTPS_PROXY"}
    assert {n for n in given if n in network} == {
        "GIT_SSH_COMMAND",
        "GIT_CONFIG_COUNT",
        "GIT_CONFIG_KEY_0",
        "HTTPS_PROXY",
    }
    assert hook["GIT_QUARANTINE_PATH"] == "/q"
    assert local["GIT_CONFIG_GLOBAL"] == os.devnull
    assert (local["GIT_NO_REPLACE_OBJECTS"], network["GIT_TERMINAL_PROMPT"], local["LC_ALL"]) == (
        "1",
        "0",
        "C",
    )
