"""What cannot be sent waits where it is seen: kept, tried again, superseded, dropped; nothing is lost."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from medperf_cli.commands.console import utc_now
from medperf_cli.errors import (
    ConfigurationError,
    ConflictError,
    IntegrityError,
    NetworkError,
    PartialError,
    UnknownIdError,
)
from medperf_cli.flows.reading.registry import Place
from medperf_cli.flows.submitting import outbox
from medperf_cli.flows.submitting.closed import ClosedError
from medperf_cli.flows.submitting.desk import at_desk
from medperf_cli.flows.submitting.members import register
from medperf_cli.flows.submitting.outbox import Item, Sort
from medperf_cli.flows.submitting.outbox_rows import rows
from medperf_cli.flows.submitting.outbox_send import drop, expect_done, send_waiting
from medperf_cli.flows.submitting.publish import Published
from medperf_cli.flows.submitting.reject import reject
from medperf_cli.flows.submitting.review import approve
from medperf_cli.flows.submitting.submit_cube import submit_cube
from tests.support.hosting import Hosted
from tests.support.office import CubeFolder, Office, office


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


@contextmanager
def down(host: Hosted) -> Iterator[None]:
    """No network meanwhile."""
    away = host.folder / "away.git"
    host.path.rename(away)
    yield
    away.rename(host.path)


def waiting(who: Office) -> list[Item]:
    return outbox.items(Place(who.copy))


def in_main(host: Hosted, path: str) -> bytes | None:
    with host.store() as store:
        return store.snapshot(host.main()).get(path)


def kept_while_down(who: Office, **more: Any) -> Item:
    with down(who.host), pytest.raises(NetworkError):
        submit(who, **more)
    return waiting(who)[-1]


def test_what_cannot_be_sent_is_seen_and_sent_later_on_what_main_is_then(acme: Office, host: Hosted) -> None:
    with down(host), pytest.raises(NetworkError) as refused:
        submit(acme)
    assert refused.value.exit_code == 5
    assert "`medperf outbox send`" in refused.value.hint
    assert any("from what was verified at the last contact" in line for line in acme.talk.said)
    (row,) = rows(acme.deps)
    assert (row["sort"], row["what"], row["by"]) == ("submission", "cube acme/grove", "acme")
    assert (row["code"], row["failed"]) == ("MP-NETWORK", "2026-01-03T10:00:00Z")
    assert row["next"] == f"medperf outbox send {row['item']}"
    (item,) = waiting(acme)
    host.enter(host.cube("forest"))  # main moves on: the same bytes go out all the same
    acme.now += dt.timedelta(days=3)
    (tried,) = send_waiting(acme.deps)
    assert tried.done
    assert (tried.done.merged, tried.done.request) == (True, item.content)
    assert {p: in_main(host, p) for p in item.files} == item.files
    assert "as it was signed" in acme.asked[-1]
    assert waiting(acme) == []
    assert not [p for p in (acme.copy / "outbox").rglob("*") if p.is_file()]
    assert send_waiting(acme.deps) == []


def test_a_path_taken_meanwhile_names_the_free_version_and_the_command_takes_its_place(
    acme: Office, host: Hosted
) -> None:
    item = kept_while_down(acme, text="the slow one")
    assert submit(office(host, "acme", host.folder / "other-desk"), text="the quick one").merged
    (tried,) = send_waiting(acme.deps, [item.id[:6]])
    assert isinstance(tried.error, ConflictError)
    assert "'cubes/acme/grove/1.yml' was taken by somebody else meanwhile: version 2 is free" in str(
        tried.error
    )
    with pytest.raises(ConflictError):
        expect_done([tried])
    (row,) = rows(acme.deps)
    assert "then writes version 2" in row["next"]
    assert f"medperf outbox drop {item.id}" in row["next"]
    assert waiting(acme)[0].files == item.files, "nothing is lost"
    assert submit(acme, text="the slow one").paths == ("cubes/acme/grove/2.yml",)
    assert waiting(acme) == []
    assert f"It takes the place of '{item.id}'" in acme.asked[-1]


def test_the_same_command_again_sends_what_waits_once(acme: Office, host: Hosted) -> None:
    item = kept_while_down(acme)
    assert submit(acme).request == item.content
    assert {p: in_main(host, p) for p in item.files} == item.files
    assert waiting(acme) == []
    with pytest.raises(UnknownIdError, match="is no item"):
        send_waiting(acme.deps, [item.id])


def test_what_was_asked_for_and_closed_meanwhile_is_told_so(host: Hosted) -> None:
    eve, ada = office(host, "eve"), office(host, "ada")
    with down(host), pytest.raises(NetworkError):
        join(eve, "eve")
    eve.reload()
    assert eve.settings.member == "eve", "who signed acts as the member from then on"
    (item,) = waiting(eve)
    other = office(host, "eve", host.folder / "other")
    other.copy.joinpath("unsent").mkdir()
    for file in (eve.copy / "unsent").iterdir():
        (other.copy / "unsent" / file.name).write_bytes(file.read_bytes())
    (tried,) = send_waiting(other.deps)
    assert tried.done
    assert tried.done.waiting == ("'members/eve/1.yml' waits for 1 more of the admins to approve: ada",)
    with at_desk(ada.deps) as desk:
        reject(desk, item.content, "nobody knows eve")
    (tried,) = send_waiting(eve.deps)
    assert isinstance(tried.error, ClosedError)
    assert "nobody knows eve" in tried.error.message
    assert drop(eve.deps, item.id) is not None
    assert waiting(eve) == []


def test_decisions_and_closings_wait_too_and_are_signed_once(host: Hosted) -> None:
    eve, ada = office(host, "eve"), office(host, "ada")
    request = join(eve, "eve").request or ""
    with at_desk(ada.deps):
        pass  # ada has seen the request
    for act in (approve, reject, approve, reject):
        before = {item.id: item.files for item in waiting(ada)}
        with down(host), pytest.raises(NetworkError), at_desk(ada.deps) as desk:
            act(desk, request, "looked at it")
        assert before.items() <= {item.id: item.files for item in waiting(ada)}.items()
    assert [item.id for item in waiting(ada)] == [f"{request}.decision.ada", f"{request}.closing.ada"]
    approved, late = send_waiting(ada.deps)
    assert approved.done
    assert approved.done.merged
    assert isinstance(late.error, UnknownIdError)
    assert "is not open (any more)" in late.error.message
    with pytest.raises(PartialError, match="1 of 2 items"):
        expect_done([approved, late])


def test_on_purpose_nothing_is_asked_of_the_network(acme: Office, host: Hosted) -> None:
    acme.settings = replace(acme.settings, offline=True)
    refs = host.refs()
    done = submit(acme)
    assert (done.sent, done.kept, host.refs()) == (False, waiting(acme)[0].id, refs)
    assert "kept in the outbox" in done.outcome
    again = submit(acme, text="said better")
    assert "which was not sent and will be forgotten" in acme.asked[-1]
    assert [i.id for i in waiting(acme)] == [again.kept]
    (tried,) = send_waiting(acme.deps)
    assert tried.done
    assert tried.done.merged


def test_a_clock_that_was_ahead_loses_nothing(acme: Office, host: Hosted) -> None:
    acme.now = utc_now() + dt.timedelta(days=300)
    with pytest.raises(ConfigurationError, match="ahead of the clock") as refused:
        submit(acme)
    assert "set this machine's clock" in refused.value.hint
    assert "medperf outbox send" in refused.value.hint
    (item,) = waiting(acme)
    acme.now = utc_now()
    (tried,) = send_waiting(acme.deps)
    assert tried.done
    assert tried.done.merged
    assert {p: in_main(host, p) for p in item.files} == item.files


def test_who_says_no_keeps_what_waits_and_a_damaged_item_is_named(acme: Office) -> None:
    item = kept_while_down(acme)
    acme.answer = lambda _: False
    assert send_waiting(acme.deps) == []
    assert drop(acme.deps, item.id[:4]) is None
    assert [i.id for i in waiting(acme)] == [item.id]
    file = Path(acme.copy / "unsent" / f"{item.id}.json")
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(Exception, match="is damaged"):
        rows(acme.deps)


@pytest.mark.parametrize(
    "edited",
    [
        {"files": {"../../keep": "mine"}},
        {"files": {"/etc/keep": "mine"}},
        {"files": {}},
        {"since": "yesterday"},
        {"failure": {"time": "", "code": [], "message": "", "hint": "", "more": ""}},
    ],
)
def test_an_item_that_was_edited_leads_nowhere_else(tmp_path: Path, edited: dict[str, Any]) -> None:
    here = Place(tmp_path / "copy")
    what = Item(Sort.SUBMISSION, "0" * 16, "a title", "acme", "2026-01-02T10:00:00Z", {"cubes/x": b"mine"})
    outbox.keep(here, what)
    assert outbox.items(here) == [what]
    file = here.unsent / f"{what.id}.json"
    file.write_text(json.dumps({**json.loads(file.read_bytes()), **edited}))
    with pytest.raises(IntegrityError, match="is damaged"):
        outbox.items(here)
