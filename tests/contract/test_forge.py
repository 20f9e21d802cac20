"""What every forge does with requests, whoever hosts it: a bare repository, GitHub, GitLab, Forgejo."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from medperf_cli.adapters.forge.api import Vendor
from medperf_cli.adapters.forge.base import Request, RequestState
from medperf_cli.adapters.store import remote_errors
from medperf_cli.core.requests import OpenRequest, request_id
from medperf_cli.errors import ConflictError, MedperfError, NetworkError, RejectedError, UnknownIdError
from medperf_cli.flows.hosting.gathering import gather, merge_request
from tests.support.closing import closing
from tests.support.forge_place import Place, on_forge
from tests.support.forges.repository import Pull
from tests.support.forges.vendors import available
from tests.support.hosting import BEGIN, SOMEBODY, Hosted, Member, hosted
from tests.support.world import member_file

VENDORS = [str(vendor) for vendor in available()]
HOSPITAL = "members/general-hospital/1.yml"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Hosted:
    return hosted(tmp_path_factory.mktemp("story"), 5)


@pytest.fixture(params=["bare", *VENDORS])
def place(
    request: pytest.FixtureRequest, template: Hosted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Place]:
    """The registry on each forge."""
    with _placed(template.copy(tmp_path), request.param, monkeypatch) as there:
        yield there


@pytest.fixture(params=VENDORS)
def page(
    request: pytest.FixtureRequest, template: Hosted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Place]:
    """The registry on each forge that has pages."""
    with _placed(template.copy(tmp_path), request.param, monkeypatch) as there:
        yield there


def _placed(
    host: Hosted, where: str, monkeypatch: pytest.MonkeyPatch
) -> contextlib.AbstractContextManager[Place]:
    monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "file:http")
    return contextlib.nullcontext(Place(host)) if where == "bare" else on_forge(host, Vendor(where))


def pull_of(page: Place, request: Request) -> Pull:
    """What the forge itself knows of a request."""
    assert page.stage
    return page.stage.registry.pulls[int(request.id)]


def asked(place: Place, member: Member) -> tuple[dict[str, bytes], Request]:
    """A hospital asks to join."""
    files = member_file(place.hosted.world, "general-hospital")
    return files, member.open(files, author="general-hospital")


def test_what_is_submitted_is_seen_by_others(place: Place) -> None:
    files, request = asked(place, place.member("hospital"))
    assert request.state is RequestState.OPEN
    reader = place.member("reader")
    (found,) = reader.forge.list()
    assert (found.id, found.head, found.author) == (request.id, request.head, "general-hospital")
    assert found.title == "add 2 files"
    assert reader.store.change(found.base, found.head).added == files
    assert reader.forge.read(request.id) == found
    if place.stage:
        assert found.url.endswith(f"/{request.id}")
        assert reader.forge.read(f"#{request.id}") == found


def test_submitting_twice_is_one_request(place: Place) -> None:
    hospital = place.member("hospital")
    files, first = asked(place, hospital)
    assert asked(place, hospital)[1] == first
    assert hospital.open(files, author="general-hospital").id == first.id
    assert len(hospital.forge.list()) == 1


def test_decisions_reach_who_looks_and_are_delivered_once(place: Place) -> None:
    hospital, ada = place.member("hospital"), place.member("ada")
    files, _ = asked(place, hospital)
    vote = place.hosted.world.decide("ada", HOSPITAL, added=files)
    (request,) = ada.forge.list()
    done = ada.forge.decide(request, "ada", vote, when=BEGIN)
    if place.stage is None:
        assert done.state is RequestState.MERGED  # its hook merges at once
        return
    assert ada.forge.decide(done, "ada", vote, when=BEGIN) == done
    again = ada.forge.read(request.id)
    assert ada.forge.decide(again, "ada", vote, when=BEGIN).decisions.keys() == {"ada"}
    (seen,) = hospital.forge.list()
    assert hospital.store.change(seen.head, seen.decisions["ada"]).added == vote
    pull = pull_of(place, request)
    assert len([c for c in pull.comments if "ada" in c.body]) == 1


def test_what_is_merged_is_exactly_what_was_looked_at(page: Place) -> None:
    hospital, ada = page.member("hospital"), page.member("ada", "writer")
    files, _ = asked(page, hospital)
    vote = page.hosted.world.decide("ada", HOSPITAL, added=files)
    (request,) = ada.forge.list()
    request = ada.forge.decide(request, "ada", vote, when=BEGIN)
    main = page.main()
    opened = OpenRequest(request.id, request.head, dict(request.decisions))
    commit = merge_request(ada.store, gather(ada.store, main, opened), author=SOMEBODY, now=BEGIN)
    assert ada.forge.merge(request, commit, main).state is RequestState.MERGED
    assert page.main() == commit
    assert hospital.forge.list() == []
    pull = pull_of(page, request)
    assert pull.state in ("merged", "closed")
    with pytest.raises(UnknownIdError, match="since you looked"):
        ada.forge.decide(request, "boris", {"x.yml": b""}, when=BEGIN)
    again = hospital.open(files, author="general-hospital")
    assert again.state is RequestState.MERGED


def test_a_head_that_moved_is_neither_decided_on_nor_merged(page: Place) -> None:
    assert page.stage
    hospital, ada = page.member("hospital"), page.member("ada", "writer")
    files, _ = asked(page, hospital)
    (request,) = ada.forge.list()
    pull = pull_of(page, request)
    assert pull.source
    more = {f"registry/{HOSPITAL}": files[HOSPITAL] + b"# more\n"}
    page.stage.forge.commit(pull.source, pull.branch, more, by="hospital")
    vote = page.hosted.world.decide("ada", HOSPITAL, added=files)
    with pytest.raises(ConflictError, match="was changed since you looked"):
        ada.forge.decide(request, "ada", vote, when=BEGIN)
    with pytest.raises(ConflictError, match="was changed since you looked"):
        ada.forge.merge(request, page.main(), page.main())
    (now,) = ada.forge.list()
    assert now.head != request.head


def test_a_request_is_closed_with_a_reason_and_not_opened_again(place: Place) -> None:
    hospital, ada = place.member("hospital"), place.member("ada", "admin")
    files, _ = asked(place, hospital)
    (request,) = ada.forge.list()
    said = closing("ada", request_id(files), request.head, reason="who are you")
    done = ada.forge.close(request, "ada", said, when=BEGIN)
    assert (done.state, done.closings.keys()) == (RequestState.CLOSED, {"ada"})
    assert hospital.forge.list() == []
    (closed,) = hospital.forge.closed()
    assert (closed.id, closed.head, list(closed.closings)) == (request.id, request.head, ["ada"])
    newcomer = place.member("newcomer")
    assert [r.id for r in newcomer.forge.closed()] == [request.id]
    with pytest.raises(RejectedError, match=r"closed|rejected"):
        hospital.open(files, author="general-hospital")
    with pytest.raises(UnknownIdError):
        ada.forge.close(request, "ada", said, when=BEGIN)


def test_who_may_not_close_leaves_it_to_the_bot(page: Place) -> None:
    hospital, ada = page.member("hospital"), page.member("ada")
    files, _ = asked(page, hospital)
    (request,) = ada.forge.list()
    said = closing("ada", request_id(files), request.head, reason="who are you")
    done = ada.forge.close(request, "ada", said, when=BEGIN)
    assert (done.state, done.closings.keys()) == (RequestState.OPEN, {"ada"})
    (seen,) = hospital.forge.list()
    assert seen.closings.keys() == {"ada"}


def test_a_request_closed_in_the_page_meanwhile_is_told(page: Place) -> None:
    assert page.stage
    hospital, ada = page.member("hospital"), page.member("ada")
    files, _ = asked(page, hospital)
    (request,) = ada.forge.list()
    pull = pull_of(page, request)
    page.stage.forge.close(pull, "hospital")
    vote = page.hosted.world.decide("ada", HOSPITAL, added=files)
    with pytest.raises(UnknownIdError, match="is closed since you looked"):
        ada.forge.decide(request, "ada", vote, when=BEGIN)
    with pytest.raises(RejectedError, match="was closed"):
        hospital.open(files, author="general-hospital")


def test_another_main_is_not_pushed_over(page: Place) -> None:
    assert page.stage
    hospital, ada = page.member("hospital"), page.member("ada", "writer")
    asked(page, hospital)
    (request,) = ada.forge.list()
    old = page.main()
    page.stage.forge.commit(page.stage.registry, "main", {"x": b"1"}, by="admin")
    with pytest.raises(ConflictError, match="main moved"):
        ada.forge.merge(request, request.head, old)


def test_who_may_not_push_to_main_is_told_who_does(page: Place) -> None:
    hospital, eve = page.member("hospital"), page.member("eve")
    asked(page, hospital)
    (request,) = eve.forge.list()
    with pytest.raises(MedperfError, match=r"push|write"):
        eve.forge.merge(request, request.head, page.main())
    assert page.main() != request.head


def test_what_is_not_about_the_registry_is_no_request(page: Place) -> None:
    assert page.stage
    hospital = page.member("hospital")
    _, request = asked(page, hospital)
    page.stage.request("writer", "docs", {"README.md": b"better words\n"})
    page.stage.request("writer", "odd", {"registry/README.md": b"not allowed here\n"})
    found = page.member("reader").forge.list()
    assert [r.title for r in found] == [request.title, "add odd"]


def test_git_asks_again_after_what_passes(page: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    assert page.stage
    hospital = page.member("hospital")
    monkeypatch.setattr(remote_errors, "PAUSES", (0.0, 0.0, 0.0))
    faults = page.stage.forge.faults
    faults.busy(503, lambda asked: asked.git, times=3)
    _, request = asked(page, hospital)
    assert [r.id for r in hospital.forge.list()] == [request.id]
    faults.busy(503, lambda asked: asked.git, times=1000)
    with pytest.raises(NetworkError, match="503"):
        hospital.forge.list()


def test_an_id_that_is_none_is_told(place: Place) -> None:
    reader = place.member("reader")
    for text in ("", "999", "#", "zz", "../1"):
        with pytest.raises(UnknownIdError, match="is no open request"):
            reader.forge.read(text)
