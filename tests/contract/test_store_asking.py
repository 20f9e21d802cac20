"""What a check asks of a registry in git beside files: how old a tree is, which files hold a line, names."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from medperf_cli.adapters.store import chain, lines
from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.core.snapshot import MemorySnapshot, Overlay, Snapshot
from medperf_cli.errors import IntegrityError
from tests.support.registry_repo import Odd, RegistryRepo

MEMBER = "registry/members/mgh/1.yml"


@pytest.fixture(scope="module")
def winding(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A history with commits beside the registry, states that come back, a side branch, an older registry."""
    repo = RegistryRepo.make(tmp_path_factory.mktemp("winding") / "registry.git")
    chance = random.Random(4)  # noqa: S311 - the same history each time
    commits = [repo.commit({MEMBER: b"older"}), repo.commit({"README": b"x"}, delete=["registry"])]
    for number in range(60):
        beside = {"README": str(number).encode()}
        inside = {MEMBER: str(chance.randrange(8)).encode(), **beside}
        commits.append(repo.commit(inside if chance.random() < 0.6 else beside))
    side = commits[30]
    for number in range(6):
        side = repo.commit({MEMBER: b"side %d" % number}, ref="refs/heads/side", parents=[side])
        commits.append(side)
    commits.append(repo.commit({MEMBER: b"merged"}, parents=[commits[61], side]))
    return repo.path, commits


def walked(store: GitStore, commit: str, tree: str, limit: int) -> int | None:
    """The age as anybody would count it: one commit after the other."""
    at: str | None = commit
    for age in range(limit):
        if at is None or store.registry_tree(at) is None:
            return None
        if store.registry_tree(at) == tree:
            return age
        at = store.parent(at)
    return None


@pytest.mark.parametrize("windows", [(1,), (4, 16), (4, 16, 256, 4096)])
@pytest.mark.parametrize("kept", [10, 50_000])
@pytest.mark.parametrize("limit", [5, 1000])
def test_ages_are_those_of_a_walk(
    winding: tuple[Path, list[str]],
    monkeypatch: pytest.MonkeyPatch,
    windows: tuple[int, ...],
    kept: int,
    limit: int,
) -> None:
    monkeypatch.setattr(chain, "_WINDOWS", windows)
    monkeypatch.setattr(chain, "_KEPT", kept)
    monkeypatch.setattr(chain, "_NEAR", 7)
    path, commits = winding
    with GitStore(path) as store:
        trees = sorted({store.registry_tree(c) or "0" * 40 for c in commits})
        pairs = [(commit, tree) for commit in commits for tree in trees]
        expected = {pair: walked(store, *pair, limit) for pair in pairs}
        assert len(set(expected.values())) > 3
        in_order = list(pairs)
        random.Random(1).shuffle(pairs)  # noqa: S311 - as above
        for asked in (in_order, pairs):
            counted = {
                (c, t): store.chain.age(c, t, limit) if store.registry_tree(c) else None for c, t in asked
            }
            assert counted == expected


def test_a_tree_nobody_ever_had_is_looked_for_once(winding: tuple[Path, list[str]]) -> None:
    path, commits = winding
    with GitStore(path) as store:
        assert store.snapshot(commits[61]).age("0" * 40) is None
        store.close()  # nothing is read again
        store.git.lines = None  # type: ignore[assignment, method-assign]
        assert store.snapshot(commits[61]).age("1" * 40) is None


def test_a_missing_commit_on_the_way_is_an_error(tmp_path: Path) -> None:
    repo = RegistryRepo.make(tmp_path / "registry.git")
    first = repo.commit({MEMBER: b"1"})
    second = repo.commit({MEMBER: b"2"})
    (repo.path / "objects").joinpath(first[:2], first[2:]).unlink(missing_ok=True)
    for pack in (repo.path / "objects" / "pack").glob("*"):
        pack.unlink()
    with GitStore(repo.path) as store, pytest.raises(IntegrityError):
        store.snapshot(second).age("0" * 40)


def folder(chance: random.Random) -> dict[str, bytes]:
    """Files below `members`, some of which hold one of a few lines, whole or as a part of another."""
    words = [b"    number: 1", b"    number: 12", b'  - key: "ssh-ed25519 AA+/=="', b"*.$^[a]", "ü".encode()]
    files: dict[str, bytes] = {}
    for number in range(25):
        for version in range(1, chance.randrange(2, 4)):
            parts = [chance.choice([*words, b"x", b"y" + chance.choice(words)]) for _ in range(4)]
            ending = chance.choice([b"\n", b""])
            files[f"members/m-{number}/{version}.yml"] = b"\n".join(parts) + ending
        files[f"members/m-{number}/1.sig"] = words[0] + b"\n"
    files["members/0.yml"] = words[1] + b"\n"
    files["cubes/a/b/1.yml"] = words[0] + b"\n"
    return files


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, bytes]]:
    repo = RegistryRepo.make(tmp_path_factory.mktemp("listed") / "registry.git")
    files = folder(random.Random(7))  # noqa: S311 - as above
    odd = {"registry/members/odd/1.yml": Odd("120000", b"    number: 1\n")}
    repo.commit({f"registry/{path}": data for path, data in files.items()} | odd)
    return repo.path, files


def reading(store: GitStore) -> Iterator[Snapshot]:
    """The snapshot as one question after the other is asked."""
    while True:
        yield store.snapshot(store.rev("refs/heads/main"))


@pytest.mark.parametrize("few", [0, 100], ids=["by git at first", "from memory"])
@pytest.mark.parametrize("kept", [0, 1_000_000], ids=["dropped", "kept"])
def test_the_files_that_hold_a_line(
    listed: tuple[Path, dict[str, bytes]], monkeypatch: pytest.MonkeyPatch, few: int, kept: int
) -> None:
    monkeypatch.setattr(lines, "_FEW", few or 3)
    monkeypatch.setattr(lines, "_AT_FIRST", 3 if few == 0 else 0)
    monkeypatch.setattr(lines, "_KEPT_BYTES", kept)
    path, files = listed
    memory = MemorySnapshot(files)
    questions = [["    number: 1"], ["    number: 12", "x"], ["*.$^[a]"], ["number: 1"], ["ü"], ["z"], []]
    with GitStore(path) as store:
        for asked, snapshot in zip(questions * 2, reading(store), strict=False):
            found = snapshot.with_line("members", asked)
            assert found == memory.with_line("members", asked)
            assert found == sorted(p for p in found if set(asked) & set(files[p].decode().split("\n")))
            assert bool(found) == (asked not in (["number: 1"], ["z"], []))
        assert snapshot.with_line("nothing", ["x"]) == []


def test_names_of_what_stands_in_a_folder(listed: tuple[Path, dict[str, bytes]]) -> None:
    path, files = listed
    with GitStore(path) as store:
        snapshot = store.snapshot(store.rev("refs/heads/main"))
        memory = MemorySnapshot(files)
        for asked in ("", "cubes", "cubes/a/b", "members/m-1", "members/m-1/1.yml", "none"):
            assert snapshot.names(asked) == memory.names(asked)
        assert snapshot.names("") == ["cubes/", "members/"]
        assert snapshot.names("members/m-1")[:2] == ["1.sig", "1.yml"]
        assert snapshot.names("members/odd") == []
        added = {"members/new/1.yml": b"    number: 1\n", "members/m-1/1.yml": b"z"}
        over, plain = Overlay(snapshot, added), MemorySnapshot(files | added)
        assert over.names("members") == sorted([*plain.names("members"), "odd/"])
        assert over.names("cubes") == plain.names("cubes")
        for asked in (["    number: 1"], ["z"]):
            assert over.with_line("members", asked) == plain.with_line("members", asked)
