"""The merge bot brings into main what the check lets pass, with the decisions it needs, once and for good."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from medperf_cli.adapters.store.writing import Author
from medperf_cli.core.names import Kind
from medperf_cli.core.requests import MAIN, RequestRef, open_requests, request_id
from medperf_cli.errors import RejectedError
from medperf_cli.flows.hosting.gathering import gather, merge_request
from medperf_cli.flows.hosting.merge_bot import Fate
from tests.support.desk import LATER, Desk
from tests.support.hosting import hosted, replays
from tests.support.story_fields import FOREST, association_fields, cube_fields
from tests.support.world import World, genesis, member_file


def test_an_auto_request_becomes_a_merge_of_exactly_that_commit(desk: Desk) -> None:
    before = desk.host.main()
    files = desk.cube()
    request = desk.lay(files)
    outcome = desk.one(request)
    assert outcome.fate is Fate.MERGED
    merge = desk.store.commit(desk.host.main())
    assert outcome.commit == desk.host.main()
    assert merge.parents == (before, request.head)
    assert merge.time == LATER
    assert desk.store.change(before, desk.host.main()).added == files
    assert desk.waiting() == {}
    assert replays(desk.store, desk.host.main())
    assert desk.maker.git("log", "-1", "--format=%an|%cn|%s", "main").startswith(
        f"medperf bot|medperf bot|merge request {request.id}"
    )


def test_a_merge_is_never_dated_before_main(desk: Desk) -> None:
    late = LATER + dt.timedelta(minutes=5)
    desk.host.enter(desk.cube("other"), date=late)
    assert desk.one(desk.lay(desk.cube())).fate is Fate.MERGED
    assert desk.store.commit_time(desk.host.main()) == late


def test_what_needs_a_decision_waits_for_it_and_is_merged_with_it(desk: Desk) -> None:
    files = member_file(desk.host.world, "general-hospital")
    request = desk.lay(files)
    outcome = desk.one(request)
    assert outcome.fate is Fate.WAITS
    assert "waits for 1 more of the admins to approve: ada" in outcome.findings[0].message
    assert not desk.in_main("members/general-hospital/1.yml")
    vote = desk.host.world.decide("ada", "members/general-hospital/1.yml", added=files)
    commit = desk.vote(request, "ada", vote)
    assert desk.one(request).fate is Fate.MERGED
    assert desk.in_main(*files, *vote)
    assert desk.store.commit(desk.host.main()).parents[1:] == (request.head, commit)
    assert desk.waiting() == {}


def test_k_of_n_must_agree(tmp_path: Path) -> None:
    host = hosted(tmp_path, first=genesis(("ada", "bob", "carl"), threshold=2))
    with host.store() as store:
        desk = Desk(host, store)
        files = member_file(host.world, "acme")
        waiting = desk.lay(files)
        desk.vote(waiting, "carl", host.world.decide("carl", "members/acme/1.yml", added=files))
        outcome = desk.one(waiting)
        assert outcome.fate is Fate.WAITS
        assert "waits for 1 more of the admins to approve: ada, bob" in outcome.findings[0].message
        desk.vote(waiting, "ada", host.world.decide("ada", "members/acme/1.yml", added=files))
        assert desk.one(waiting).fate is Fate.MERGED
        assert len(store.commit(host.main()).parents) == 4


def test_decisions_that_do_not_count_are_left_out(desk: Desk) -> None:
    files = member_file(desk.host.world, "general-hospital")
    subject = "members/general-hospital/1.yml"
    request = desk.lay(files)
    desk.vote(request, "clara", desk.host.world.decide("clara", subject, added=files))
    desk.vote(request, "acme", desk.cube())
    outcome = desk.one(request)
    assert (outcome.fate, outcome.left_out) == (Fate.WAITS, ("acme", "clara"))
    good = desk.host.world.decide("ada", subject, added=files)
    commit = desk.vote(request, "ada", good)
    outcome = desk.one(request)
    assert (outcome.fate, outcome.left_out) == (Fate.MERGED, ("acme", "clara"))
    assert desk.store.commit(desk.host.main()).parents[1:] == (request.head, commit)
    assert not desk.in_main("decisions/members/general-hospital/1/clara/1.yml")
    assert desk.waiting() == {}


@pytest.mark.parametrize("what", ["blob", "tree", "missing"])
def test_a_ref_that_is_no_decision_at_all_keeps_nobody_waiting(desk: Desk, what: str) -> None:
    """Whoever can write the repository's files can write any ref; git itself writes only commits there."""
    files, subject = member_file(desk.host.world, "general-hospital"), "members/general-hospital/1.yml"
    request = desk.lay(files)
    main = desk.host.main()
    named = {
        "blob": f"{main}:registry/root/1.yml",
        "tree": f"{main}^{{tree}}",
    }
    oid = desk.store.reader.resolve(named[what]) if what in named else "ab" * 20
    ref = desk.host.path / str(RequestRef(request.id, "acme"))
    ref.parent.mkdir(parents=True)
    ref.write_text(f"{oid}\n")
    desk.vote(request, "ada", desk.host.world.decide("ada", subject, added=files))
    outcome = desk.one(request)
    assert (outcome.fate, outcome.left_out) == (Fate.MERGED, ("acme",))
    assert desk.in_main(*files)


def test_a_hold_stops_the_bot_and_a_person_may_merge(desk: Desk) -> None:
    desk.host.enter(desk.cube("model-1"))
    request = desk.lay(desk.cube("model-l"))
    outcome = desk.one(request)
    assert outcome.fate is Fate.WAITS
    assert [f.rule for f in outcome.findings if f.rule.startswith("HOLD")] == ["HOLD001"]
    main = desk.host.main()
    gathered = gather(desk.store, main, request)
    commit = merge_request(desk.store, gathered, author=Author("ada", "ada@example.org"), now=LATER)
    assert desk.store.commit(commit).parents == (main, request.head)
    desk.store.update_ref(MAIN, commit, main)
    assert desk.one(request).fate is Fate.CLOSED
    assert desk.waiting() == {}


def test_a_person_cannot_merge_what_lacks_decisions_or_is_rejected(desk: Desk) -> None:
    author = Author("ada", "ada@example.org")
    request = desk.lay(member_file(desk.host.world, "general-hospital"))
    gathered = gather(desk.store, desk.host.main(), request)
    with pytest.raises(RejectedError, match="APP001"):
        merge_request(desk.store, gathered, author=author, now=LATER)
    unsigned = {p: d for p, d in desk.cube().items() if p.endswith(".yml")}
    gathered = gather(desk.store, desk.host.main(), desk.lay(unsigned))
    with pytest.raises(RejectedError, match="TREE003"):
        merge_request(desk.store, gathered, author=author, now=LATER)


def test_of_two_that_take_the_same_path_one_is_merged(desk: Desk) -> None:
    one, two = desk.lay(desk.cube(description="one")), desk.lay(desk.cube(description="two"))
    outcomes = desk.run()
    assert {outcomes[one.id].fate, outcomes[two.id].fate} == {Fate.MERGED, Fate.REJECTED}
    loser = next(o for o in outcomes.values() if o.fate is Fate.REJECTED)
    assert "TREE002" in {f.rule for f in loser.findings}
    assert list(desk.waiting()) == [], "a path in main is never free again: the loser is not kept"
    assert desk.run() == {}


@pytest.mark.parametrize("host", [10], indirect=True)
def test_a_merge_opens_the_way_for_what_waited_on_it(desk: Desk) -> None:
    pairs = (_model_and_association(desk, f"forest no {number}") for number in range(100))
    # The one that must wait is looked at first.
    model, association = next(p for p in pairs if request_id(p[0]) > request_id(p[1]))
    first, second = desk.lay(model), desk.lay(association)
    assert first.id > second.id
    outcomes = desk.run()
    assert (outcomes[first.id].fate, outcomes[second.id].fate) == (Fate.MERGED, Fate.MERGED)


def _model_and_association(desk: Desk, description: str) -> tuple[dict[str, bytes], dict[str, bytes]]:
    world = desk.host.world
    model = world.write(Kind.CUBE, FOREST, **cube_fields("model", "infer", "4", description=description))
    ahead = World({**world.files, **model}, list(world.trees))
    benchmark = "benchmarks/tumor-board/wdbc/2.yml"
    fields = association_fields(ahead, benchmark, f"cubes/{FOREST}/1.yml")
    association = ahead.write(Kind.ASSOCIATION, f"tumor-board/wdbc/models/{FOREST}", **fields)
    subject = f"associations/tumor-board/wdbc/models/{FOREST}/1.yml"
    return model, association | ahead.decide("clara", subject, authority=benchmark, added=association)


def test_damage_in_one_request_keeps_no_other_waiting(desk: Desk) -> None:
    good = desk.lay(desk.cube())
    forged = desk.lay(desk.cube("other"), number="0" * 16)
    elsewhere = desk.maker.commit(desk.maker.commit(None, {"x": b"x"}, folder=""), desk.cube("third"))
    desk.store.update_ref("refs/pull/1111111111111111/head", elsewhere, None)
    blob = desk.maker.git("hash-object", "-w", "--stdin", stdin=b"no commit")
    desk.store.update_ref("refs/pull/2222222222222222/head", blob, None)
    desk.store.update_ref("refs/pull/not-an-id/head", good.head, None)
    listed = desk.host.member("reader").forge.list()
    assert {request.id for request in listed} == {good.id, forged.id, "1" * 16}
    fates = {number: outcome.fate for number, outcome in desk.run().items()}
    assert fates.pop(good.id) is Fate.MERGED
    assert fates == dict.fromkeys([forged.id, "1" * 16, "2" * 16], Fate.REJECTED)


def test_what_is_pending_in_main_gathers_decisions_there(desk: Desk) -> None:
    files = member_file(desk.host.world, "general-hospital")
    request = desk.lay(files)
    desk.host.enter(files, "merged by hand, before anybody approved")
    assert desk.one(request).fate is Fate.WAITS
    assert open_requests(desk.waiting()) == [request]
    vote = desk.host.world.decide("ada", "members/general-hospital/1.yml")
    desk.vote(request, "ada", vote)
    assert desk.one(request).fate is Fate.MERGED
    assert desk.store.change(desk.store.parent(desk.host.main()), desk.host.main()).added == vote
    assert desk.waiting() == {}
