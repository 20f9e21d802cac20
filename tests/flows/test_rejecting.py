"""Saying no: a request is closed with a reason, everybody sees it, and a changed one may be asked anew."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from medperf_cli.adapters.forge.base import Request, RequestState
from medperf_cli.adapters.store.writing import write_commit
from medperf_cli.core.names import Kind
from medperf_cli.core.requests import MAIN, PULLS
from medperf_cli.errors import MedperfError, RejectedError, UnknownIdError, UsageError
from medperf_cli.flows.hosting.merge_bot import run_once
from medperf_cli.flows.reading.asked import Asked, read_asked
from medperf_cli.flows.reading.registry import Place
from medperf_cli.flows.reading.review_list import Wanted, closed_rows, open_rows
from medperf_cli.flows.submitting.association import approve_association, reject_association
from medperf_cli.flows.submitting.closed import ClosedError
from medperf_cli.flows.submitting.desk import at_desk, keep_up
from medperf_cli.flows.submitting.members import register
from medperf_cli.flows.submitting.publish import Published, publish
from medperf_cli.flows.submitting.reject import reject
from medperf_cli.flows.submitting.review import approve
from tests.support.hosting import SOMEBODY, Hosted
from tests.support.office import NEXT_DAY, Office, office
from tests.support.story_fields import FOREST, TISSUE, association_fields

WITH_MODEL = pytest.mark.parametrize("host", [11], indirect=True)
ASSOCIATION = f"{TISSUE}/models/{FOREST}"


def rejecting(who: Office, request: str, reason: str = "not who it says") -> Published:
    with at_desk(who.deps) as desk:
        return reject(desk, request, reason)


def joining(who: Office, contact: str = "ai@eve.example") -> Published:
    return register(
        who.deps, who.settings.member or "", name="Eve", kind="person", contact=contact, label="k"
    )


def kept(who: Office) -> Asked:
    return read_asked(Place(who.copy))


def asked_to_take_part(host: Hosted, message: str | None = None) -> Request:
    given = {"message": message} if message else {}
    fields = association_fields(host.world, f"benchmarks/{TISSUE}/2.yml", f"cubes/{FOREST}/1.yml", **given)
    return host.member().open(host.world.write(Kind.ASSOCIATION, ASSOCIATION, **fields))


def test_a_newcomer_is_rejected_reads_why_and_asks_anew(host: Hosted) -> None:
    eve, ada = office(host, "eve"), office(host, "ada")
    request = joining(eve).request or ""
    done = rejecting(ada, request[:5])
    assert (done.closed, done.sent) == ("rejected by ada: not who it says", True)
    assert f"request {request} is closed: rejected by ada" in done.outcome
    assert "verdict: rejected" in ada.asked[0]
    assert MAIN in host.refs()
    assert [ref for ref in host.refs() if ref.startswith(PULLS)] == [f"refs/pull/{request}/closed/ada"]
    with pytest.raises(ClosedError, match="was rejected by ada on 2026-01-03: not who it says") as told:
        joining(eve)
    assert "ask again" in told.value.hint
    assert len(eve.asked) == 1, "nothing was shown or signed again"
    assert not joining(eve, contact="office@eve.example").merged
    with pytest.raises(UnknownIdError, match="no open request"):
        rejecting(ada, request)


def test_what_was_closed_is_seen_by_everybody(host: Hosted) -> None:
    eve, ada, acme = (office(host, name) for name in ("eve", "ada", "acme"))
    request = joining(eve).request or ""
    rejecting(ada, request)
    _, asked = keep_up(acme.deps)
    (row,) = closed_rows(asked, Wanted())
    assert (row["request"], row["by"], row["verdict"], row["author"]) == (request, "ada", "rejected", "eve")
    assert (row["reason"], row["since"]) == ("not who it says", "2026-01-03T10:00:00Z")
    assert closed_rows(asked, Wanted(owner="acme")) == []
    assert open_rows(asked, Wanted()) == []


def test_who_asked_takes_it_back(host: Hosted) -> None:
    eve, ada = office(host, "eve"), office(host, "ada")
    request = joining(eve).request or ""
    assert rejecting(eve, request, "too early").closed == "taken-back by eve: too early"
    _, asked = keep_up(ada.deps)
    assert [c.verdict for c in asked.closed] == ["taken-back"]
    with pytest.raises(ClosedError, match="was taken-back by eve"):
        joining(eve)


def test_who_decides_about_nothing_in_it_rejects_nothing(host: Hosted) -> None:
    eve, acme = office(host, "eve"), office(host, "acme")
    request = joining(eve).request or ""
    refs = host.refs()
    with pytest.raises(RejectedError, match="'acme' decides about nothing in this request"):
        rejecting(acme, request)
    assert (host.refs(), acme.asked) == (refs, [])


def test_on_no_nothing_is_signed_or_sent(host: Hosted) -> None:
    eve, ada = office(host, "eve"), office(host, "ada")
    request = joining(eve).request or ""
    refs = host.refs()
    ada.answer = lambda _: False
    done = rejecting(ada, request)
    assert (done.sent, done.outcome, host.refs()) == (False, "nothing was sent", refs)
    with pytest.raises(UsageError, match="reason"):
        rejecting(ada, request, "")


@WITH_MODEL
def test_an_association_is_rejected_by_what_it_is_about(host: Hosted) -> None:
    first = asked_to_take_part(host)
    clara = office(host, "clara")
    named = {"dataset": None, "model": "forest"}
    done = reject_association(clara.deps, "wdbc", **named, reason="trained on all patients")
    assert done.closed == "rejected by clara: trained on all patients"
    with pytest.raises(UnknownIdError, match="no open request asks for"):
        reject_association(clara.deps, "wdbc", **named, reason="again")
    with pytest.raises(UnknownIdError, match="waits for a decision"):
        approve_association(clara.deps, "wdbc", **named, reason="after all")
    second = asked_to_take_part(host, message="trained on others now")
    assert second.id != first.id
    assert approve_association(clara.deps, "wdbc", **named, reason="good").merged
    with pytest.raises(UsageError, match="is in force, not asked for"):
        reject_association(clara.deps, "wdbc", **named, reason="too late")


def test_rejecting_and_approving_at_once_ends_in_one_of_both(host: Hosted) -> None:
    eve, ada, again = office(host, "eve"), office(host, "ada"), office(host, "ada", host.folder / "two")
    request = joining(eve).request or ""

    def act(number: int) -> str:
        try:
            if number:
                return str(rejecting(ada, request).closed)
            with at_desk(again.deps) as desk:
                return "merged" if approve(desk, request, "good").merged else "open"
        except MedperfError as error:
            return error.message

    with ThreadPoolExecutor(2) as pool:
        said = list(pool.map(act, range(2)))
    with host.store() as store:
        entered = store.snapshot(host.main()).get("members/eve/1.yml") is not None
    pulls = [ref for ref in host.refs() if ref.startswith(PULLS)]
    if entered:
        assert said[0] == "merged", said
        assert [ref for ref in pulls if not ref.endswith("closed/ada")] == []
        keep_up(eve.deps)
        assert kept(eve).closed == (), "what was merged is not shown as closed"
    else:
        assert pulls == [f"refs/pull/{request}/closed/ada"], said
        assert said[1] == "rejected by ada: not who it says"


def test_since_is_the_time_of_submission_and_the_same_files_are_one_request(host: Hosted) -> None:
    eve, ada = office(host, "eve"), office(host, "ada")
    first = joining(eve)
    assert joining(eve).request == first.request
    _, asked = keep_up(ada.deps)
    (found,) = asked.requests
    assert found.since == NEXT_DAY.strftime("%Y-%m-%dT%H:%M:%SZ")
    (waits,) = found.waits
    assert (waits.role, waits.verb, waits.count, waits.members) == ("admins", "approve", 1, ("ada",))
    assert [row["request"] for row in open_rows(asked, Wanted(waits_for="ada"))] == [first.request]
    assert open_rows(asked, Wanted(waits_for="clara")) == []


def test_what_is_asked_for_is_kept_and_a_damaged_copy_is_had_again(host: Hosted) -> None:
    eve = office(host, "eve")
    joining(eve)
    before = kept(eve)
    assert [request.id for request in before.requests]
    place = Place(eve.copy)
    good = place.requests.read_bytes()
    for damage in (
        good.replace(b"members/eve/1.yml", b"members/../1.yml"),
        b"",
        b"{}",
        b'{"schema": 1, "requests": 3, "closed": [], "time": ""}',
        b"\xff",
        b"[1]",
    ):
        place.requests.write_bytes(damage)
        assert read_asked(place) == Asked()
    keep_up(eve.deps)
    assert kept(eve) == before


def test_a_kill_before_the_refresh_leaves_an_old_copy_that_the_next_contact_renews(host: Hosted) -> None:
    eve, ada = office(host, "eve"), office(host, "ada")
    joining(eve)
    keep_up(ada.deps)
    place = Place(ada.copy)
    old = place.requests.read_bytes()
    rejecting(ada, kept(ada).requests[0].id)
    place.requests.write_bytes(old)  # as if it had been killed after the push
    keep_up(ada.deps)
    assert (kept(ada).requests, len(kept(ada).closed)) == ((), 1)


def test_a_request_written_past_the_hooks_hides_nothing(host: Hosted) -> None:
    eve, ada = office(host, "eve"), office(host, "ada")
    joining(eve)
    with host.store() as store:
        store.update_ref("refs/pull/0123456789abcdef/head", host.main(), None)
        store.update_ref("refs/pull/0123456789abcdee/closed/ada", host.main(), None)
    _, asked = keep_up(ada.deps)
    assert [(r.verdict, bool(r.files)) for r in asked.requests] == [("REJECT", False), ("REVIEW", True)]
    assert asked.closed == ()
    with at_desk(eve.deps) as desk:
        assert publish(desk, "nothing").request is None


def test_a_request_that_people_merge_after_it_was_closed_is_merged(host: Hosted) -> None:
    """Main decides: who had seen the request before the closing may still merge what has its decisions."""
    eve, ada = office(host, "eve"), office(host, "ada")
    request = joining(eve).request or ""
    with at_desk(ada.deps) as desk:
        forge = desk.forge
        seen = forge.read(request)
        added = desk.store.change(seen.base, seen.head).added
        reject(desk, request, "not now")
        vote = host.world.decide("ada", "members/eve/1.yml", added=added)
        commit = write_commit(
            desk.store, seen.base, {**added, **vote}, "by hand", author=SOMEBODY, date=NEXT_DAY
        )
        assert forge.merge(seen, commit, seen.base).state is RequestState.MERGED
    _, asked = keep_up(eve.deps)
    assert (asked.requests, asked.closed) == ((), ())
    with host.store() as store:
        run_once(store, lambda: NEXT_DAY)
    assert [ref for ref in host.refs() if ref.startswith(PULLS)] == []


def test_a_closing_whose_hook_was_killed_is_finished_by_the_bot(host: Hosted) -> None:
    eve, ada = office(host, "eve"), office(host, "ada")
    request = joining(eve).request or ""
    hook = host.path / "hooks" / "post-receive"
    kept_hook = hook.read_bytes()
    hook.write_text("#!/bin/sh\necho 'medperf: killed'\nexit 1\n")
    rejecting(ada, request)
    assert f"refs/pull/{request}/head" in host.refs()
    hook.write_bytes(kept_hook)
    with host.store() as store:
        run_once(store, lambda: NEXT_DAY)
    assert [ref for ref in host.refs() if ref.startswith(PULLS)] == [f"refs/pull/{request}/closed/ada"]
    with pytest.raises(ClosedError):
        joining(eve)
