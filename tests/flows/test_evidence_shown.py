"""Every view says whether a vote was signed by its member or recorded from a forge."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from medperf_cli.adapters.store.index_rows import Filter
from medperf_cli.core.names import Kind
from medperf_cli.core.requests import request_id
from medperf_cli.flows.reading.allowed_signers import allowed_signers
from medperf_cli.flows.reading.explain import explain
from medperf_cli.flows.reading.export import export_snapshot
from medperf_cli.flows.reading.listing import listed, viewed
from medperf_cli.flows.reading.proof_files import Link
from medperf_cli.flows.submitting.desk import at_desk
from medperf_cli.flows.submitting.review import review
from medperf_cli.flows.submitting.votes import votes_on
from medperf_cli.render.entity import entity_text
from site_generator.chain import chain, script
from site_generator.member_keys import Keys
from site_generator.records import Records
from tests.support.acting import act
from tests.support.hosting import Hosted
from tests.support.office import office
from tests.support.published import rendered
from tests.support.recording import ASSOCIATION, RECORDED, allow_recording, asked, recorded, signed
from tests.support.story_fields import FOREST, TISSUE

pytestmark = pytest.mark.parametrize("host", [11], indirect=True)
BY_BORIS = "recorded by the merge bot for boris (login boris-at-forge on forge.example, request 12 of"


@pytest.fixture
def admitted(host: Hosted) -> Hosted:
    """A model takes part by an approval signed by clara and one recorded for boris."""
    allow_recording(host.world, host.enter)
    host.enter(act(host.world, asked(), recorded("boris"), signed("clara")).added)
    return host


def test_the_view_of_an_association_names_each_vote_with_its_evidence(admitted: Hosted) -> None:
    acme = office(admitted, "acme")
    stored, found = viewed(acme.deps, Kind.ASSOCIATION, "forest", None)
    text = entity_text(stored, "yaml", found)
    assert "# approve: signed by clara\n" in text
    assert f"# approve: {BY_BORIS} consortium/registry, review of commit {'c' * 12}): trusts the" in text
    votes = json.loads(entity_text(stored, "json", found))["votes"]
    assert [(v["member"], v["evidence"]) for v in votes] == [("clara", "signed"), ("boris", "recorded")]


def test_the_list_of_associations_has_the_evidence_as_data(admitted: Hosted) -> None:
    acme = office(admitted, "acme")
    (row,) = listed(acme.deps, Kind.ASSOCIATION, Filter(), asked=True, evidence=True)
    assert {v["member"]: v["evidence"] for v in row["votes"]} == {"clara": "signed", "boris": "recorded"}
    assert "votes" not in listed(acme.deps, Kind.ASSOCIATION, Filter(), asked=True)[0]


def test_verify_names_the_forge_as_what_a_recorded_vote_trusts(admitted: Hosted) -> None:
    acme = office(admitted, "acme")
    why = {link.what: link.why for link in _all(explain(acme.deps, ASSOCIATION).links)}
    assert why["clara: approve"].startswith("signed by clara, with key ")
    assert why["boris: approve"].startswith(BY_BORIS)
    own = explain(acme.deps, f"{RECORDED}/boris/1").links
    assert own[0].what == "signed by the merge bot"


def _all(links: Iterable[Link]) -> Iterator[Link]:
    for link in links:
        yield link
        yield from _all(link.links)


def test_a_request_shows_the_evidence_of_what_was_decided_already(host: Hosted) -> None:
    allow_recording(host.world, host.enter)
    request = host.member().open(act(host.world, asked(), recorded("boris")).added)
    clara = office(host, "clara")
    with at_desk(clara.deps) as desk:
        (vote,) = votes_on(desk, review(desk, request.id))
    assert (vote.member, vote.sort) == ("boris", "recorded")


def test_a_rejected_request_has_no_votes_to_show(host: Hosted) -> None:
    allow_recording(host.world, host.enter)
    forged = act(host.world, asked(), recorded("boris", signer="acme")).added
    member = host.member()
    host.unhook()
    member.push_request(forged, member.commit(host.main(), forged))
    with at_desk(office(host, "clara").deps) as desk:
        found = review(desk, request_id(forged))
        assert found.verdict.name == "REJECT"
        assert votes_on(desk, found) == []


def test_the_snapshot_and_the_site_tell_recorded_from_signed(admitted: Hosted) -> None:
    snapshot = export_snapshot(office(admitted, "acme").deps)
    (entity,) = [e for e in snapshot["entities"] if e["path"] == ASSOCIATION]
    assert {d["member"]: (d["evidence"], d["counted"], d["reason"]) for d in entity["decisions"]} == {
        "boris": ("recorded", True, ""),
        "clara": ("signed", True, "looked at it"),
    }
    pages = rendered(snapshot)
    about = pages[f"associations/{TISSUE}/models/{FOREST}/1.html"]
    assert about.count(BY_BORIS) >= 2  # in the table of decisions, and in the chain
    assert "signed by clara" in about
    own = pages[f"{RECORDED}/boris/1.html"]
    assert "The member did not sign this: it trusts the forge" in own
    assert "the recorder that the root names" in own
    assert "(recorded)" in pages["members/boris/index.html"]


def test_a_recorded_approval_that_was_taken_back_is_not_shown_as_counting(host: Hosted) -> None:
    allow_recording(host.world, host.enter)
    host.enter(act(host.world, asked(), recorded("clara")).added)
    host.enter(act(host.world, signed("clara", verdict="retract")).added)
    host.enter(act(host.world, signed("clara", version=2), signed("boris")).added)
    acme = office(host, "acme")
    stored, votes = viewed(acme.deps, Kind.ASSOCIATION, "forest", None)
    assert stored.row.standing == "effective"
    assert [(v.member, v.sort) for v in votes] == [("boris", "signed"), ("clara", "signed")]
    (entity,) = [e for e in export_snapshot(acme.deps)["entities"] if e["path"] == ASSOCIATION]
    assert {(d["member"], d["evidence"]) for d in entity["decisions"] if d["counted"]} == {
        ("boris", "signed"),
        ("clara", "signed"),
    }


def test_stock_ssh_keygen_checks_the_recorders_signatures_too(admitted: Hosted, tmp_path: Path) -> None:
    acme = office(admitted, "acme")
    (tmp_path / "allowed_signers").write_text(allowed_signers(acme.settings))
    records = Records(export_snapshot(acme.deps))
    links = chain(records, Keys(records), records.by_path[ASSOCIATION])
    commands = script(links, records)
    assert f"{RECORDED}/boris/1.sig recorder recorded.v1@" in commands
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", admitted.url, clone], check=True)
    (clone / "allowed_signers").write_text((tmp_path / "allowed_signers").read_text())
    done = subprocess.run(["sh", "-ec", commands], cwd=clone, capture_output=True, text=True, check=True)
    assert done.stdout.count('Good "recorded.v1@') == 1
