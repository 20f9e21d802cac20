"""Comments below a request: what is signed about this very head counts, whoever carried it; nothing else."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import pytest

from medperf_cli.adapters.forge.api import Account, Comment
from medperf_cli.core.carried import MARK, carrying
from medperf_cli.core.requests import request_id
from medperf_cli.flows.hosting.heard import Heard, heard
from tests.support.closing import closing
from tests.support.hosting import BEGIN, Hosted, Member
from tests.support.keys import member_key
from tests.support.world import member_file

HOSPITAL = "members/general-hospital/1.yml"
STRANGER = Account("stranger", 99)
DECIDED = "decisions/members/general-hospital/1/ada/1"
pytestmark = pytest.mark.parametrize("host", [8], indirect=True)


def comment(body: str, number: int = 1) -> Comment:
    return Comment(number, STRANGER, body, BEGIN + dt.timedelta(minutes=number))


class Asking:
    """A hospital that asks to join, and what is heard about that."""

    def __init__(self, host: Hosted) -> None:
        self.host = host
        self.member: Member = host.member()
        self.files = member_file(host.world, "general-hospital")
        self.head = self.member.commit(host.main(), self.files)
        self.vote = host.world.decide("ada", HOSPITAL, added=self.files)

    def hear(self, *bodies: str) -> Heard:
        comments = [comment(body, number) for number, body in enumerate(bodies, 1)]
        return heard(self.member.store, self.host.main(), "7", self.head, comments)

    def why(self, files: Mapping[str, bytes]) -> str:
        found = self.hear(carrying(files, "words"))
        assert not found.decisions
        assert not found.closings
        return found.odd[0].why


def test_a_signed_decision_counts_whoever_carried_it(host: Hosted) -> None:
    asking = Asking(host)
    found = asking.hear("I like it", carrying(asking.vote, "words"), carrying(asking.vote, "again"))
    assert found.decisions == {"ada": asking.vote}
    assert (found.closings, found.odd) == ({}, [])


def test_words_alone_never_count(host: Hosted) -> None:
    found = Asking(host).hear("approved", "/approve", "medperf review approve 7", f"> {MARK}")
    assert (found.decisions, found.closings, found.odd) == ({}, {}, [])


def test_a_decision_signed_with_another_key_is_told_and_hides_no_other(host: Hosted) -> None:
    asking = Asking(host)
    payload = asking.vote[f"{DECIDED}.yml"]
    space = f"decision.v1@{host.world.registry}"
    forged = {**asking.vote, f"{DECIDED}.sig": member_key("eve").sign(payload, space)}
    assert "is not signed with a valid key of member 'ada'" in asking.why(forged)
    found = asking.hear(carrying(forged, ""), carrying(asking.vote, ""))
    assert found.decisions == {"ada": asking.vote}
    assert len(found.odd) == 1


def test_a_decision_that_was_altered_or_lost_its_signature_is_told(host: Hosted) -> None:
    asking = Asking(host)
    altered = {**asking.vote, f"{DECIDED}.yml": asking.vote[f"{DECIDED}.yml"].replace(b"approve", b"revoke")}
    assert "signature" in asking.why(altered)
    assert asking.why({f"{DECIDED}.yml": asking.vote[f"{DECIDED}.yml"]})
    assert "comes without the file" in asking.why({f"{DECIDED}.sig": asking.vote[f"{DECIDED}.sig"]})


def test_a_decision_about_an_earlier_head_is_told(host: Hosted) -> None:
    asking = Asking(host)
    asking.files = member_file(host.world, "general-hospital", contact="other@example.org")
    asking.head = asking.member.commit(host.main(), asking.files)
    assert "is about an earlier version" in asking.why(asking.vote)


def test_a_decision_about_something_else_is_told(host: Hosted) -> None:
    asking = Asking(host)
    cube = host.cube()
    path = next(p for p in cube if p.endswith(".yml"))
    assert "is not part of this request" in asking.why(host.world.decide("ada", path, added=cube))
    assert "is not a decision" in asking.why(cube)


def test_a_closing_counts_for_this_head_only(host: Hosted) -> None:
    asking = Asking(host)
    number = request_id(asking.files)
    good = closing("ada", number, asking.head)
    assert asking.hear(carrying(good, "")).closings == {"ada": good}
    assert "another request" in asking.why(closing("ada", number, "0" * 40))
    assert "another request" in asking.why(closing("ada", "0" * 16, asking.head))
    assert "exactly two files" in asking.why({**good, **asking.vote})
    assert "not a valid key" in asking.why(closing("ada", number, asking.head, key=member_key("eve")))


def test_what_cannot_be_read_is_told(host: Hosted) -> None:
    found = Asking(host).hear(MARK, f"{MARK}\n````yaml registry/x\n")
    assert [bool(odd.why) for odd in found.odd] == [True, True]
