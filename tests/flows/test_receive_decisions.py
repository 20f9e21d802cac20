"""Decisions wait beside a request; a repository begins with its pinned root: who may push which."""

from __future__ import annotations

import pytest

from medperf_cli.core.requests import MAIN, RefUpdate, RequestRef, request_id
from medperf_cli.flows.hosting.receive import Receiver
from tests.support.gate import Gate, only
from tests.support.hosting import BEGIN
from tests.support.keys import member_key
from tests.support.world import genesis, member_file


@pytest.fixture
def waiting(gate: Gate) -> tuple[str, str, dict[str, bytes]]:
    """A member who asks to be admitted: the request's id, its head, its files."""
    files = member_file(gate.world, "general-hospital")
    return *gate.opened(files), files


Waiting = tuple[str, str, dict[str, bytes]]
SUBJECT = "members/general-hospital/1.yml"


def test_an_admins_decision_enters(gate: Gate, waiting: Waiting) -> None:
    number, head, files = waiting
    vote = gate.world.decide("ada", SUBJECT, added=files)
    assert gate.ask(RequestRef(number, "ada"), gate.maker.commit(head, vote)) == []


def test_a_decision_by_somebody_without_the_role_is_refused(gate: Gate, waiting: Waiting) -> None:
    number, head, files = waiting
    vote = gate.world.decide("clara", SUBJECT, added=files)
    only(gate.ask(RequestRef(number, "clara"), gate.maker.commit(head, vote)), "DEC003")
    vote = gate.world.decide("stranger", SUBJECT, added=files)
    only(gate.ask(RequestRef(number, "stranger"), gate.maker.commit(head, vote)), "SIG001")


def test_a_decision_in_anothers_name_is_refused(gate: Gate, waiting: Waiting) -> None:
    number, head, files = waiting
    vote = gate.world.decide("ada", SUBJECT, added=files, key=member_key("clara"))
    only(gate.ask(RequestRef(number, "ada"), gate.maker.commit(head, vote)), "SIG001")
    vote = gate.world.decide("ada", SUBJECT, added=files)
    only(gate.ask(RequestRef(number, "clara"), gate.maker.commit(head, vote)), "a decision of 'ada'")


def test_a_decision_on_other_bytes_is_refused(gate: Gate, waiting: Waiting) -> None:
    number, head, files = waiting
    vote = gate.world.decide("ada", SUBJECT, added={SUBJECT: files[SUBJECT] + b"\n"})
    only(gate.ask(RequestRef(number, "ada"), gate.maker.commit(head, vote)), "DEC001")


def test_decisions_bring_nothing_else(gate: Gate, waiting: Waiting) -> None:
    number, head, files = waiting
    ref = RequestRef(number, "ada")
    vote = gate.world.decide("ada", SUBJECT, added=files)
    only(gate.ask(ref, gate.maker.commit(head, {**vote, **gate.cube()})), "is not a decision")
    outside = {f"registry/{p}": d for p, d in vote.items()} | {"README": b"x\n"}
    only(gate.ask(ref, gate.maker.commit(head, outside, folder="")), "outside 'registry/'")
    only(gate.ask(ref, gate.maker.commit(gate.host.main(), vote)), "one commit on the request's head")
    only(gate.ask(ref, gate.maker.commit(head, {})), "adds no decision")
    about_clara = gate.world.decide("ada", "members/clara/1.yml", verdict="revoke", version=2)
    only(gate.ask(ref, gate.maker.commit(head, about_clara)), "is not part of this request")


def test_a_decision_needs_an_open_request(gate: Gate) -> None:
    only(gate.ask(RequestRef("0" * 16, "ada"), gate.host.main()), "no open request")


def test_decisions_are_added_to_and_never_taken_away(gate: Gate) -> None:
    files = member_file(gate.world, "general-hospital") | member_file(gate.world, "city-clinic")
    number, head = gate.opened(files)
    first = gate.world.decide("ada", SUBJECT, added=files)
    second = gate.world.decide("ada", "members/city-clinic/1.yml", added=files)
    ref = RequestRef(number, "ada")
    one, both = gate.maker.commit(head, first), gate.maker.commit(head, {**first, **second})
    assert gate.ask(ref, one) == []
    assert gate.ask(ref, both, one) == []
    only(gate.ask(ref, one, both), "may not be taken away")
    only(gate.ask(ref, gate.maker.commit(head, second), one), "may not be taken away")
    only(gate.ask(ref, None, one), "may not be deleted")


def test_what_is_no_decision_at_all_may_be_replaced(gate: Gate, waiting: Waiting) -> None:
    """It was put there past this hook, and must not keep the member from deciding."""
    number, head, files = waiting
    vote = gate.maker.commit(head, gate.world.decide("ada", SUBJECT, added=files))
    for nothing in (gate.host.main(), gate.store.commit(head).tree, "ab" * 20):
        assert gate.ask(RequestRef(number, "ada"), vote, nothing) == []


def test_a_decision_that_counts_no_more_may_be_replaced(gate: Gate, waiting: Waiting) -> None:
    number, head, files = waiting
    void = gate.world.decide("ada", SUBJECT, added={SUBJECT: b"other bytes\n"})
    good = gate.world.decide("ada", SUBJECT, added=files)
    ref = RequestRef(number, "ada")
    assert gate.ask(ref, gate.maker.commit(head, good), gate.maker.commit(head, void)) == []


# --- before there is a registry


@pytest.fixture
def empty(gate: Gate) -> Gate:
    """The same repository before its first commit."""
    gate.store.update_ref(MAIN, None, gate.host.main())
    return gate


def test_main_begins_with_the_pinned_root_only(empty: Gate) -> None:
    lawful = empty.maker.commit(None, genesis())
    assert empty.ask(MAIN, lawful) == []
    other = empty.maker.commit(None, genesis(title="Another consortium"))
    only(empty.ask(MAIN, other), "is not the root this repository was made for")
    nothing_pinned = Receiver(empty.store, BEGIN, None).judge([RefUpdate(None, lawful, MAIN)])
    assert [f.message for f in nothing_pinned[MAIN]] == [
        "is not the root this repository was made for (none)"
    ]


def test_the_pinned_root_alone_is_no_lawful_beginning(empty: Gate) -> None:
    files = genesis()
    del files["root/1.ada.sig"]
    only(empty.ask(MAIN, empty.maker.commit(None, files)), "GEN001")


def test_there_are_no_requests_before_there_is_a_registry(empty: Gate) -> None:
    files = genesis()
    only(empty.ask(RequestRef(request_id(files)), empty.maker.commit(None, files)), "no registry here yet")
