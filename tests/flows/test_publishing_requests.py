"""Sending a request: once, whatever happens on the way; and only by those who may."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from medperf_cli.errors import (
    ConfigurationError,
    ConflictError,
    MedperfError,
    NetworkError,
    PolicyError,
)
from medperf_cli.flows.keys import new_key
from medperf_cli.flows.reading.replay import LawlessError
from medperf_cli.flows.submitting.members import register
from medperf_cli.flows.submitting.publish import Published
from medperf_cli.flows.submitting.submit_cube import submit_cube
from tests.support.hosting import Hosted
from tests.support.office import AFTER_EXPIRY, CubeFolder, Office, office


@pytest.fixture
def acme(host: Hosted) -> Office:
    return office(host, "acme")


def submit(who: Office, name: str = "grove", text: str = "a forest") -> Published:
    folder = CubeFolder(who.home / "cube")
    folder.about["description"] = text
    given = {"type": "model"}
    return submit_cube(who.deps, name, folder.files(), share=None, operational=False, given=given)


def join(who: Office, member: str) -> Published:
    about: dict[str, Any] = {"kind": "person", "contact": "desk@example.org", "label": "first key"}
    return register(who.deps, member, name=member.title(), **about)


def newcomer(host: Hosted, name: str) -> Office:
    """Somebody who is no member yet, with a new key."""
    found = office(host, name)
    new_key(found.deps, None, "first key", interactive=False)
    found.reload()
    return found


def in_main(host: Hosted, path: str) -> bytes | None:
    with host.store() as store:
        return store.snapshot(host.main()).get(path)


def test_killed_between_signing_and_sending_the_same_bytes_go_out_later(acme: Office, host: Hosted) -> None:
    away = host.folder / "away.git"

    def cut_off(_: str) -> bool:
        host.path.rename(away)
        return True

    acme.answer = cut_off
    with pytest.raises(NetworkError) as refused:
        submit(acme)
    assert refused.value.exit_code == 5
    kept = {p.name: p.read_bytes() for p in (acme.copy / "outbox/cubes/acme/grove").iterdir()}
    assert set(kept) == {"1.yml", "1.sig"}
    away.rename(host.path)
    host.enter(host.cube("forest"))  # main has moved on since: a file written anew would have other bytes
    acme.answer = lambda _: True
    assert submit(acme).merged
    for name, data in kept.items():
        assert in_main(host, f"cubes/acme/grove/{name}") == data
    assert submit(acme).paths == ()


def test_killed_after_sending_nothing_is_sent_again(acme: Office, host: Hosted) -> None:
    first = submit(acme)
    head = host.main()
    for file in (acme.copy / "index.sqlite", *(acme.copy / "outbox").rglob("*.*")):
        file.unlink()
    assert first.sent
    assert not submit(acme).sent
    assert host.main() == head


def test_a_request_that_waits_is_the_same_request_when_sent_again(host: Hosted) -> None:
    eve = newcomer(host, "eve-hospital")
    first = join(eve, "eve-hospital")
    refs = host.refs()
    assert not first.merged
    assert "ada" in first.outcome
    second = join(eve, "eve-hospital")
    assert (second.request, host.refs()) == (first.request, refs)


def test_the_same_name_at_once_the_later_takes_the_next_version(acme: Office, host: Hosted) -> None:
    other = office(host, "acme", host.folder / "other-desk")

    def be_slow(_: str) -> bool:
        assert submit(other, text="the quick one").merged
        return True

    acme.answer = be_slow
    with pytest.raises(ConflictError) as refused:
        submit(acme, text="the slow one")
    assert "cubes/acme/grove/1.yml" in refused.value.message
    assert "same command again" in refused.value.hint
    acme.answer = lambda _: True
    assert submit(acme, text="the slow one").paths == ("cubes/acme/grove/2.yml",)
    assert b"the slow one" in (in_main(host, "cubes/acme/grove/2.yml") or b"")


def test_the_same_member_name_at_once_the_later_needs_another(host: Hosted) -> None:
    one, two = newcomer(host, "eve-one"), newcomer(host, "eve-two")
    assert join(one, "eve-clinic").sent
    second = join(two, "eve-clinic")
    assert second.sent, "both ask; an admin decides"
    assert len(host.member().forge.list()) == 2


def test_a_key_of_somebody_else_is_refused_before_anybody_is_asked(acme: Office, host: Hosted) -> None:
    refs = host.refs()
    acme.sign_as("clara")
    with pytest.raises(ConfigurationError, match="is not a valid key of member 'acme'") as refused:
        submit(acme)
    assert "key use" in refused.value.hint
    assert (acme.asked, host.refs()) == ([], refs)
    acme.sign_as("acme")
    assert submit(acme).merged


def test_who_is_no_member_yet_is_told_so(host: Hosted) -> None:
    eve = newcomer(host, "eve-hospital")
    with pytest.raises(ConfigurationError, match="no member is chosen"):
        submit(eve)
    join(eve, "eve-hospital")
    eve.reload()
    with pytest.raises(ConfigurationError, match="is not a member of this registry, or not yet"):
        submit(eve)


def test_without_a_key_nothing_begins(acme: Office) -> None:
    acme.settings = replace(acme.settings, key=acme.home / "nowhere")
    with pytest.raises(ConfigurationError, match="does not exist"):
        submit(acme)
    acme.settings = replace(acme.settings, key=None)
    with pytest.raises(ConfigurationError, match="no key is chosen") as refused:
        submit(acme)
    assert "key new" in refused.value.hint
    assert acme.asked == []


def test_a_key_that_others_may_read_is_refused_and_works_after_chmod(acme: Office, host: Hosted) -> None:
    assert acme.settings.key
    acme.settings.key.chmod(0o644)
    main = host.main()
    with pytest.raises(ConfigurationError, match="others may read key file") as refused:
        submit(acme)
    assert f"chmod 600 {acme.settings.key}" in refused.value.hint
    assert host.main() == main
    acme.settings.key.chmod(0o600)
    assert submit(acme).merged


def test_under_an_expired_root_nothing_is_published(acme: Office, host: Hosted) -> None:
    refs = host.refs()
    acme.now = AFTER_EXPIRY
    with pytest.raises(PolicyError, match="root expired on 2031-01-01") as refused:
        submit(acme)
    assert refused.value.exit_code == 8
    assert (acme.asked, host.refs()) == ([], refs)


def test_on_top_of_a_lawless_main_nothing_is_published(acme: Office, host: Hosted) -> None:
    host.enter({p: d for p, d in host.cube().items() if p.endswith(".yml")})
    refs = host.refs()
    with pytest.raises(LawlessError):
        submit(acme)
    assert (acme.asked, host.refs()) == ([], refs)


def test_what_the_check_rejects_does_not_leave(acme: Office) -> None:
    folder = CubeFolder(acme.home / "cube")
    folder.about["links"] = ["http://169.254.169.254/latest"]
    with pytest.raises(MedperfError) as refused:
        submit_cube(
            acme.deps, "grove", folder.files(), share=None, operational=False, given={"type": "model"}
        )
    assert refused.value.exit_code == 1
    assert "links" in refused.value.message
    assert acme.asked == []


def test_what_looks_like_a_patient_is_sent_and_held_for_people(acme: Office) -> None:
    done = submit(acme, text="trained without patient id 1234567")
    assert done.sent
    assert not done.merged
    assert "patient number" in done.outcome


def test_a_bare_repository_without_hooks_is_refused_and_the_command_works_later(
    acme: Office, host: Hosted, tmp_path: Path
) -> None:
    hooks = host.path / "hooks"
    hooks.rename(tmp_path / "hooks")
    with pytest.raises(ConfigurationError, match="has no hooks") as refused:
        submit(acme)
    assert "registry init --bare" in refused.value.hint
    (tmp_path / "hooks").rename(hooks)
    assert submit(acme).merged


def test_a_member_who_is_there_already_only_chooses_it(host: Hosted) -> None:
    acme = office(host, "acme")
    assert not join(acme, "acme").sent
    acme.reload()
    assert acme.settings.member == "acme"
    acme.sign_as("clara")
    with pytest.raises(MedperfError, match="exists, with other keys"):
        join(acme, "acme")


def test_the_title_and_author_of_a_request_say_who_asks(host: Hosted) -> None:
    eve = newcomer(host, "eve-hospital")
    join(eve, "eve-hospital")
    (request,) = host.member().forge.list()
    assert (request.author, request.title) == ("eve-hospital", "member eve-hospital asks to join")
