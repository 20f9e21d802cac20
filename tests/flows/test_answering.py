"""One merge bot serves many pushes: who waits hears what became of theirs, or takes over."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from medperf_cli.adapters.store.locks import exclusive
from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.core.requests import MAIN, OpenRequest, RequestRef, open_requests, request_id
from medperf_cli.errors import ConflictError
from medperf_cli.flows.hosting import answering, bot_memory, merge_bot
from medperf_cli.flows.hosting.answering import answers, heard
from medperf_cli.flows.hosting.bot_memory import FILE, LOCK, Memory, commits_of, read_memory, write_memory
from medperf_cli.flows.hosting.merge_bot import Fate, run_locked, run_once
from tests.support.desk import LATER, Desk
from tests.support.hosting import replays
from tests.support.keys import member_key
from tests.support.killing import Killer, in_child
from tests.support.world import member_file

HOSPITAL = "members/general-hospital/1.yml"


def pushed(desk: Desk, *requests: OpenRequest) -> list[str]:
    """What the hook answers whoever pushed all that stands behind these requests now."""
    now = {request.id: request for request in open_requests(desk.waiting())}
    asked = {request.id: commits_of(now[request.id]) for request in requests}
    return answers(desk.host.path, asked, lambda: LATER)


@contextmanager
def waiting(desk: Desk, *requests: OpenRequest) -> Iterator[Future[list[str]]]:
    """The same, from a hook that waits for as long as the block holds the lock."""
    with ThreadPoolExecutor(1) as pool, exclusive(desk.host.path / LOCK, "a bot"):
        yield pool.submit(pushed, desk, *requests)


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of requests that a bot judges, as it does so."""
    found: list[str] = []
    gather: Callable[..., Any] = merge_bot.gather

    def noting(store: GitStore, main: str, request: OpenRequest, *rest: Any) -> Any:
        found.append(request.id)
        return gather(store, main, request, *rest)

    monkeypatch.setattr(merge_bot, "gather", noting)
    return found


def test_who_waits_is_served_by_the_bot_that_works(desk: Desk) -> None:
    model, hospital = desk.lay(desk.cube()), desk.lay(member_file(desk.host.world, "general-hospital"))
    with waiting(desk, model, hospital) as answer:
        with GitStore(desk.host.path) as store:
            (merged, left) = sorted(run_locked(store, lambda: LATER, Memory()), key=lambda o: o.fate)
        said = answer.result(timeout=30)  # while the lock is still held
    assert f"request {model.id} merged as {merged.commit}" in said
    assert any(line.startswith("APP001 ") and "approve: ada" in line for line in said)
    assert (left.fate, desk.host.main()) == (Fate.WAITS, merged.commit)


def test_a_second_request_is_judged_by_whoever_waits_once_the_bot_has_ended(desk: Desk) -> None:
    first = desk.lay(desk.cube())
    with ThreadPoolExecutor(1) as pool:
        with exclusive(desk.host.path / LOCK, "a bot"), GitStore(desk.host.path) as store:
            run_locked(store, lambda: LATER, Memory())
            second = desk.lay(desk.cube("other"))
            answer = pool.submit(pushed, desk, second)
        assert answer.result(timeout=30)[0].startswith(f"request {second.id} merged as ")
    assert first.id in read_memory(desk.host.path).requests
    assert desk.waiting() == {}


def test_a_bot_looks_once_more_before_it_ends(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    first, late = desk.lay(desk.cube()), desk.cube("other")
    merge: Callable[..., str] = merge_bot.merge_request

    def overtaken(*args: Any, **named: Any) -> str:
        monkeypatch.setattr(merge_bot, "merge_request", merge)
        desk.lay(late)
        return merge(*args, **named)

    monkeypatch.setattr(merge_bot, "merge_request", overtaken)
    assert pushed(desk, first)[0].startswith(f"request {first.id} merged")
    assert desk.in_main(*late)


def test_without_end_of_new_requests_the_bot_lets_go(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    settle: Callable[..., Any] = merge_bot._settle
    names = iter(f"model-{number}-{'abcdefgh'[number] * 6}" for number in range(8))

    def followed(*args: Any) -> Any:
        desk.lay(desk.cube(next(names)))
        return settle(*args)

    monkeypatch.setattr(merge_bot, "_settle", followed)
    monkeypatch.setattr(merge_bot, "_ROUNDS", 3)
    desk.lay(desk.cube())
    fates = [outcome.fate for outcome in run_once(desk.store, lambda: LATER)]
    assert fates == [Fate.MERGED] * 3
    (left,) = open_requests(desk.waiting())
    monkeypatch.setattr(merge_bot, "_settle", settle)
    assert pushed(desk, left)[0].startswith(f"request {left.id} ")


def test_what_was_settled_earlier_and_comes_again_is_judged_again(desk: Desk) -> None:
    both = [desk.lay(desk.cube(description=text)) for text in ("one", "another")]
    merged, refused = sorted(both, key=lambda request: request.id)
    assert [outcome.fate for outcome in desk.run().values()] == [Fate.MERGED, Fate.REJECTED]
    asked = {refused.id: {refused.head}}
    said = heard(desk.host.path, asked)
    assert said is not None
    assert said[0] == f"request {refused.id} rejected"
    assert heard(desk.host.path, {merged.id: {merged.head}, **asked}) is not None
    desk.store.update_ref(str(RequestRef(refused.id)), refused.head, None)
    assert heard(desk.host.path, asked) is None
    assert pushed(desk, refused) == said
    assert desk.waiting() == {}


def test_a_decision_asks_again_about_a_request_that_was_told_of(desk: Desk) -> None:
    files = member_file(desk.host.world, "general-hospital")
    request = desk.lay(files)
    assert pushed(desk, request)[0] == f"request {request.id} waits"
    commit = desk.vote(request, "ada", desk.host.world.decide("ada", HOSPITAL, added=files))
    assert heard(desk.host.path, {request.id: {commit}}) is None
    assert pushed(desk, request)[0].startswith(f"request {request.id} merged as ")


def test_only_what_a_merge_could_have_changed_is_judged_again(desk: Desk, judged: list[str]) -> None:
    hospital = desk.lay(member_file(desk.host.world, "general-hospital"))
    pushed(desk, hospital)
    assert judged == [hospital.id]
    model = desk.lay(desk.cube())
    pushed(desk, model)
    assert judged == [hospital.id, model.id]
    clinic = member_file(desk.host.world, "clinic")
    other = desk.lay(clinic)
    desk.vote(other, "ada", desk.host.world.decide("ada", "members/clinic/1.yml", added=clinic))
    pushed(desk, other)
    assert judged[2:] == [other.id, hospital.id], "a new member matters to who asks to join"
    run_once(desk.store, lambda: LATER)
    assert judged[4:] == [hospital.id], "who runs the bot by hand has all judged anew"


def test_a_bot_that_remembers_decides_as_one_that_does_not(desk: Desk, tmp_path: Path) -> None:
    other = desk.host.copy(tmp_path / "other")
    hospital, clinic = (member_file(desk.host.world, name) for name in ("general-hospital", "clinic"))
    key = {"keys": [{"key": member_key("clinic").public_text, "label": "one of another"}]}
    thief = member_file(desk.host.world, "thief", **key)
    requests = [hospital, clinic, thief, desk.cube("model-1"), desk.cube("model-l")]
    with other.store() as store:
        forgetful = Desk(other, store)
        for files in requests:
            for one in (desk, forgetful):
                one.lay(files)
            _same(desk, forgetful)
        for name, files in (("clinic", clinic), ("thief", thief), ("general-hospital", hospital)):
            vote = desk.host.world.decide("ada", f"members/{name}/1.yml", added=files)
            for one in (desk, forgetful):
                (request,) = (r for r in open_requests(one.waiting()) if r.id == request_id(files))
                one.vote(request, "ada", vote)
            _same(desk, forgetful)


def _same(desk: Desk, forgetful: Desk) -> None:
    answers(desk.host.path, {}, lambda: LATER)
    outcomes = forgetful.run()
    assert desk.waiting() == forgetful.waiting()
    assert desk.store.registry_tree(desk.host.main()) == forgetful.store.registry_tree(forgetful.host.main())
    for request in open_requests(desk.waiting()):
        assert read_memory(desk.host.path).requests[request.id].said == tuple(
            merge_bot.said(outcomes[request.id])
        )


def test_what_somebody_merges_by_hand_may_let_a_request_go(desk: Desk) -> None:
    files = desk.cube(description="mine")
    request = desk.lay(files)
    with GitStore(desk.host.path) as store:
        memory = Memory(merge_bot.TOOL_VERSION, store.rev(MAIN), {})
        asked = frozenset({"cubes/acme/forest/"})
        memory.note(request.id, bot_memory.Known(commits_of(request), ("waits",), asked))
        write_memory(desk.host.path, memory)
    desk.host.enter(desk.cube("elsewhere"))
    assert answers(desk.host.path, {}, lambda: LATER) == []
    assert open_requests(desk.waiting()) == [request], "as it was told"
    desk.host.enter(desk.cube(description="theirs"))
    assert answers(desk.host.path, {}, lambda: LATER) == []
    assert desk.waiting() == {}


@pytest.mark.parametrize(
    "kept", [b"", b"{", b"[]", b'{"tool": 1, "main": 2, "requests": {"x": {}}}', b"\xff"]
)
def test_a_damaged_memory_is_none(desk: Desk, kept: bytes) -> None:
    (desk.host.path / FILE).write_bytes(kept)
    request = desk.lay(desk.cube())
    assert pushed(desk, request)[0].startswith(f"request {request.id} merged as ")


def test_what_other_rules_said_is_forgotten(desk: Desk, judged: list[str]) -> None:
    request = desk.lay(member_file(desk.host.world, "general-hospital"))
    pushed(desk, request)
    memory = read_memory(desk.host.path)
    memory.tool = "0.0.1"
    write_memory(desk.host.path, memory)
    pushed(desk, desk.lay(desk.cube()))
    assert judged.count(request.id) == 2


def test_the_memory_does_not_grow_without_end(tmp_path: Path) -> None:
    memory = Memory("1", "main")
    for number in range(700):
        memory.note(f"{number:016x}", bot_memory.Known(frozenset({"c"}), ("merged",), None))
    memory.note("f" * 16, bot_memory.Known(frozenset({"d"}), ("waits",), frozenset({"root/1.yml"})))
    write_memory(tmp_path, memory)
    found = read_memory(tmp_path)
    assert len(found.requests) == 501
    assert found.requests["f" * 16].asked == {"root/1.yml"}
    assert f"{699:016x}" in found.requests


def test_a_bot_without_a_sign_of_life_is_told_of(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "LOCK_SECONDS", 0.0)
    with (
        waiting(desk, desk.lay(desk.cube())) as answer,
        pytest.raises(ConflictError, match="locked by a bot"),
    ):
        answer.result(timeout=30)


def test_killed_at_any_step_a_bot_leaves_nothing_lost_doubled_or_waiting(desk: Desk, tmp_path: Path) -> None:
    requests = [desk.lay(desk.cube()), desk.lay(desk.cube("other"))]
    steps = tmp_path / "steps"

    def work(at: int, number: int) -> int:
        copy = desk.host.copy(tmp_path / str(number))
        killer = Killer(at)

        def killed() -> None:
            killer.watch()
            with GitStore(copy.path) as store:
                run_once(store, lambda: LATER)
            steps.write_text(str(killer.steps))

        code = in_child(killed)
        with copy.store() as store:
            survivor = Desk(copy, store)
            left = {r.id for r in open_requests(survivor.waiting())}
            asked = {r.id: {r.head} for r in requests}
            said = answers(copy.path, asked, lambda: LATER)
            assert len(said) == 2, (at, said)
            assert left or all("merged" in line or "not open" in line for line in said)
            if survivor.waiting():  # the killed bot's git was still at a ref: that is left to the next run
                run_once(store, lambda: LATER)
            assert survivor.waiting() == {}
            assert len(store.first_parents(copy.main())) == 7
            assert replays(store, copy.main())
        return code

    assert work(-1, 0) == 0
    total = int(steps.read_text())
    assert total > 20
    chosen = range(1, total + 1, 3)
    assert {work(at, at) for at in chosen} == {-signal.SIGKILL}
