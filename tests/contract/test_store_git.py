"""A registry in a real git repository: what is read, what a change is, what history is."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.core.snapshot import MAX_CHANGE_FILES, MAX_FILE, Change
from medperf_cli.errors import ConfigurationError, IntegrityError, NetworkError
from tests.support.registry_repo import GENESIS, Odd, RegistryRepo

MEMBER = "registry/members/mgh/1.yml"
CUBE = "registry/cubes/mgh/unet/1.yml"


@pytest.fixture
def repo(tmp_path: Path) -> RegistryRepo:
    return RegistryRepo.make(tmp_path / "registry.git")


@pytest.fixture
def store(repo: RegistryRepo) -> Iterator[GitStore]:
    with GitStore(repo.path) as opened:
        yield opened


def reasons(change: Change) -> dict[str, str]:
    return {entry.shown: reason for entry, reason in change.refused}


def test_a_snapshot_reads_the_files_of_its_commit(repo: RegistryRepo, store: GitStore) -> None:
    first = repo.commit({MEMBER: b"one\n", "README": b"outside"})
    second = repo.commit({CUBE: b"two\n", "registry/cubes/mgh/unet/1.sig": b"sig"})
    assert store.rev("refs/heads/main") == second
    old, new = store.snapshot(first), store.snapshot(second)
    assert old.get("cubes/mgh/unet/1.yml") is None
    assert new.get("cubes/mgh/unet/1.yml") == b"two\n"
    assert new.get("members/mgh/1.yml") == b"one\n"
    assert list(new.list("")) == ["cubes/mgh/unet/1.sig", "cubes/mgh/unet/1.yml", "members/mgh/1.yml"]
    assert list(new.list("cubes/mgh")) == ["cubes/mgh/unet/1.sig", "cubes/mgh/unet/1.yml"]
    for nothing in ("members", "members/mgh/1.yml/x", "../README", "members//mgh/1.yml", "a\nb", "", "é"):
        assert new.get(nothing) is None
    for nothing in ("cubes/mg", "members/mgh/1.yml", "members/", "..", "/"):
        assert list(new.list(nothing)) == []
    assert not new.empty()


def test_before_the_first_registry_there_is_nothing(repo: RegistryRepo, store: GitStore) -> None:
    readme = repo.commit({"README": b"x"})
    for snapshot in (store.snapshot(None), store.snapshot(readme)):
        assert snapshot.empty()
        assert snapshot.get("members/mgh/1.yml") is None
        assert list(snapshot.list("")) == []
        assert snapshot.age("0" * 40) is None
    assert store.rev("refs/heads/none") is None
    assert store.rev("two\nlines") is None
    assert store.rev("0" * 40) is None


def test_odd_entries_in_a_base_are_not_followed(repo: RegistryRepo, store: GitStore) -> None:
    submodule = repo.commit({"README": b"x"})
    head = repo.commit({
        MEMBER: Odd("120000", b"../../../README"),
        "registry/cubes": Odd("120000", b"members"),
        "registry/datasets/mgh/ct/1.yml": Odd("100755", b"x"),
        "registry/results": Odd("160000", submodule.encode()),
    })  # fmt: skip
    snapshot = store.snapshot(head)
    assert list(snapshot.list("")) == []
    for path in ("members/mgh/1.yml", "cubes/mgh/1.yml", "datasets/mgh/ct/1.yml", "results/README"):
        assert snapshot.get(path) is None


def test_age_counts_first_parent_commits_back_to_genesis(repo: RegistryRepo, store: GitStore) -> None:
    adopted = repo.commit({MEMBER: b"an earlier registry"})
    repo.commit({"README": b"x"}, delete=["registry"])
    genesis = repo.commit({MEMBER: b"1"})
    side = repo.commit({CUBE: b"side"}, ref="refs/heads/side", parents=[genesis])
    repo.commit({"README": b"touches no registry"})
    head = repo.commit({CUBE: b"main"}, parents=[repo.head() or "", side])
    snapshot = store.snapshot(head)

    def tree(commit: str) -> str:
        return repo.git("rev-parse", f"{commit}:registry")

    assert snapshot.age(tree(head)) == 0
    assert snapshot.age(tree(genesis)) == 1  # where it last stood, not where it first did
    assert snapshot.age(tree(side)) is None  # a side branch never was main
    assert snapshot.age(tree(adopted)) is None  # before genesis nothing is read
    assert store.snapshot(genesis).age(tree(head)) is None


HOSTILE = {
    "symlink": (b"registry/cubes/mgh/unet/1.yml", Odd("120000", b"/etc/passwd"), "symlink"),
    "exec bit": (b"registry/cubes/mgh/unet/1.yml", Odd("100755", b"x"), "executable"),
    "submodule": (b"registry/cubes/mgh/unet", Odd("160000", b"1" * 40), "submodule"),
    "outside": (b".github/workflows/check.yml", b"on: push", "outside"),
    "case twin of the folder": (b"Registry/members/mgh/2.yml", b"x", "outside"),
    "nested attributes": (b"registry/cubes/.gitattributes", b"* filter=x", "grammar"),
    "gitmodules": (b".gitmodules", b"[submodule]", "outside"),
    "quote": (b'registry/cubes/mgh/"unet/1.yml', b"x", "grammar"),
    "newline": (b"registry/cubes/mgh/u\nnet/1.yml", b"x", "grammar"),
    "leading dash": (b"registry/cubes/mgh/--force/1.yml", b"x", "grammar"),
    "shell": (b"registry/cubes/mgh/$(reboot)/1.yml", b"x", "grammar"),
    "not utf-8": (b"registry/cubes/mgh/\xff\xfe/1.yml", b"x", "ASCII"),
    "decomposed": ("registry/cubes/mgh/u\u0308/1.yml".encode(), b"x", "ASCII"),
    "device": (b"registry/cubes/mgh/con/1.yml", b"x", "grammar"),
    "device as file": (b"registry/members/CON.yml", b"x", "grammar"),
    "too large": (b"registry/cubes/mgh/unet/1.yml", b"x" * (MAX_FILE + 1), "bytes"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_what_may_not_be_in_a_change_is_refused_by_name(
    repo: RegistryRepo, store: GitStore, case: str
) -> None:
    path, file, reason = HOSTILE[case]
    base = repo.commit({MEMBER: b"1"})
    head = repo.commit({path: file, b"registry/members/acme/1.yml": b"good"})
    change = store.change(base, head)
    assert dict(change.added) == {"members/acme/1.yml": b"good"}
    ((entry, said),) = change.refused
    assert entry.path == path
    assert reason in said
    assert entry.shown.isprintable()
    assert entry.shown.isascii()


def test_edit_delete_rename_and_change_of_type_are_refused(repo: RegistryRepo, store: GitStore) -> None:
    base = repo.commit({MEMBER: b"1", CUBE: b"2", "registry/members/acme/1.yml": b"3", "README": b"x" * 500})
    moved = "registry/members/acme/2.yml"
    head = repo.commit(
        {MEMBER: b"edited", moved: b"3", CUBE: Odd("120000", b"x")},
        delete=["registry/members/acme/1.yml", "README"],
    )
    change = store.change(base, head)
    said = reasons(change)
    assert list(change.added) == ["members/acme/2.yml"]  # a rename is an addition and a deletion
    assert "edited" in said[MEMBER]
    assert "deleted" in said["registry/members/acme/1.yml"]
    assert "deleted" in said["README"]
    assert "changed in type" in said[CUBE]


def test_a_folder_in_place_of_a_file_is_a_deletion_and_an_addition(
    repo: RegistryRepo, store: GitStore
) -> None:
    base = repo.commit({"registry/cubes/mgh": b"a file"})
    head = repo.commit({CUBE: b"1"}, delete=["registry/cubes/mgh"])
    change = store.change(base, head)
    assert (list(change.added), list(reasons(change))) == (["cubes/mgh/unet/1.yml"], ["registry/cubes/mgh"])


def test_of_3001_files_the_last_is_refused_unread(repo: RegistryRepo, store: GitStore) -> None:
    base = repo.commit({MEMBER: b"1"})
    names = [f"registry/cubes/mgh/c{n:05}/1.yml" for n in range(MAX_CHANGE_FILES + 1)]
    change = store.change(base, repo.commit(dict.fromkeys(names, b"x")))
    assert len(change.added) == MAX_CHANGE_FILES
    assert list(reasons(change)) == [names[-1]]


def test_an_endless_change_is_cut_off_and_still_refused(repo: RegistryRepo, store: GitStore) -> None:
    base = repo.commit({MEMBER: b"1"})
    change = store.change(base, repo.commit({f"f{n}": b"" for n in range(3 * MAX_CHANGE_FILES)}))
    assert not change.added
    assert len(change.refused) == 2 * MAX_CHANGE_FILES


@pytest.mark.parametrize("leaf", [b"", b"100644 f\0" + b"\1" * 20], ids=["empty", "full"])
def test_a_tree_that_multiplies_itself_is_not_walked(
    repo: RegistryRepo, store: GitStore, leaf: bytes
) -> None:
    base = repo.commit({MEMBER: b"1"})
    tree = repo.raw_tree(leaf)
    for _ in range(9):
        tree = repo.raw_tree(b"".join(b"40000 d%d\0" % n + bytes.fromhex(tree) for n in range(10)))
    head = repo.commit_tree(tree, base)
    with pytest.raises(IntegrityError, match="more than anybody could read"):
        store.change(base, head)


def test_very_deep_folders_end_in_an_error_not_in_recursion(repo: RegistryRepo, store: GitStore) -> None:
    base = repo.commit({MEMBER: b"1"})
    head = repo.commit({"/".join(["d"] * 1500) + "/f": b"", "x/" + "/".join(["n" * 200] * 19) + "/f": b""})
    assert len(store.change(base, head).refused) == 2
    deeper = repo.commit({"y/" + "/".join(["n" * 200] * 40) + "/f": b""})
    with pytest.raises(IntegrityError, match="more than anybody could read"):
        store.change(base, deeper)


@pytest.mark.parametrize(
    "tree",
    [
        b"100644 a/b\0" + b"\1" * 20,
        b"100644 a\0" + b"\1" * 20 + b"100644 a\0" + b"\2" * 20,
        b"100644 ..\0" + b"\1" * 20,
        b"100644 \0" + b"\1" * 20,
        b"100644 a\0" + b"\1" * 19,
        b"100644 b\0" + b"\1" * 20 + b"100644 a\0" + b"\2" * 20,
        b"40000 a\0" + b"\1" * 20 + b"100644 a-b\0" + b"\2" * 20,
        b"0100644 a\0" + b"\1" * 20,
        b"999 a\0" + b"\1" * 20,
        b"100644",
        pytest.param(b"1" * 1_000_000, id="digits without end, searched once"),
    ],
)
def test_a_tree_git_would_not_write_is_refused(repo: RegistryRepo, store: GitStore, tree: bytes) -> None:
    base = repo.commit({MEMBER: b"1"})
    head = repo.commit_tree(repo.raw_tree(b"40000 registry\0" + bytes.fromhex(repo.raw_tree(tree))), base)
    with pytest.raises(IntegrityError, match="malformed"):
        store.change(base, head)


NAMES = st.sampled_from([b"a", b"b", b"a.b", b"a-b", b"B", b"q\n\"'", b"\xff"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(b"/".join)
FILES = st.one_of(
    st.sampled_from([b"one", b"two"]),
    st.builds(Odd, st.sampled_from(["100755", "120000"]), st.just(b"one")),
    st.just(Odd("160000", b"1" * 40)),
)
TREES = st.dictionaries(PATHS, FILES, max_size=6)


@given(TREES, TREES)
@settings(deadline=None, max_examples=15)
def test_the_difference_is_what_git_itself_says(old: dict[bytes, Odd], new: dict[bytes, Odd]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        repo = RegistryRepo.make(Path(folder, "r.git"))
        base = repo.commit(old, parents=[])
        head = repo.commit(new, parents=[], ref="refs/heads/new")
        raw = repo.git("diff-tree", "-r", "--raw", "-z", "--no-renames", "--no-abbrev", base, head)
        words = raw.encode("utf-8", "surrogateescape").split(b"\0")[:-1]
        told = set()
        for fields, path in zip(words[::2], words[1::2], strict=True):
            _, mode, _, oid, status = fields.decode().split()
            told.add((path, status, mode, None if status == "D" else oid))
        with GitStore(repo.path) as store:
            found = list(store.trees.diff(store.commit(base).tree, store.commit(head).tree))
            assert {(e.path, e.status, e.mode, None if e.status == "D" else oid) for e, oid in found} == told
            assert len(found) == len(told)


def test_settings_of_the_repository_do_not_hide_a_submodule(repo: RegistryRepo, store: GitStore) -> None:
    base = repo.commit({MEMBER: b"1"})
    head = repo.commit({CUBE: Odd("160000", b"1" * 40), ".gitmodules": b'[submodule "x"]\n\tignore = all\n'})
    repo.git("config", "diff.ignoreSubmodules", "all")
    assert CUBE in reasons(store.change(base, head))


def test_only_first_parent_commits_that_touch_the_registry_are_history(
    repo: RegistryRepo, store: GitStore
) -> None:
    repo.commit({"README": b"dated too far ahead"}, time=GENESIS * 2)
    genesis = repo.commit({MEMBER: b"1"})
    side = repo.commit({CUBE: b"1"}, ref="refs/heads/side", parents=[genesis])
    between = repo.commit({"README": b"2"}, time=GENESIS + 100_000)
    merge = repo.commit({CUBE: b"1"}, parents=[between, side])
    steps = list(store.history(merge))
    assert [(s.commit, s.parent) for s in steps] == [(genesis, store.parent(genesis)), (merge, between)]
    assert steps[1].time == store.commit_time(merge)
    assert steps[1].clock == dt.datetime.fromtimestamp(GENESIS + 100_000, tz=dt.UTC)  # the running maximum
    assert [s.commit for s in store.history(merge, genesis)] == [merge]
    assert list(store.history(merge, merge)) == []
    assert store.touches_registry(between, merge)
    assert not store.touches_registry(genesis, between)
    assert store.touches_registry(None, genesis)


def test_a_registry_that_becomes_a_symlink_is_history(repo: RegistryRepo, store: GitStore) -> None:
    first = repo.commit({MEMBER: b"1"})
    linked = repo.commit({"registry": Odd("120000", b"elsewhere")}, delete=["registry"])
    assert [s.commit for s in store.history(linked)] == [first, linked]
    assert store.snapshot(linked).empty()


def test_a_fast_forward_past_the_first_parent_chain_is_noticed(repo: RegistryRepo, store: GitStore) -> None:
    genesis = repo.commit({MEMBER: b"1"})
    verified = repo.commit({CUBE: b"1"})
    evil = repo.commit({CUBE: b"other"}, ref="refs/heads/evil", parents=[genesis])
    bent = repo.commit({}, parents=[evil, verified])
    assert repo.git("merge-base", verified, bent) == verified  # an ancestor, and yet not good enough
    assert not store.is_first_parent_ancestor(verified, bent)
    assert store.is_first_parent_ancestor(genesis, bent)
    assert store.is_first_parent_ancestor(bent, bent)
    with pytest.raises(IntegrityError, match="first-parent chain"):
        list(store.history(bent, verified))


def test_replace_refs_and_grafts_do_not_bend_history(repo: RegistryRepo, store: GitStore) -> None:
    genesis = repo.commit({MEMBER: b"1"})
    head = repo.commit({CUBE: b"1"})
    forged = repo.commit({MEMBER: b"forged"}, ref="refs/heads/x", parents=[])
    repo.git("replace", "-f", genesis, forged)
    (repo.path / "info").mkdir(exist_ok=True)
    (repo.path / "info" / "grafts").write_text(f"{head} {forged}\n")
    assert store.first_parents(head) == [head, genesis]
    assert store.snapshot(genesis).get("members/mgh/1.yml") == b"1"


def test_a_shallow_clone_is_refused_with_the_way_out(repo: RegistryRepo, tmp_path: Path) -> None:
    repo.commit({MEMBER: b"1"})
    head = repo.commit({CUBE: b"1"})
    shallow = tmp_path / "shallow.git"
    repo.git("clone", "-q", "--bare", "--depth=1", f"file://{repo.path}", shallow)
    with GitStore(shallow) as store, pytest.raises(ConfigurationError) as error:
        list(store.history(head))
    assert "--unshallow" in error.value.hint


def test_a_blobless_clone_fetches_what_it_reads(repo: RegistryRepo, tmp_path: Path) -> None:
    base = repo.commit({MEMBER: b"1"})
    head = repo.commit({CUBE: b"2"})
    repo.git("config", "uploadpack.allowFilter", "true")
    repo.git("config", "uploadpack.allowAnySHA1InWant", "true")
    partial = tmp_path / "partial.git"
    repo.git("clone", "-q", "--bare", "--filter=blob:none", f"file://{repo.path}", partial)
    with GitStore(partial) as store:
        assert dict(store.change(base, head).added) == {"cubes/mgh/unet/1.yml": b"2"}
    repo.path.rename(tmp_path / "away")
    with GitStore(partial) as store:
        with pytest.raises(NetworkError, match="could not be fetched"):
            store.snapshot(head).get("members/mgh/1.yml")
        assert store.snapshot(head).get("cubes/mgh/unet/1.yml") == b"2"


def test_damaged_and_missing_objects_are_named(repo: RegistryRepo) -> None:
    head = repo.commit({MEMBER: b"right"})
    blob = repo.git("rev-parse", f"{head}:{MEMBER}")
    for pack in (repo.path / "objects" / "pack").glob("*.pack"):
        pack.rename(repo.path / "x.pack")
        repo.git("unpack-objects", "-q", stdin=(repo.path / "x.pack").read_bytes())
    loose = repo.path / "objects" / blob[:2] / blob[2:]
    loose.chmod(0o644)
    loose.write_bytes(zlib.compress(b"blob 5\0wrong"))
    with GitStore(repo.path) as store, pytest.raises(IntegrityError, match=blob):
        store.snapshot(head).get("members/mgh/1.yml")
    loose.unlink()
    with GitStore(repo.path) as store, pytest.raises(IntegrityError, match=f"{blob}' is missing"):
        store.snapshot(head).get("members/mgh/1.yml")
    loose.write_bytes(b"not zlib")
    with GitStore(repo.path) as store, pytest.raises(IntegrityError):
        store.snapshot(head).get("members/mgh/1.yml")


def test_a_path_without_repository_does_not_find_the_one_around_it(repo: RegistryRepo) -> None:
    inner = repo.path / "some folder"
    inner.mkdir()
    with pytest.raises(ConfigurationError, match="not a git repository"):
        GitStore(inner)


def test_the_environment_of_the_caller_does_not_reach_git(
    repo: RegistryRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = repo.commit({MEMBER: b"1"})
    other = RegistryRepo.make(tmp_path / "other.git")
    monkeypatch.setenv("GIT_DIR", str(other.path))
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(other.path / "objects"))
    monkeypatch.setenv("GIT_INDEX_FILE", "/nowhere")
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", "'core.bare'='maybe'")
    with GitStore(repo.path) as store:
        assert store.snapshot(head).get("members/mgh/1.yml") == b"1"


def test_a_work_tree_and_a_linked_one_are_repositories_too(repo: RegistryRepo, tmp_path: Path) -> None:
    head = repo.commit({MEMBER: b"1"})
    work = tmp_path / "work"
    repo.git("clone", "-q", repo.path, work)
    subprocess.run(["git", "-C", work, "worktree", "add", "-q", "-b", "x", tmp_path / "linked"], check=True)
    for path in (work, tmp_path / "linked"):
        with GitStore(path) as store:
            assert store.rev("HEAD") == head
            assert store.first_parents(head) == [head]


@pytest.mark.parametrize(("script", "said"), [(None, "not found"), ("echo git version 2.20.1", "too old")])
def test_git_missing_or_too_old_is_said(
    repo: RegistryRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str | None, said: str
) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    if script:
        (folder / "git").write_text(f"#!{Path('/bin/sh')}\n{script}\n")
        (folder / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    with pytest.raises(ConfigurationError, match=said) as error:
        GitStore(repo.path)
    assert "install git 2.32" in error.value.hint


HOOK = """#!{python}
import os, sys
sys.path.insert(0, {root!r})
from pathlib import Path
from medperf_cli.adapters.store.repository import GitStore
for line in sys.stdin:
    old, new, ref = line.split()
    with GitStore(Path.cwd(), hook=True) as store:
        change = store.change(None, new)
        print("added", *change.added, *(reason for _, reason in change.refused), file=sys.stderr)
    try:
        with GitStore(Path.cwd()) as store:
            store.change(None, new)
    except Exception as error:
        print("without hook:", type(error).__name__, file=sys.stderr)
sys.exit(1)
"""


def test_inside_a_hook_objects_in_quarantine_are_read(repo: RegistryRepo, tmp_path: Path) -> None:
    source = RegistryRepo.make(tmp_path / "source.git")
    source.commit({MEMBER: b"1"})
    hook = repo.path / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(HOOK.format(python=sys.executable, root=os.getcwd()))  # noqa: PTH109 - text
    hook.chmod(0o755)
    pushed = subprocess.run(
        ["git", "-C", source.path, "push", repo.path, "main"], check=False, capture_output=True, text=True
    )
    assert pushed.returncode != 0
    assert "remote: added members/mgh/1.yml" in pushed.stderr
    assert "remote: without hook: IntegrityError" in pushed.stderr
    assert repo.head() is None
