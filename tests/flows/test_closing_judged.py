"""Who may end a request without a merge, judged by the hook and by the bot: most who try may not."""

from __future__ import annotations

import datetime as dt

import pytest

from medperf_cli.core.entities.closing import SIGNATURE, STATEMENT
from medperf_cli.core.names import Kind
from medperf_cli.core.requests import RequestRef, request_id
from medperf_cli.flows.hosting.merge_bot import Fate
from tests.support.closing import closing
from tests.support.desk import Desk
from tests.support.gate import Gate, only
from tests.support.hosting import BEGIN
from tests.support.keys import member_key
from tests.support.story_fields import FOREST, TISSUE, association_fields, benchmark_fields
from tests.support.world import member_file

Asked = tuple[str, str]
NEWCOMER = "general-hospital"
ASSOCIATION = f"{TISSUE}/models/{FOREST}"
WITH_MODEL = pytest.mark.parametrize("host", [11], indirect=True)


@pytest.fixture
def asked(gate: Gate) -> Asked:
    """A newcomer asks to join; the admin decides: the request's id and head."""
    return gate.opened(member_file(gate.world, NEWCOMER))


def closes(gate: Gate, asked: Asked, member: str, files: dict[str, bytes], **given: object) -> list[str]:
    """What the hook says to a closing of this request by a member."""
    commit = beside(gate, asked[1], files)
    return gate.ask(RequestRef(asked[0], member, closed=True), commit, **given)  # type: ignore[arg-type] - passed on


def beside(gate: Gate | Desk, head: str, files: dict[str, bytes], date: dt.datetime = BEGIN) -> str:
    return gate.maker.upstream.commit_beside(head, files, title="closed", author="somebody", when=date)


def test_who_decides_may_reject(gate: Gate, asked: Asked) -> None:
    assert closes(gate, asked, "ada", closing("ada", *asked)) == []


def test_who_asked_may_take_it_back_even_before_being_a_member(gate: Gate, asked: Asked) -> None:
    mine = closing(NEWCOMER, *asked, verdict="taken-back")
    assert closes(gate, asked, NEWCOMER, mine) == []


def test_others_may_do_neither(gate: Gate, asked: Asked) -> None:
    only(closes(gate, asked, "clara", closing("clara", *asked)), "'clara' decides about nothing in this")
    back = closing("clara", *asked, verdict="taken-back")
    only(closes(gate, asked, "clara", back), "'clara' did not sign all of this request")
    only(closes(gate, asked, "stranger", closing("stranger", *asked)), "is not a valid key of member")
    only(closes(gate, asked, NEWCOMER, closing(NEWCOMER, *asked)), "decides about nothing")


def test_a_closing_in_anothers_name_or_unsigned_is_refused(gate: Gate, asked: Asked) -> None:
    forged = closing("ada", *asked, key=member_key("clara"))
    only(closes(gate, asked, "ada", forged), "is not a valid key of member 'ada'")
    only(closes(gate, asked, "clara", closing("ada", *asked)), "is not a valid key of member 'ada'")
    mine = closing("ada", *asked)
    only(closes(gate, asked, "ada", {**mine, SIGNATURE: b""}), "signature")
    only(closes(gate, asked, "ada", {**mine, STATEMENT: mine[STATEMENT] + b"\n"}), "signature")
    only(closes(gate, asked, "ada", closing("ada", *asked, space=f"decision.v1@{'0' * 32}")), "namespace")
    other = closing("ada", *asked, registry="f" * 32)
    only(closes(gate, asked, "ada", other), "of another registry")


def test_a_closing_of_another_request_or_head_is_not_played_again(gate: Gate, asked: Asked) -> None:
    other = gate.opened(member_file(gate.world, "city-clinic"))
    replayed = closing("ada", *asked)
    only(closes(gate, other, "ada", replayed), "about another request")
    only(closes(gate, asked, "ada", closing("ada", asked[0], other[1])), "about another request")
    elsewhere = beside(gate, other[1], replayed)
    ref = RequestRef(asked[0], "ada", closed=True)
    only(gate.ask(ref, elsewhere), "one commit on the request's head")
    only(gate.ask(RequestRef("0" * 16, "ada", closed=True), elsewhere), "no open request")


def test_a_closing_is_two_files_and_nothing_else(gate: Gate, asked: Asked) -> None:
    mine = closing("ada", *asked)
    only(closes(gate, asked, "ada", {**mine, "notes.txt": b"x\n"}), "exactly two files")
    only(closes(gate, asked, "ada", {STATEMENT: mine[STATEMENT]}), "exactly two files")
    nested = {STATEMENT: mine[STATEMENT], f"{SIGNATURE}/x": mine[SIGNATURE]}
    only(closes(gate, asked, "ada", nested), "exactly two files")
    only(closes(gate, asked, "ada", {**mine, STATEMENT: b"x" * 70_000}), "larger than")
    extra = gate.maker.commit(asked[1], mine)
    only(gate.ask(RequestRef(asked[0], "ada", closed=True), extra), "exactly two files")


def test_a_closing_is_not_dated_ahead_and_never_changes(gate: Gate, asked: Asked) -> None:
    future = closing("ada", *asked, time="2099-01-01T00:00:00Z")
    only(closes(gate, asked, "ada", future), "ahead of the clock")
    late = beside(gate, asked[1], closing("ada", *asked), BEGIN + dt.timedelta(hours=1))
    ref = RequestRef(asked[0], "ada", closed=True)
    only(gate.ask(ref, late), "ahead of the clock")
    first = beside(gate, asked[1], closing("ada", *asked))
    only(
        gate.ask(ref, beside(gate, asked[1], closing("ada", *asked, reason="other")), first), "never changes"
    )
    only(gate.ask(ref, None, first), "may not be deleted")


@WITH_MODEL
def test_a_former_committee_member_rejects_nothing(gate: Gate) -> None:
    world = gate.world
    fields = association_fields(world, f"benchmarks/{TISSUE}/2.yml", f"cubes/{FOREST}/1.yml")
    asked = gate.opened(world.write(Kind.ASSOCIATION, ASSOCIATION, **fields))
    assert closes(gate, asked, "clara", closing("clara", *asked)) == []
    only(closes(gate, asked, "ada", closing("ada", *asked)), "'ada' decides about nothing in this request")
    committee = {"threshold": 1, "members": ["st-mary"]}
    changed = world.write(
        Kind.BENCHMARK, TISSUE, 3, **benchmark_fields(world, state="operation", committee=committee)
    )
    vote = world.decide(
        "clara", f"benchmarks/{TISSUE}/3.yml", authority=f"benchmarks/{TISSUE}/2.yml", added=changed
    )
    gate.host.enter({**changed, **vote})
    only(closes(gate, asked, "clara", closing("clara", *asked)), "'clara' decides about nothing")
    assert closes(gate, asked, "st-mary", closing("st-mary", *asked)) == []


@WITH_MODEL
def test_where_nobody_is_left_to_decide_the_admins_reject(gate: Gate) -> None:
    """A request to take part in a benchmark that ended would else stay open for ever."""
    world = gate.world
    fields = association_fields(world, f"benchmarks/{TISSUE}/2.yml", f"cubes/{FOREST}/1.yml")
    asked = gate.opened(world.write(Kind.ASSOCIATION, ASSOCIATION, **fields))
    owner = TISSUE.partition("/")[0]
    gate.host.enter(world.decide(owner, f"benchmarks/{TISSUE}/2.yml", "withdraw", authority=None))
    only(closes(gate, asked, "clara", closing("clara", *asked)), "'clara' decides about nothing")
    assert closes(gate, asked, "ada", closing("ada", *asked)) == []


def test_a_revoked_key_closes_nothing(gate: Gate, asked: Asked) -> None:
    world = gate.world
    keys = [
        {
            "key": member_key("ada").public_text,
            "label": "first key",
            "revoked": {"reason": "lost", "since": "2026-01-01T00:00:00Z"},
        }
    ]
    about = {"name": "Ada", "type": "organisation", "contact": "registry@ada.example"}
    gate.host.enter(world.write(Kind.MEMBER, "ada", 2, **about, keys=keys))
    only(closes(gate, asked, "ada", closing("ada", *asked)), "is not a valid key of member 'ada'")


def test_a_held_request_is_for_the_admins(gate: Gate) -> None:
    asked = gate.opened(gate.cube("grove", description="without patient id 1234567"))
    only(closes(gate, asked, "clara", closing("clara", *asked)), "decides about nothing")
    assert closes(gate, asked, "ada", closing("ada", *asked)) == []
    assert closes(gate, asked, "acme", closing("acme", *asked, verdict="taken-back")) == []


# --- the bot


def lay_closing(desk: Desk, asked: Asked, member: str, files: dict[str, bytes]) -> str:
    """A closing laid beside a request past the hooks."""
    commit = beside(desk, asked[1], files)
    ref = str(RequestRef(asked[0], member, closed=True))
    desk.store.update_ref(ref, commit, None)
    return ref


def test_the_bot_removes_head_and_decisions_and_keeps_the_closing(desk: Desk) -> None:
    files = member_file(desk.host.world, NEWCOMER)
    request = desk.lay(files)
    desk.vote(request, "clara", desk.host.world.decide("clara", f"members/{NEWCOMER}/1.yml", added=files))
    ref = lay_closing(desk, (request.id, request.head), "ada", closing("ada", request.id, request.head))
    assert desk.one(request).fate is Fate.CLOSED
    assert list(desk.waiting()) == [ref]
    assert desk.run() == {}, "a second run changes nothing"
    assert list(desk.waiting()) == [ref]


def test_what_was_closed_is_not_merged_by_an_approval_that_comes_too(desk: Desk) -> None:
    """Rejected and approved at once: the closing that stands when the bot looks wins, and nothing enters."""
    files = member_file(desk.host.world, NEWCOMER)
    request = desk.lay(files)
    desk.vote(request, "ada", desk.host.world.decide("ada", f"members/{NEWCOMER}/1.yml", added=files))
    lay_closing(desk, (request.id, request.head), "ada", closing("ada", request.id, request.head))
    assert desk.one(request).fate is Fate.CLOSED
    assert not desk.in_main(f"members/{NEWCOMER}/1.yml")


def test_a_closing_laid_past_the_hooks_that_does_not_count_is_removed(desk: Desk) -> None:
    request = desk.lay(member_file(desk.host.world, NEWCOMER))
    lay_closing(desk, (request.id, request.head), "clara", closing("clara", request.id, request.head))
    assert desk.one(request).fate is Fate.WAITS
    assert list(desk.waiting()) == [str(RequestRef(request.id))]


def test_a_closing_that_came_while_the_request_was_merged_is_removed(desk: Desk) -> None:
    files = desk.cube()
    request = desk.lay(files)
    assert desk.one(request).fate is Fate.MERGED
    lay_closing(desk, (request.id, request.head), "ada", closing("ada", request.id, request.head))
    desk.run()
    assert desk.waiting() == {}


def test_the_hook_does_not_open_again_what_was_closed(gate: Gate) -> None:
    files = member_file(gate.world, NEWCOMER)
    number, head = gate.opened(files)
    commit = beside(gate, head, closing("ada", number, head))
    gate.store.update_ref(str(RequestRef(number, "ada", closed=True)), commit, None)
    gate.store.update_ref(str(RequestRef(number)), None, head)
    only(gate.request(files), "was rejected by ada on 2026-01-02: trained on all patients")
    changed = member_file(gate.world, NEWCOMER, contact="ai@hospital.example")
    assert request_id(changed) != number
    assert gate.request(changed) == []


def test_a_forged_closing_keeps_nobody_out(gate: Gate) -> None:
    files = member_file(gate.world, NEWCOMER)
    number, head = gate.opened(files)
    forged = beside(gate, head, closing("ada", number, head, key=member_key("clara")))
    gate.store.update_ref(str(RequestRef(number, "ada", closed=True)), forged, None)
    gate.store.update_ref(str(RequestRef(number)), None, head)
    assert gate.request(files) == []
