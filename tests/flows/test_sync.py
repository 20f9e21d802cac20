"""Adding a registry and keeping up with it: what is believed, what is refused, and what stays usable."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from medperf_cli.adapters.store.index import Index
from medperf_cli.adapters.store.index_rows import Filter
from medperf_cli.adapters.store.remote import init
from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.core.lifecycle.reader import sha256
from medperf_cli.core.names import Kind
from medperf_cli.errors import (
    ConfigurationError,
    IntegrityError,
    MedperfError,
    NetworkError,
    UnknownIdError,
    UsageError,
)
from medperf_cli.flows.reading.add_registry import add_registry
from medperf_cli.flows.reading.listing import listed
from medperf_cli.flows.reading.registries import registries, use
from medperf_cli.flows.reading.registry import VERIFIED, Place
from medperf_cli.flows.reading.replay import LawlessError
from medperf_cli.flows.reading.sync import sync
from medperf_cli.flows.reading.verify_registry import verify_registry
from tests.support.hosting import Hosted, hosted
from tests.support.office import AFTER_EXPIRY, Office, office
from tests.support.registry_repo import RegistryRepo
from tests.support.world import REGISTRY, genesis, member_file

OTHER_ROOT = f"sha256:{'0' * 64}"


def members(who: Office) -> set[str]:
    return {row["id"] for row in listed(who.deps, Kind.MEMBER, Filter())}


def test_adding_verifies_every_change_and_uses_the_registry(host: Hosted) -> None:
    acme = office(host, "acme", add=False)
    added = acme.add()
    assert (added.registry, added.root, added.synced.judged) == (REGISTRY, acme.root, 5)
    assert members(acme) == {"ada", "tumor-board", "clara", "acme", "st-mary"}
    acme.reload()
    assert acme.settings.registry == REGISTRY
    assert [row["in_use"] for row in registries(acme.settings)] == [True]


def test_another_root_than_the_pinned_one_is_refused_and_nothing_stays(host: Hosted) -> None:
    acme = office(host, "acme", add=False)
    with pytest.raises(IntegrityError, match="not the one named"):
        add_registry(acme.deps, host.url, OTHER_ROOT)
    assert registries(acme.settings) == []
    assert acme.add().registry == REGISTRY


@pytest.mark.parametrize("text", ["abc", "sha256:", f"sha256:{'g' * 64}", f"md5:{'0' * 64}"])
def test_what_is_no_fingerprint_is_said_before_anything_is_fetched(host: Hosted, text: str) -> None:
    with pytest.raises(UsageError, match="is not a fingerprint"):
        add_registry(office(host, "acme", add=False).deps, "file:///nowhere", text)


def test_without_a_fingerprint_nobody_is_believed_unless_a_person_compares_it(host: Hosted) -> None:
    acme = office(host, "acme", add=False)
    with pytest.raises(UsageError, match=f"must be confirmed: {acme.root}"):
        add_registry(acme.deps, host.url, None)
    acme.interactive, acme.answer = True, lambda _: False
    with pytest.raises(UsageError, match="nothing was added"):
        add_registry(acme.deps, host.url, None)
    assert registries(acme.settings) == []
    acme.answer = lambda text: acme.root in text
    assert add_registry(acme.deps, host.url, None).root == acme.root


def test_what_is_no_registry_is_refused(host: Hosted, tmp_path: Path) -> None:
    acme = office(host, "acme", add=False)
    repository = RegistryRepo.make(tmp_path / "notes.git")
    repository.commit({"README.md": b"notes\n"})
    with pytest.raises(IntegrityError, match="there is no registry at this address"):
        add_registry(acme.deps, str(repository.path), acme.root)
    with pytest.raises(NetworkError):
        add_registry(acme.deps, str(tmp_path / "nothing.git"), acme.root)
    with pytest.raises(MedperfError):
        add_registry(acme.deps, str(init(tmp_path / "empty.git").git.directory), acme.root)
    assert registries(acme.settings) == []


def test_the_same_registry_from_another_address_keeps_the_first(host: Hosted) -> None:
    acme = office(host, "acme")
    host.copy(host.folder / "elsewhere")
    with pytest.raises(ConfigurationError, match="is here already") as refused:
        acme.add(f"file://{host.folder / 'elsewhere' / 'hosted.git'}")
    assert str(acme.copy) in refused.value.hint
    assert acme.add().synced.judged == 0


def test_a_relative_path_means_the_same_from_everywhere(
    host: Hosted, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme = office(host, "acme", add=False)
    monkeypatch.chdir(host.folder)
    acme.add("hosted.git")
    monkeypatch.chdir(host.folder.parent)
    assert sync(acme.deps).judged == 0


def test_sync_judges_only_what_is_new(host: Hosted) -> None:
    acme = office(host, "acme")
    host.enter(host.cube())
    done = sync(acme.deps)
    assert (done.judged, done.commit) == (1, host.main())
    assert [row["id"] for row in listed(acme.deps, Kind.CUBE, Filter())] == ["acme/forest"]
    assert sync(acme.deps).judged == 0


def test_killed_before_the_mirror_knows_how_far_it_got_the_next_sync_tells_it(host: Hosted) -> None:
    acme = office(host, "acme")
    with GitStore(Place(acme.copy).mirror) as mirror:
        mirror.update_ref(VERIFIED, None, host.main())
        assert sync(acme.deps).judged == 0
        assert mirror.rev(VERIFIED) == host.main()


def test_a_home_that_cannot_be_used_is_said(host: Hosted, tmp_path: Path) -> None:
    acme = office(host, "acme", add=False)
    (tmp_path / "file").touch()
    acme.settings = replace(acme.settings, home=tmp_path / "file" / "home")
    with pytest.raises(ConfigurationError, match="registries'"):
        acme.add()


def test_commits_beside_the_registry_are_no_changes(host: Hosted) -> None:
    acme = office(host, "acme")
    maker = host.member()
    commit = maker.commit(host.main(), {"README.md": b"hello\n"}, folder="docs")
    maker.store.update_ref("refs/heads/main", commit, None)
    host.unhook()
    assert maker.push(f"{commit}:refs/heads/main").ok
    done = sync(acme.deps)
    assert (done.judged, done.commit) == (0, commit)


def test_a_lawless_main_is_believed_up_to_the_last_good_commit(host: Hosted) -> None:
    acme = office(host, "acme")
    good = host.enter(host.cube("forest"))
    bad = host.enter(
        member_file(host.world, "eve")
    )  # the file stands there: nobody approved it, so it is pending
    stranger = {p: d for p, d in host.cube("grove").items() if p.endswith(".yml")}
    lawless = host.enter(stranger)
    with pytest.raises(LawlessError, match=lawless[:12]) as refused:
        sync(acme.deps)
    assert refused.value.exit_code == 10
    assert bad[:12] in refused.value.hint
    assert {row["id"] for row in listed(acme.deps, Kind.CUBE, Filter())} == {"acme/forest"}
    assert "eve" not in members(acme)
    assert [r["id"] for r in listed(acme.deps, Kind.MEMBER, Filter(in_force=None, standing="pending"))] == [
        "eve"
    ]
    assert good != bad
    with pytest.raises(LawlessError):
        sync(acme.deps)


def test_once_main_is_reset_to_the_last_good_commit_sync_goes_on(host: Hosted) -> None:
    acme = office(host, "acme")
    good, files = host.main(), dict(host.world.files)
    host.enter({p: d for p, d in host.cube().items() if p.endswith(".yml")})
    with pytest.raises(LawlessError):
        sync(acme.deps)
    with host.store() as store:
        store.update_ref("refs/heads/main", good, host.main())
    host.world.files = files
    host.world.trees.pop(0)
    host.enter(host.cube("grove"))
    assert sync(acme.deps).judged == 1


@pytest.mark.parametrize("lost_index", [False, True])
def test_rewritten_history_is_refused_even_after_the_index_is_lost(host: Hosted, *, lost_index: bool) -> None:
    acme = office(host, "acme")
    before, files = host.main(), dict(host.world.files)
    host.enter(host.cube("forest"))
    sync(acme.deps)
    seen = host.main()
    with host.store() as store:
        store.update_ref("refs/heads/main", before, seen)
    host.world.files = files
    host.world.trees.pop(0)
    host.enter(host.cube("grove"))
    if lost_index:
        (acme.copy / "index.sqlite").unlink()
    with pytest.raises(IntegrityError) as refused:
        sync(acme.deps)
    assert refused.value.exit_code == 10
    if not lost_index:
        assert [row["id"] for row in listed(acme.deps, Kind.CUBE, Filter())] == ["acme/forest"]


def test_a_fast_forward_that_hides_history_behind_a_second_parent_is_refused(host: Hosted) -> None:
    acme = office(host, "acme")
    host.enter(host.cube("forest"))
    sync(acme.deps)
    maker = host.member()
    first = maker.git("rev-list", "--max-parents=0", host.main())
    maker.git("fetch", host.url, "main")
    merged = maker.commit_tree(f"{host.main()}^{{tree}}", first, host.main())
    host.unhook()
    assert maker.push(f"{merged}:refs/heads/main").ok
    with pytest.raises(IntegrityError):
        sync(acme.deps)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:1000])


@pytest.mark.parametrize("damage", [Path.unlink, _cut, lambda path: path.write_bytes(b"no database")])
def test_a_damaged_index_is_said_so_and_made_anew_by_sync(
    host: Hosted, damage: Callable[[Path], object]
) -> None:
    acme = office(host, "acme")
    damage(acme.copy / "index.sqlite")
    with pytest.raises(MedperfError) as refused:
        listed(acme.deps, Kind.MEMBER, Filter())
    assert "registry sync" in refused.value.hint
    assert sync(acme.deps).judged == 5
    assert "acme" in members(acme)
    assert any("made anew" in text for text in acme.talk.said)


def test_without_index_and_pin_the_registry_must_be_added_again(host: Hosted) -> None:
    acme = office(host, "acme")
    (acme.copy / "index.sqlite").unlink()
    (acme.copy / "pin.json").unlink()
    with pytest.raises(IntegrityError, match="is damaged"):
        sync(acme.deps)
    assert acme.add().synced.judged == 5


def test_another_registry_that_took_the_address_is_not_believed(host: Hosted, tmp_path: Path) -> None:
    acme = office(host, "acme")
    other = hosted(tmp_path / "other", first=genesis(title="Consortium of somebody else"))
    host.path.rename(host.folder / "away.git")
    other.path.rename(host.path)
    with pytest.raises(IntegrityError):
        sync(acme.deps)
    assert "acme" in members(acme)


def test_an_expired_root_is_told_and_reading_goes_on(host: Hosted) -> None:
    acme = office(host, "acme")
    assert not sync(acme.deps).expired
    acme.now = AFTER_EXPIRY
    assert sync(acme.deps).expired
    assert "acme" in members(acme)


def test_a_remote_that_is_gone_leaves_everything_readable(host: Hosted) -> None:
    acme = office(host, "acme")
    host.path.rename(host.folder / "away.git")
    with pytest.raises(NetworkError):
        sync(acme.deps)
    assert "acme" in members(acme)
    (host.folder / "away.git").rename(host.path)
    assert sync(acme.deps).judged == 0


def test_without_any_registry_the_next_step_is_named(host: Hosted) -> None:
    acme = office(host, "acme", add=False)
    with pytest.raises(ConfigurationError, match="no registry is in use") as refused:
        sync(acme.deps)
    assert "registry add" in refused.value.hint
    with pytest.raises(UnknownIdError):
        use(acme.settings, "0123")


def test_verify_replays_everything_without_the_network_and_without_the_index(host: Hosted) -> None:
    acme = office(host, "acme")
    host.path.rename(host.folder / "away.git")
    assert verify_registry(acme.deps).judged == 5
    with Index.open(acme.copy / "index.sqlite", write=True) as index:
        meta = index.meta()
        assert meta
        index.replace_all([], replace(meta, root_sha256="0" * 64))
    with pytest.raises(IntegrityError, match="does not begin with the pinned root"):
        verify_registry(acme.deps)


def test_an_index_that_was_altered_is_found_out_and_made_anew(host: Hosted) -> None:
    acme = office(host, "acme")
    with closing(sqlite3.connect(acme.copy / "index.sqlite")) as altered:
        altered.execute("UPDATE entities SET standing = 'revoked' WHERE id = 'clara'")
        altered.execute("DELETE FROM signatures WHERE entity LIKE 'members/acme/%'")
        altered.commit()
    with pytest.raises(IntegrityError, match=r"of 'members/acme/1.sig' and 1 more files") as refused:
        verify_registry(acme.deps)
    assert "made anew" in refused.value.hint
    (acme.copy / ".verify-killed").mkdir()
    assert verify_registry(acme.deps).entities == 10
    assert sorted(path.name for path in acme.copy.iterdir() if path.name.startswith(".")) == []


def two_lives(folder: Path) -> RegistryRepo:
    """A repository whose folder held another registry, which was removed; code stands beside it."""
    repository = RegistryRepo.make(folder)
    repository.commit({"README.md": b"code\n"})
    repository.commit(in_folder(genesis(title="The first life")))
    repository.commit({}, delete=["registry"])
    repository.commit(in_folder(genesis()))
    repository.commit({"README.md": b"more code\n"})
    return repository


def in_folder(files: dict[str, bytes]) -> dict[str, bytes]:
    return {f"registry/{path}": data for path, data in files.items()}


def test_a_registry_begins_where_its_pinned_root_does(host: Hosted, tmp_path: Path) -> None:
    repository = two_lives(tmp_path / "two.git")
    acme = office(host, "acme", add=False)
    root = f"sha256:{sha256(genesis()['root/1.yml'])}"
    assert add_registry(acme.deps, str(repository.path), root).synced.judged == 1


def test_who_began_a_registry_anew_in_its_history_is_found_out(host: Hosted, tmp_path: Path) -> None:
    repository = two_lives(tmp_path / "two.git")
    repository.commit({}, delete=["registry"])
    repository.commit(in_folder(genesis()))  # the same root: whatever came between would be forgotten
    acme = office(host, "acme", add=False)
    with pytest.raises(LawlessError, match="TREE001"):
        add_registry(acme.deps, str(repository.path), f"sha256:{sha256(genesis()['root/1.yml'])}")
