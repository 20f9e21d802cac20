"""However history is read, the index is the same: at once, merge by merge, in workers, from the tree."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from medperf_cli.adapters import workers
from medperf_cli.adapters.store.index import Index
from medperf_cli.adapters.store.index_rows import Filter, StoredEntity
from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.core.names import Kind
from medperf_cli.errors import MedperfError
from medperf_cli.flows.reading import replay as replaying
from medperf_cli.flows.reading import sync as syncing
from medperf_cli.flows.reading.index_state import Entry, rows
from medperf_cli.flows.reading.replay import LawlessError
from medperf_cli.flows.reading.sync import sync
from medperf_cli.flows.reading.verify_registry import verify_registry
from tests.support.acting import act, decide, withdraw, write
from tests.support.hosting import MAIN, Hosted
from tests.support.office import Office, office
from tests.support.story_fields import DATASET, FOREST, TISSUE
from tests.support.world import member_file

WHOLE = pytest.mark.parametrize("host", [17], indirect=True)
"""All of the story."""


def stored(who: Office) -> list[StoredEntity]:
    """Everything the index says, as it entered."""
    with Index.open(who.copy / "index.sqlite") as index:
        found = [index.stored(r.path) for kind in Kind for r in index.entities(kind, Filter(in_force=None))]
    return sorted(found, key=lambda each: each.row.position)


def from_the_tree(who: Office, found: list[StoredEntity]) -> list[StoredEntity]:
    """The same, computed from main's tree alone; only where each file entered is taken over."""
    entries = {s.row.path: Entry(s.row.commit, s.row.time, s.row.fingerprint, s.row.position) for s in found}
    with GitStore(who.copy / "mirror.git") as store:
        tree = rows(store.snapshot(store.rev("refs/remotes/origin/main")), entries)
        return sorted(tree, key=lambda each: each.row.position)


@contextmanager
def main_at(host: Hosted, commit: str) -> Iterator[None]:
    """Main as it was at an earlier commit."""
    with host.store() as store:
        head = host.main()
        store.update_ref(MAIN, commit, head)
        yield
        store.update_ref(MAIN, head, commit)


def twists(host: Hosted) -> None:
    """After the story: what waits, what is decided in parts, what ends, and what no longer waits."""
    world = host.world
    host.enter(member_file(world, "newcomer"))
    host.enter(act(world, decide("ada", "members/newcomer/1.yml")).added)
    host.enter(act(world, write(f"associations/{TISSUE}/models/{FOREST}/2.yml")).added)
    host.enter(member_file(world, "eve"))
    host.enter(act(world, withdraw("st-mary", f"results/{TISSUE}/{FOREST}/{DATASET}/1.yml")).added)


@pytest.fixture
def twisted(host: Hosted) -> Hosted:
    twists(host)
    return host


@WHOLE
def test_at_once_merge_by_merge_and_from_the_tree_alone_are_the_same(twisted: Hosted) -> None:
    at_once = office(twisted, "acme")
    with twisted.store() as store:
        chain = store.first_parents(twisted.main())[::-1]
    with main_at(twisted, chain[0]):
        stepwise = office(twisted, "st-mary")
    for commit in chain[1:]:
        with main_at(twisted, commit):
            assert sync(stepwise.deps).judged == 1
        assert stored(stepwise) == from_the_tree(stepwise, stored(stepwise))
    assert stored(stepwise) == stored(at_once)
    waiting = [each.row.id for each in stored(at_once) if each.row.waiting]
    assert waiting == [f"{TISSUE}/models/{FOREST}", "eve"]


@WHOLE
def test_workers_and_a_copy_of_the_index_give_the_same(
    twisted: Hosted, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = office(twisted, "acme")
    spread(monkeypatch)
    spread_out = office(twisted, "st-mary")
    assert stored(spread_out) == stored(plain)
    assert [path.name for path in spread_out.copy.glob("index*")] == ["index.sqlite"]
    twisted.enter(twisted.cube("grove"))
    assert sync(spread_out.deps).judged == sync(plain.deps).judged == 1
    assert stored(spread_out) == stored(plain)
    assert verify_registry(spread_out.deps).judged == 23


def spread(monkeypatch: pytest.MonkeyPatch, stretch: int = 3) -> None:
    """Use workers and a copy of the index however little there is to do."""
    monkeypatch.setattr(replaying, "STRETCH", stretch)
    monkeypatch.setattr(replaying, "_WORTH_WORKERS", 0)
    monkeypatch.setattr(workers, "processors", lambda: 2)
    monkeypatch.setattr(syncing, "_FEW", 0)


@WHOLE
def test_a_lawless_step_in_the_middle_stops_all_ways_at_the_same_commit(
    host: Hosted, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.enter(host.cube("grove"))
    good = host.main()
    host.enter({p: d for p, d in host.cube("wood").items() if p.endswith(".yml")})
    for name in ("one", "two", "three", "four"):
        host.enter(host.cube(name))
    plain, spread_out = office(host, "acme", add=False), office(host, "st-mary", add=False)
    for who in (plain, spread_out):
        with pytest.raises(LawlessError) as refused:
            who.add()
        assert good[:12] in refused.value.hint
        spread(monkeypatch)
        who.settings = dataclasses.replace(who.settings, registry=host.world.registry)
    assert stored(spread_out) == stored(plain) == from_good(host, good)


def from_good(host: Hosted, good: str) -> list[StoredEntity]:
    """What a sync of the good part alone stores."""
    with main_at(host, good):
        other = office(host, "clara")
    return stored(other)


@WHOLE
def test_the_clock_is_of_all_first_parents_also_of_those_beside_the_registry(host: Hosted) -> None:
    late = host.main()
    maker = host.member()
    with host.store() as store:
        when = store.commit_time(late)
    beside = maker.commit(late, {"README.md": b"x\n"}, folder="docs", date=when.replace(year=when.year + 1))
    host.unhook()
    assert maker.push(f"{beside}:refs/heads/main").ok
    stepwise = office(host, "acme")
    host.enter(host.cube("grove"))
    sync(stepwise.deps)
    assert stored(stepwise) == stored(office(host, "st-mary"))
    assert stored(stepwise)[-1].row.time == int(when.replace(year=when.year + 1).timestamp())


def test_a_change_that_cannot_be_judged_stops_a_sync_there_and_what_was_before_counts(host: Hosted) -> None:
    acme = office(host, "acme")
    host.enter(host.cube("grove"))
    good = host.main()
    maker = host.member()
    tree = maker.git("mktree", stdin=f"100644 blob {maker.git('hash-object', '-w', '--stdin')}\ta\n".encode())
    for _ in range(9):  # ten folders of ten folders of ...: a thousand million files in a few objects
        lines = (f"040000 tree {tree}\t{'registry' if n == 0 else n}\n" for n in range(10))
        tree = maker.git("mktree", stdin="".join(lines).encode())
    host.unhook()
    assert maker.push(f"{maker.commit_tree(tree, good)}:refs/heads/main").ok
    with pytest.raises(LawlessError, match="cannot be judged: two git trees differ in more") as refused:
        sync(acme.deps)
    assert good[:12] in refused.value.hint
    assert {row.row.id for row in stored(acme)} >= {"acme/grove"}


def test_what_is_left_of_a_killed_sync_is_not_in_the_way(
    host: Hosted, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme = office(host, "acme")
    Path(acme.copy / "index.sqlite.new").write_bytes(b"half an index")
    spread(monkeypatch)
    host.enter(host.cube("grove"))
    assert sync(acme.deps).judged == 1
    assert not (acme.copy / "index.sqlite.new").exists()


def test_a_worker_that_is_killed_is_told_and_nothing_is_lost(
    host: Hosted, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme = office(host, "acme")
    before = stored(acme)
    host.enter(host.cube("grove"))
    with monkeypatch.context() as patched:
        spread(patched)
        patched.setattr(replaying, "judged_in", _killed)
        with pytest.raises(MedperfError, match="ended from outside"):
            sync(acme.deps)
    assert stored(acme) == before
    assert sync(acme.deps).judged == 1


def _killed(_job: object) -> None:
    import os  # noqa: PLC0415 - in the worker
    import signal  # noqa: PLC0415 - in the worker

    os.kill(os.getpid(), signal.SIGKILL)


def test_as_many_workers_as_processors_this_process_may_use() -> None:
    assert 1 <= workers.processors() <= 32
