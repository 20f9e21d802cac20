"""Ending what stands: owners withdraw, admins and committees revoke, and a second vote joins the first."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from medperf_cli.adapters.store.index_rows import Filter
from medperf_cli.core.names import Kind
from medperf_cli.core.requests import PULLS
from medperf_cli.errors import UnknownIdError, UsageError
from medperf_cli.flows.reading.listing import listed
from medperf_cli.flows.reading.sync import sync
from medperf_cli.flows.submitting.desk import at_desk
from medperf_cli.flows.submitting.end import revoke, revoke_association, withdraw, withdraw_association
from medperf_cli.flows.submitting.publish import ChangeRejectedError
from medperf_cli.flows.submitting.review import approve, reviews
from tests.support.hosting import Hosted
from tests.support.office import Office, office
from tests.support.story_fields import FOREST, TISSUE, association_fields, benchmark_fields

WHOLE = pytest.mark.parametrize("host", [17], indirect=True)
WITH_CUBES = pytest.mark.parametrize("host", [8], indirect=True)
ASSOCIATION = f"{TISSUE}/models/{FOREST}"
MODEL = {"dataset": None, "model": "forest"}


def standing(who: Office, kind: Kind, name: str) -> str:
    sync(who.deps)
    rows = [r for r in listed(who.deps, kind, Filter(in_force=None, name=name)) if r["id"] == name]
    return str(rows[-1]["standing"])


@WHOLE
@pytest.mark.parametrize(
    ("kind", "member", "name"),
    [
        (Kind.CUBE, "acme", "acme/forest"),
        (Kind.DATASET, "st-mary", "st-mary/"),
        (Kind.ASSOCIATION, "acme", ASSOCIATION),
        (Kind.BENCHMARK, TISSUE.split("/")[0], TISSUE),
        (Kind.RESULT, "st-mary", f"{TISSUE}/{FOREST}/"),
    ],
)
def test_its_owner_withdraws_it_at_once(host: Hosted, kind: Kind, member: str, name: str) -> None:
    owner = office(host, member)
    (row,) = [r for r in listed(owner.deps, kind, Filter(name=name)) if r["id"].startswith(name)]
    done = withdraw(owner.deps, kind, row["id"], "a mistake")
    assert done.merged
    assert "verdict: withdraw" in owner.asked[0]
    assert standing(owner, kind, row["id"]) == "withdrawn"
    with pytest.raises(UsageError, match="is in force or pending"):
        withdraw(owner.deps, kind, row["id"], "again")


@WHOLE
def test_nobody_withdraws_anothers(host: Hosted) -> None:
    clara, refs = office(host, "clara"), host.refs()
    with pytest.raises(UsageError, match="is of member 'acme', not of 'clara'") as refused:
        withdraw(clara.deps, Kind.CUBE, "forest", "mine")
    assert "the admins may revoke it" in refused.value.hint
    with pytest.raises(UsageError, match="not of 'clara'"):
        withdraw_association(clara.deps, "wdbc", **MODEL, reason="mine")
    with pytest.raises(UnknownIdError):
        withdraw(clara.deps, Kind.CUBE, "nothing", "mine")
    assert (host.refs(), clara.asked) == (refs, [])


@WHOLE
def test_admins_revoke_a_cube_and_a_member(host: Hosted) -> None:
    ada = office(host, "ada")
    assert revoke(ada.deps, Kind.CUBE, "forest", "leaks its training data").merged
    assert standing(ada, Kind.CUBE, FOREST) == "revoked"
    assert revoke(ada.deps, Kind.MEMBER, "st-mary", "left").merged
    assert standing(ada, Kind.MEMBER, "st-mary") == "revoked"
    with pytest.raises(UsageError, match="nothing of member 'st-mary' is in force"):
        revoke(ada.deps, Kind.MEMBER, "st-mary", "left")


@WHOLE
def test_whose_role_it_is_not_is_told_before_anything_is_signed(host: Hosted) -> None:
    acme, refs = office(host, "acme"), host.refs()
    with pytest.raises(ChangeRejectedError, match="'acme' is none of the admins"):
        revoke(acme.deps, Kind.CUBE, "forest", "r")
    with pytest.raises(ChangeRejectedError, match="none of the committee"):
        revoke_association(acme.deps, "wdbc", **MODEL, reason="r")
    assert (host.refs(), acme.asked) == (refs, [])


@pytest.fixture
def two_decide(host: Hosted) -> Hosted:
    """A model associated with a benchmark of whose committee two decide together."""
    world, path = host.world, f"benchmarks/{TISSUE}/1.yml"
    committee = {"threshold": 2, "members": ["clara", "ada", "st-mary"]}
    added = world.write(
        Kind.BENCHMARK, TISSUE, **benchmark_fields(world, state="operation", committee=committee)
    )
    host.enter({**added, **world.decide("ada", path, added=added)})
    host.enter(host.cube("forest"))
    fields = association_fields(world, path, f"cubes/{FOREST}/1.yml")
    asked = world.write(Kind.ASSOCIATION, ASSOCIATION, **fields)
    subject = f"associations/{ASSOCIATION}/1.yml"
    votes = [world.decide(name, subject, authority=path, added=asked) for name in ("clara", "ada")]
    host.enter({**asked, **votes[0], **votes[1]})
    return host


def ending(who: Office, reason: str = "no longer good") -> tuple[bool, bool, str]:
    done = revoke_association(who.deps, "wdbc", **MODEL, reason=reason)
    return done.sent, done.merged, done.outcome


@WITH_CUBES
def test_a_second_revocation_joins_the_first_and_ends_it(two_decide: Hosted) -> None:
    clara, ada = office(two_decide, "clara"), office(two_decide, "ada")
    sent, merged, outcome = ending(clara)
    assert (sent, merged) == (True, False)
    assert "waits for 1 more of the committee to revoke: ada, st-mary" in outcome
    refs = two_decide.refs()
    sent, merged, outcome = ending(clara, "in other words")
    assert (sent, merged) == (False, False)
    assert "is open" in outcome
    assert two_decide.refs() == refs
    assert ending(ada)[:2] == (True, True)
    assert standing(clara, Kind.ASSOCIATION, ASSOCIATION) == "revoked"
    assert not [ref for ref in two_decide.refs() if ref.startswith(PULLS)]


@WITH_CUBES
def test_a_revocation_is_carried_by_review_approve_too(two_decide: Hosted) -> None:
    clara, ada = office(two_decide, "clara"), office(two_decide, "ada")
    ending(clara)
    with at_desk(ada.deps) as desk:
        (waiting,) = reviews(desk)
        assert approve(desk, waiting.id, "I agree").merged
    assert "verdict: revoke" in ada.asked[0]
    assert standing(ada, Kind.ASSOCIATION, ASSOCIATION) == "revoked"


@WITH_CUBES
def test_two_revocations_that_knew_nothing_of_each_other_end_as_one(two_decide: Hosted) -> None:
    world, subject = two_decide.world, f"associations/{ASSOCIATION}/1.yml"
    path = f"benchmarks/{TISSUE}/1.yml"
    for name in ("clara", "ada"):
        two_decide.member().open(
            world.decide(name, subject, "revoke", authority=path, version=2), author=name
        )
    clara = office(two_decide, "clara")
    assert ending(clara)[:2] == (True, True)
    assert standing(clara, Kind.ASSOCIATION, ASSOCIATION) == "revoked"
    assert not [ref for ref in two_decide.refs() if ref.startswith(PULLS)]


@WITH_CUBES
def test_a_named_revocation_does_not_join_one_that_ends_more(two_decide: Hosted) -> None:
    """Who ends one thing by name must not sign the end of another that somebody bundled with it."""
    world, path = two_decide.world, f"benchmarks/{TISSUE}/1.yml"
    two_decide.enter(two_decide.cube("grove"))
    bundle = world.decide("clara", f"associations/{ASSOCIATION}/1.yml", "revoke", authority=path, version=2)
    bundle |= world.decide("ada", "cubes/acme/grove/1.yml", "revoke")
    two_decide.member().open(bundle)
    st_mary = office(two_decide, "st-mary")
    ending(st_mary)
    opened = [ref for ref in two_decide.refs() if ref.endswith("/head")]
    assert "grove" not in "".join(st_mary.asked)
    assert len(opened) <= 2


@WITH_CUBES
def test_two_who_revoke_at_once_end_it_or_leave_a_vote_to_join(two_decide: Hosted) -> None:
    offices = [office(two_decide, name) for name in ("clara", "ada")]
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(ending, offices))
    if not any(merged for _, merged, _ in done):
        assert ending(offices[0])[:2] == (True, True), "neither had seen the other: the next one joins both"
    assert standing(offices[0], Kind.ASSOCIATION, ASSOCIATION) == "revoked"
    assert not [ref for ref in two_decide.refs() if ref.startswith(PULLS)]
