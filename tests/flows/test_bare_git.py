"""Members with clones, and a bare repository with its real hooks between them: no server, no mock."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from medperf_cli.adapters.forge.base import RequestState
from medperf_cli.core.requests import MAIN, RequestRef
from medperf_cli.errors import ConflictError, RejectedError, UnknownIdError
from tests.support.hosting import BEGIN, Hosted, replays
from tests.support.story import STEPS
from tests.support.world import member_file

HOSPITAL = "members/general-hospital/1.yml"


@pytest.mark.parametrize("host", [8], indirect=True)
def test_the_story_from_benchmark_to_result_travels_through_requests(host: Hosted) -> None:
    owner = host.member("owner")
    for _, make in STEPS[8:]:
        parts = make(host.world)
        request = owner.open(*parts)
        assert request.state is RequestState.MERGED
        host.world.merge(*parts)
        assert host.stands()
    assert list(host.refs()) == [MAIN]
    reader = host.member("reader")
    head = reader.upstream.fetch()[MAIN]
    assert len(list(reader.store.history(head))) == len(STEPS)
    assert replays(reader.store, head)


def test_a_request_waits_until_its_decision_arrives(host: Hosted) -> None:
    hospital, admin = host.member("hospital"), host.member("admin")
    files = member_file(host.world, "general-hospital")
    request = hospital.open(files, author="general-hospital")
    assert request.state is RequestState.OPEN
    found = admin.forge.list()
    assert [(r.id, r.author, r.title) for r in found] == [(request.id, "general-hospital", "add 2 files")]
    assert admin.store.change(found[0].base, found[0].head).added == files
    vote = host.world.decide("ada", HOSPITAL, added=files)
    assert admin.forge.decide(found[0], "ada", vote, when=BEGIN).state is RequestState.MERGED
    host.world.merge(files, vote)
    assert host.stands()
    assert hospital.forge.list() == []
    with pytest.raises(UnknownIdError, match="is no open request"):
        hospital.forge.read(request.id)


def test_submitting_twice_is_one_request(host: Hosted) -> None:
    one, two = host.member("one"), host.member("two")
    files = member_file(host.world, "general-hospital")
    first = one.open(files)
    host.enter(host.cube())
    assert two.open(files) == first
    assert one.forge.read(first.id[:6]) == first
    assert len(one.forge.list()) == 1


def test_submitting_what_stands_in_main_is_done_already(host: Hosted) -> None:
    member = host.member()
    base = host.main()
    first = member.open(host.cube(), base=base)
    again = member.open(host.cube(), base=base)
    assert (first.state, again.state, again.id) == (RequestState.MERGED, RequestState.MERGED, first.id)


def test_decisions_of_one_member_come_one_by_one_and_twice(host: Hosted) -> None:
    admin = host.member("admin")
    files = member_file(host.world, "general-hospital") | member_file(host.world, "city-clinic")
    request = admin.open(files)
    first = host.world.decide("ada", HOSPITAL, added=files)
    second = host.world.decide("ada", "members/city-clinic/1.yml", added=files)
    once = admin.forge.decide(request, "ada", first, when=BEGIN)
    assert once.state is RequestState.OPEN
    assert admin.forge.decide(request, "ada", first, when=BEGIN) == once
    assert admin.forge.decide(request, "ada", second, when=BEGIN).state is RequestState.MERGED
    assert admin.forge.decide(request, "ada", second, when=BEGIN).state is RequestState.MERGED
    host.world.merge(files, first, second)
    assert host.stands()


def test_a_decision_without_the_role_is_told_why(host: Hosted) -> None:
    clara = host.member("clara")
    files = member_file(host.world, "general-hospital")
    request = clara.open(files)
    with pytest.raises(RejectedError, match=r"DEC003 .*'clara' is none of the admins"):
        clara.forge.decide(request, "clara", host.world.decide("clara", HOSPITAL, added=files), when=BEGIN)
    assert list(host.refs()) == [MAIN, str(RequestRef(request.id))]


def test_a_decision_on_what_was_merged_meanwhile_finds_no_request(host: Hosted) -> None:
    admin = host.member("admin")
    files = member_file(host.world, "general-hospital")
    request = admin.open(files)
    vote = host.world.decide("ada", HOSPITAL, added=files)
    other = host.world.decide("ada", HOSPITAL, added=files, reason="for another reason")
    admin.forge.decide(request, "ada", vote, when=BEGIN)
    with pytest.raises(UnknownIdError, match="is not open any more"):
        admin.forge.decide(request, "ada", other, when=BEGIN)


def test_a_rejected_request_is_told_every_finding_and_leaves_nothing(host: Hosted) -> None:
    files = {p: d for p, d in host.cube().items() if p.endswith(".yml")}
    with pytest.raises(RejectedError, match=r"TREE003 cubes/acme/forest/1\.yml: has no signature"):
        host.member().open(files)
    assert list(host.refs()) == [MAIN]


def test_a_taken_name_is_told_with_the_next_version(host: Hosted) -> None:
    base = host.main()
    member = host.member()
    mine = host.cube(description="mine")
    host.enter(host.cube(description="theirs"))
    with pytest.raises(ConflictError, match="version 2 is free") as caught:
        member.open(mine, base=base)
    assert "sync" in caught.value.hint


def test_the_same_name_by_two_at_once_goes_to_one(host: Hosted) -> None:
    base = host.main()
    files = [host.cube(description=text) for text in ("one", "two")]
    members = [host.member(name) for name in ("one", "two")]

    def submit(number: int) -> str:
        try:
            return members[number].open(files[number], base=base).state
        except ConflictError as error:
            return error.message

    with ThreadPoolExecutor(2) as pool:
        said = sorted(pool.map(submit, range(2)))
    assert said[0] == RequestState.MERGED or said[1] == RequestState.MERGED
    assert any("is taken already" in text for text in said)
    with host.store() as store:
        assert replays(store, host.main())


def test_twenty_writers_at_once_lose_nothing(host: Hosted) -> None:
    base = host.main()
    files = [host.cube(f"model-{number}", description=f"the {number}th") for number in range(20)]
    members = [host.member(f"writer-{number}") for number in range(20)]
    with ThreadPoolExecutor(20) as pool:
        requests = list(pool.map(lambda n: members[n].open(files[n], base=base), range(20)))
    assert {request.state for request in requests} == {RequestState.MERGED}
    assert list(host.refs()) == [MAIN]
    with host.store() as store:
        assert len(store.first_parents(host.main(), base)) == 20
        assert store.change(base, host.main()).added == {p: d for part in files for p, d in part.items()}
        assert replays(store, host.main())


def test_requests_travel_over_ssh_too(host: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    member = host.member(url=host.over_ssh(monkeypatch))
    assert member.upstream.has_hooks() is None
    assert member.open(host.cube()).state is RequestState.MERGED
    with pytest.raises(RejectedError, match="TREE003"):
        member.open({p: d for p, d in host.cube("other").items() if p.endswith(".yml")})
