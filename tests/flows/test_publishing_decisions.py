"""Deciding what waits: members by admins, associations by a committee, held requests by people."""

from __future__ import annotations

import datetime as dt

import pytest

from medperf_cli.adapters.forge.base import Request
from medperf_cli.adapters.store.index_rows import Filter
from medperf_cli.core.check.findings import Verdict
from medperf_cli.core.names import Kind
from medperf_cli.errors import RejectedError, UnknownIdError, UsageError
from medperf_cli.flows.reading.listing import listed
from medperf_cli.flows.reading.sync import sync
from medperf_cli.flows.submitting.association import approve_association
from medperf_cli.flows.submitting.desk import at_desk
from medperf_cli.flows.submitting.publish import ChangeRejectedError, Published
from medperf_cli.flows.submitting.review import approve, merge, review, reviews
from tests.support.hosting import Hosted
from tests.support.office import Office, office
from tests.support.story_fields import FOREST, TISSUE, association_fields, benchmark_fields
from tests.support.world import member_file

WITH_MODEL = pytest.mark.parametrize("host", [11], indirect=True)
"""The story up to a benchmark in operation and a model that is not associated yet."""
WITH_CUBES = pytest.mark.parametrize("host", [8], indirect=True)
ASSOCIATION = f"{TISSUE}/models/{FOREST}"


def approving(who: Office, request: str, reason: str = "looked at it") -> Published:
    with at_desk(who.deps) as desk:
        return approve(desk, request, reason)


def merging(who: Office, request: str) -> Published:
    with at_desk(who.deps) as desk:
        return merge(desk, request, "looked at it")


def admitting(who: Office, reason: str = "complete") -> Published:
    return approve_association(who.deps, "wdbc", dataset=None, model="forest", reason=reason)


def asked_to_join(host: Hosted) -> Request:
    return host.member().open(member_file(host.world, "eve"), author="eve")


def asked_to_take_part(host: Hosted, benchmark: str = f"benchmarks/{TISSUE}/2.yml") -> Request:
    fields = association_fields(host.world, benchmark, f"cubes/{FOREST}/1.yml")
    return host.member().open(host.world.write(Kind.ASSOCIATION, ASSOCIATION, **fields))


def committee_of_three(host: Hosted, threshold: int = 2) -> None:
    """The benchmark, in operation, of a committee of which two decide together."""
    world, path = host.world, f"benchmarks/{TISSUE}/1.yml"
    committee = {"threshold": threshold, "members": ["clara", "ada", "st-mary"]}
    fields = benchmark_fields(world, state="operation", committee=committee)
    added = world.write(Kind.BENCHMARK, TISSUE, **fields)
    host.enter({**added, **world.decide("ada", path, added=added)})
    host.enter(host.cube("forest"))


def test_an_admin_sees_a_newcomer_and_admits_it(host: Hosted) -> None:
    request = asked_to_join(host)
    ada = office(host, "ada")
    with at_desk(ada.deps) as desk:
        (waiting,) = reviews(desk)
        shown = review(desk, request.id[:6])
    assert (waiting.id, waiting.author, waiting.verdict) == (request.id, "eve", Verdict.REVIEW)
    assert "members/eve/1.yml" in shown.files
    done = approving(ada, request.id[:6])
    assert done.merged
    assert done.paths == ("decisions/members/eve/1/ada/1.yml",)
    assert "eve" in {row["id"] for row in listed(ada.deps, Kind.MEMBER, Filter())}
    with pytest.raises(UnknownIdError, match="no open request"):
        approving(ada, request.id)


def test_a_decision_is_shown_before_it_is_signed_and_not_sent_on_no(host: Hosted) -> None:
    request = asked_to_join(host)
    ada, refs = office(host, "ada"), host.refs()
    ada.answer = lambda _: False
    assert not approving(ada, request.id).sent
    assert "verdict: approve" in ada.asked[0]
    assert "looked at it" in ada.asked[0]
    assert not merging(ada, request.id).sent
    assert host.refs() == refs
    assert not (ada.copy / "outbox").exists()


def test_whose_role_it_is_not_is_told_before_anything_is_signed(host: Hosted) -> None:
    request = asked_to_join(host)
    acme, refs = office(host, "acme"), host.refs()
    with pytest.raises(ChangeRejectedError, match="acme") as refused:
        approving(acme, request.id)
    assert refused.value.exit_code == 1
    assert acme.asked == []
    assert host.refs() == refs


def test_what_needs_no_decision_is_not_approved_but_merged_by_people(host: Hosted) -> None:
    held = host.member().open(host.cube("grove", description="without patient id 1234567"))
    ada = office(host, "ada")
    with at_desk(ada.deps) as desk:
        assert [f.rule for f in review(desk, held.id).findings if f.severity] == ["HOLD002"]
    with pytest.raises(UsageError, match="nothing in request"):
        approving(ada, held.id)
    ada.answer = lambda _: False
    assert not merging(ada, held.id).sent
    assert held.id in ada.asked[-1]
    assert "registry/cubes/acme/grove/1.yml" in ada.asked[-1]
    ada.answer = lambda _: True
    ada.now = real_time(host)
    assert merging(ada, held.id).merged
    assert [row["id"] for row in listed(ada.deps, Kind.CUBE, Filter())] == ["acme/grove"]


def real_time(host: Hosted) -> dt.datetime:
    """A time that no hook takes for the future."""
    with host.store() as store:
        return store.commit_time(host.main())


@WITH_MODEL
def test_a_committee_admits_a_model_by_name(host: Hosted) -> None:
    asked_to_take_part(host)
    clara = office(host, "clara")
    done = admitting(clara)
    assert done.merged
    assert done.paths == (f"decisions/associations/{ASSOCIATION}/1/clara/1.yml",)
    (row,) = listed(clara.deps, Kind.ASSOCIATION, Filter(benchmark="wdbc"))
    assert (row["benchmark"], row["type"], row["subject"]) == (TISSUE, "model", FOREST)
    main = host.main()
    assert not admitting(clara).sent
    assert host.main() == main
    ada = office(host, "ada")
    with pytest.raises(UsageError, match="is approved already"):
        admitting(ada)


@WITH_MODEL
def test_an_association_that_nobody_asked_for_cannot_be_approved(host: Hosted) -> None:
    clara = office(host, "clara")
    with pytest.raises(UnknownIdError, match="waits for a decision"):
        admitting(clara)
    with pytest.raises(UnknownIdError, match="no cube 'grove'"):
        approve_association(clara.deps, "wdbc", dataset=None, model="grove", reason="r")
    for both in ({"dataset": None, "model": None}, {"dataset": "a", "model": "b"}):
        with pytest.raises(UsageError, match="name the dataset or the model"):
            approve_association(clara.deps, "wdbc", reason="r", **both)  # type: ignore[arg-type] - either


@WITH_MODEL
def test_an_association_merged_in_the_forge_too_early_is_decided_in_main(host: Hosted) -> None:
    fields = association_fields(host.world, f"benchmarks/{TISSUE}/2.yml", f"cubes/{FOREST}/1.yml")
    host.enter(host.world.write(Kind.ASSOCIATION, ASSOCIATION, **fields))
    clara = office(host, "clara")
    (pending,) = listed(clara.deps, Kind.ASSOCIATION, Filter(in_force=None))
    assert pending["standing"] == "pending"
    assert admitting(clara).merged
    (row,) = listed(clara.deps, Kind.ASSOCIATION, Filter())
    assert row["standing"] == "effective"


@WITH_CUBES
def test_two_of_a_committee_decide_together(host: Hosted) -> None:
    committee_of_three(host)
    asked_to_take_part(host, f"benchmarks/{TISSUE}/1.yml")
    clara, ada = office(host, "clara"), office(host, "ada")
    first = admitting(clara)
    assert (first.sent, first.merged) == (True, False)
    assert "waits for 1 more of the committee to approve: ada, st-mary" in first.outcome
    refs, asked = host.refs(), len(clara.asked)
    assert not admitting(clara, "other words").sent
    assert (host.refs(), len(clara.asked)) == (refs, asked)
    with at_desk(clara.deps) as desk:
        (waiting,) = reviews(desk)
    assert waiting.decided == ("clara",)
    with pytest.raises(RejectedError, match="waits for 1 more"):
        merging(clara, waiting.id)
    assert admitting(ada).merged
    sync(clara.deps)
    (row,) = listed(clara.deps, Kind.ASSOCIATION, Filter())
    assert row["standing"] == "effective"
    assert not host.member().forge.list()
