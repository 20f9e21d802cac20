"""A member's keys: a new one needs the admins, an old one is revoked by its member and signs nothing more."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from medperf_cli.core.names import Kind
from medperf_cli.core.requests import RequestRef, request_id
from medperf_cli.errors import ConfigurationError, DocumentError, UnknownIdError, UsageError
from medperf_cli.flows.reading.listing import found
from medperf_cli.flows.reading.sync import sync
from medperf_cli.flows.submitting.desk import at_desk
from medperf_cli.flows.submitting.end import withdraw
from medperf_cli.flows.submitting.member_keys import revoke_key, rotate_key
from medperf_cli.flows.submitting.permission import expect_allowed
from medperf_cli.flows.submitting.review import approve
from tests.support.gate import Gate, only
from tests.support.hosting import Hosted
from tests.support.keys import member_key
from tests.support.office import Office, key_file, office
from tests.support.world import member_file


def keys_of(who: Office) -> list[tuple[str, str | None]]:
    document = found(who.deps, Kind.MEMBER, who.settings.member or "", None).row.document
    return [(k["label"], k.get("revoked", {}).get("reason")) for k in document["keys"]]


def approved(host: Hosted, request: str | None) -> None:
    with at_desk(office(host, "ada").deps) as desk:
        assert approve(desk, request or "", "checked by telephone").merged


def test_a_key_is_rotated_and_the_old_one_signs_nothing_more(host: Hosted) -> None:
    acme = office(host, "acme")
    old = acme.settings.key
    new = key_file(acme.home / "keys" / "next", "acme-next")
    asked = rotate_key(acme.deps, new, None, "on a token")
    assert (asked.done.sent, asked.done.merged, asked.new) == (True, False, new)
    assert asked.old == member_key("acme").public_key.fingerprint
    approved(host, asked.done.request)
    acme.settings = replace(acme.settings, key=new)
    done, left = revoke_key(acme.deps, asked.old, "retired", None)
    assert (done.merged, left) == (True, 1)
    assert keys_of(acme) == [("first key", "retired"), ("on a token", None)]
    acme.settings = replace(acme.settings, key=old)
    refs = host.refs()
    with (
        at_desk(acme.deps) as desk,
        pytest.raises(ConfigurationError, match=r"is revoked \(retired, since 2026"),
    ):
        expect_allowed(desk)
    with pytest.raises(ConfigurationError, match="signs nothing any more"):
        revoke_key(acme.deps, str(new), "lost", None)
    assert host.refs() == refs


def test_the_key_in_use_may_be_the_new_one(host: Hosted) -> None:
    acme = office(host, "acme")
    old = acme.settings.key
    acme.sign_as("acme-next")
    asked = rotate_key(acme.deps, None, old, "next key")
    assert asked.done.sent
    approved(host, asked.done.request)
    with at_desk(acme.deps) as desk:
        expect_allowed(desk)


def test_who_lost_all_keys_asks_with_a_new_one(host: Hosted) -> None:
    acme = office(host, "acme")
    new = key_file(acme.home / "keys" / "next", "acme-next")
    acme.settings = replace(acme.settings, key=acme.home / "keys" / "gone")
    with pytest.raises(UsageError, match="a key that is lost signs nothing"):
        rotate_key(acme.deps, new, new, "on a token", lost=True)
    asked = rotate_key(acme.deps, new, None, "on a token", lost=True)
    assert (asked.done.sent, asked.done.merged) == (True, False)
    assert keys_of(acme) == [("first key", None)]
    approved(host, asked.done.request)
    acme.settings = replace(acme.settings, key=new)
    sync(acme.deps)
    assert keys_of(acme) == [("first key", "lost"), ("on a token", None)]
    with at_desk(acme.deps) as desk:
        expect_allowed(desk)


def test_who_revoked_the_only_key_gets_another(host: Hosted) -> None:
    acme = office(host, "acme")
    assert revoke_key(acme.deps, None, "compromised", None)[1] == 0
    acme.sign_as("acme-next")
    approved(host, rotate_key(acme.deps, None, None, "next key", lost=True).done.request)
    sync(acme.deps)
    assert keys_of(acme) == [("first key", "compromised"), ("next key", None)]


def test_which_key_is_the_new_one_must_be_said(host: Hosted, tmp_path: Path) -> None:
    acme = office(host, "acme")
    with pytest.raises(UsageError, match="which key is the new one"):
        rotate_key(acme.deps, None, None, "k")
    with pytest.raises(UsageError, match="is one of 'acme' already"):
        rotate_key(acme.deps, acme.settings.key, None, "k")
    with pytest.raises(ConfigurationError, match="there is no key file"):
        rotate_key(acme.deps, tmp_path / "nothing", None, "k")
    acme.sign_as("stranger")
    with pytest.raises(ConfigurationError, match="is not a valid key of member 'acme'"):
        rotate_key(acme.deps, key_file(tmp_path / "next", "acme-next"), None, "k")
    assert acme.asked == []


def test_revoking_the_only_key_is_said_and_done_at_once(host: Hosted) -> None:
    acme = office(host, "acme")
    done, left = revoke_key(acme.deps, None, "compromised", "2026-01-01")
    assert (done.merged, left) == (True, 0)
    assert "without a valid key" in "\n".join(acme.talk.said)
    assert 'since: "2026-01-01T00:00:00Z"' in acme.asked[0]
    with pytest.raises(ConfigurationError, match=r"is revoked \(compromised"):
        withdraw(acme.deps, Kind.MEMBER, "acme", "r")


def test_a_key_that_is_not_mine_or_was_revoked_is_told(host: Hosted) -> None:
    acme = office(host, "acme")
    asked = rotate_key(acme.deps, key_file(acme.home / "keys" / "next", "acme-next"), None, "next")
    approved(host, asked.done.request)
    with pytest.raises(UnknownIdError, match="means 0 keys of 'acme'"):
        revoke_key(acme.deps, member_key("ada").public_key.fingerprint, "lost", None)
    with pytest.raises(UnknownIdError, match="means 2 keys of 'acme'"):
        revoke_key(acme.deps, "SHA256:", "lost", None)
    with pytest.raises(UsageError, match="neither a fingerprint nor a key file"):
        revoke_key(acme.deps, "nothing", "lost", None)
    with pytest.raises(UsageError, match="'' is neither a fingerprint nor a key file"):
        revoke_key(acme.deps, "", "lost", None)
    with pytest.raises(DocumentError, match="is not a UTC time"):
        revoke_key(acme.deps, None, "lost", "yesterday")
    assert revoke_key(acme.deps, member_key("acme-next").public_key.fingerprint, "lost", None)[0].merged
    with pytest.raises(UsageError, match=r"was revoked already \(lost\)"):
        revoke_key(acme.deps, member_key("acme-next").public_key.fingerprint, "lost", None)


def test_what_a_revoked_key_signs_is_refused_by_the_hook(gate: Gate) -> None:
    world = gate.world
    ended = {"revoked": {"reason": "lost", "since": "2026-01-01T00:00:00Z"}}
    keys = [{"key": member_key("acme").public_text, "label": "first key", **ended}]
    about = {"name": "Acme", "type": "organisation", "contact": "registry@acme.example"}
    before = gate.cube()
    gate.host.enter(world.write(Kind.MEMBER, "acme", 2, **about, keys=keys))
    only(gate.request(before), "SIG001")
    files = member_file(world, "eve")
    commit = gate.maker.commit(gate.host.main(), files)
    assert gate.ask(RequestRef(request_id(files)), commit) == []
