"""Renewing the root: an admin asks, others sign beside the request, one merges it; nobody does it alone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from medperf_cli.adapters.store.index_rows import Filter
from medperf_cli.core.check.findings import Verdict
from medperf_cli.core.entities.root import FORMAT
from medperf_cli.core.names import Kind
from medperf_cli.errors import ConfigurationError, ConflictError, PolicyError, UnknownIdError, UsageError
from medperf_cli.flows.reading.asked import read_asked
from medperf_cli.flows.reading.listing import found, listed
from medperf_cli.flows.reading.registry import place
from medperf_cli.flows.reading.sync import sync
from medperf_cli.flows.reading.todo import for_me
from medperf_cli.flows.submitting.desk import at_desk
from medperf_cli.flows.submitting.members import register
from medperf_cli.flows.submitting.publish import ChangeRejectedError
from medperf_cli.flows.submitting.reject import reject
from medperf_cli.flows.submitting.renew_root import YEARS
from medperf_cli.flows.submitting.review import review
from medperf_cli.flows.submitting.what_waits import what_waits
from tests.support.admins import (
    TRIO,
    board,
    join,
    merged,
    next_keys,
    offices,
    renew,
    sign,
    take_main,
    with_key,
)
from tests.support.hosting import Hosted
from tests.support.keys import member_key
from tests.support.office import Office, office

AFTER = dt.datetime(2026, 2, 1, 9, 0, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def trio(tmp_path_factory: pytest.TempPathFactory) -> Hosted:
    """Two of three admins decide; `dan` is a member."""
    return board(tmp_path_factory.mktemp("trio"), "dan")


@pytest.fixture
def host(trio: Hosted, tmp_path: Path) -> Hosted:
    return trio.copy(tmp_path)


def root(who: Office) -> dict[str, object]:
    return found(who.deps, Kind.ROOT, "", None).row.document


def decide_together(who: Office) -> tuple[int, list[str]]:
    sync(who.deps)
    admins = root(who)["admins"]
    assert isinstance(admins, dict)
    return admins["threshold"], [a["member"] for a in admins["members"]]


def test_two_of_three_admins_become_three_of_four(host: Hosted) -> None:
    ada, bea, dan = offices(host, "ada", "bea", "dan")
    asked = renew(ada, admins=["dan"], threshold=3)
    assert (asked.sent, asked.merged, asked.paths) == (True, False, ("root/2.yml",))
    assert "1 of 2 signatures" in " ".join(asked.waiting)
    assert "1 of 3 signatures" in " ".join(asked.waiting)
    # What is shown before anything is signed says in words what changes.
    said = " ".join(ada.talk.said)
    assert "dan becomes an admin, with key SHA256:" in said
    assert "admins who decide together: 2 of 3 -> 3 of 4" in said
    # The new admin signs under the new root: that the old one is short of a signature stays.
    second = sign(dan, asked.request)
    assert second.sent
    assert "1 of 2 signatures by the admins of the root it replaces" in " ".join(second.waiting)
    with pytest.raises(ChangeRejectedError, match="1 of 2 signatures"):
        merged(dan, asked.request)
    third = sign(bea, asked.request)
    assert "waits for an admin to merge it" in " ".join(third.waiting)
    assert "becomes an admin" in bea.asked[-1]
    assert decide_together(ada) == (2, list(TRIO))
    assert merged(bea, asked.request).merged
    assert decide_together(ada) == (3, ["ada", "bea", "carl", "dan"])
    assert {f"root/2.{name}.sig" for name in ("ada", "bea", "dan")} <= set(host_files(host))
    assert [r for r in host.refs() if "pull" in r] == []


def host_files(host: Hosted) -> list[str]:
    with host.store() as store:
        return list(store.snapshot(host.main()).list("root"))


def test_merging_signs_first_where_my_signature_is_missing(host: Hosted) -> None:
    ada, bea = offices(host, "ada", "bea")
    asked = renew(ada)
    assert merged(bea, asked.request).merged
    assert decide_together(ada) == (2, list(TRIO))
    take_main(host)
    assert host.world.state.reader.root_path.version == 2


def test_by_default_only_the_expiry_changes(host: Hosted) -> None:
    (ada,) = offices(host, "ada")
    before = root(ada)
    with at_desk(ada.deps) as desk:
        first = desk.reader().root
    renew(ada, years=7)
    assert any("holds until: 2031-01-01T00:00:00Z -> 2033-01-01T00:00:00Z" in line for line in ada.talk.said)
    assert "2 of 3, as before" in " ".join(ada.talk.said)
    assert first.expires == before["expires"]
    with at_desk(ada.deps) as desk:
        (request,) = [r.id for r in read_asked(place(ada.settings)).requests]
        shown = review(desk, request)
    assert shown.verdict is Verdict.REVIEW
    assert [line.partition(":")[0] for line in shown.changes] == ["holds until", "admins who decide together"]


def test_who_names_no_end_on_the_day_of_foundation_gets_a_day_more(host: Hosted) -> None:
    (ada,) = offices(host, "ada")
    founded = dt.datetime.fromisoformat(str(root(ada)["expires"])) - dt.timedelta(days=365 * YEARS)
    renew(replace(ada, now=founded), threshold=3)
    assert any("holds until: 2031-01-01T00:00:00Z -> 2031-01-02T00:00:00Z" in line for line in ada.talk.said)


def test_everything_a_root_says_can_be_changed_and_is_said(host: Hosted, tmp_path: Path) -> None:
    (ada,) = offices(host, "ada")
    public = tmp_path / "bot.pub"
    public.write_text(f"{member_key('bot').public_text} bot\n")
    wanted = {
        "title": "Another title",
        "expires": "2035-02-03",
        "without": ["carl"],
        "threshold": 1,
        "format": FORMAT,
        "minimum_tool": "0.1.1",
        "recorder": str(public),
        "recorded_kinds": ["association"],
        "limits": {"change_entities": 100},
    }
    renew(ada, **wanted)
    said = "\n".join(ada.talk.said)
    for text in (
        "title: Consortium of the tests -> Another title",
        "holds until: 2031-01-01T00:00:00Z -> 2035-02-03T00:00:00Z",
        "carl is no admin any more",
        "admins who decide together: 2 of 3 -> 1 of 2",
        "oldest tool that may be used: 0.1.0 -> 0.1.1",
        "the merge bot's recorder key: none -> SHA256:",
        "suffices: none -> association",
        "limit change_entities: 50 -> 100",
    ):
        assert text in said


def test_those_who_must_sign_see_it_in_their_lists(host: Hosted) -> None:
    ada, bea, dan = offices(host, "ada", "bea", "dan")
    asked = renew(ada, admins=["dan"], threshold=3)
    for who, waits in ((bea, True), (dan, True), (ada, False)):
        with at_desk(who.deps):
            pass
        mine = for_me(read_asked(place(who.settings)), who.settings.member or "")
        assert [r.id for r in mine] == ([asked.request] if waits else [])
    (item,) = [i for i in what_waits(bea.deps) if i.sort == "decide"]
    assert f"medperf review approve {(asked.request or '')[:8]}" in item.command


def test_the_same_command_again_is_the_same_request_and_asks_nothing_twice(host: Hosted) -> None:
    (ada,) = offices(host, "ada")
    first = renew(ada)
    ada.now += dt.timedelta(hours=3)
    again = renew(ada)
    assert (again.request, again.sent) == (first.request, True)
    assert sign(ada, first.request).sent is False


def test_two_admins_who_ask_for_the_same_have_both_signed(host: Hosted) -> None:
    ada, bea = offices(host, "ada", "bea")
    first = renew(ada, expires="2033-01-01")
    second = renew(bea, expires="2033-01-01")
    assert second.request == first.request
    assert "waits for an admin to merge it" in " ".join(second.waiting)


def test_an_admin_with_a_lost_key_gets_another_by_the_next_root(host: Hosted) -> None:
    next_keys(host, "carl", "ada", "bea", held=("carl", "carl-2"), lost=("carl",))
    ada, bea = offices(host, "ada", "bea")
    carl = with_key(office(host, "carl"), "carl-2")
    asked = renew(ada, threshold=3)  # the lost key is replaced by the only valid one of carl's file
    assert "admin carl signs with another key" in " ".join(ada.talk.said)
    sign(bea, asked.request)
    lost = office(host, "carl", host.folder / "old", add=True)
    with pytest.raises(ConfigurationError, match="is revoked"):
        sign(lost, asked.request)
    assert "waits for an admin" in " ".join(sign(carl, asked.request).waiting)
    assert merged(carl, asked.request).merged
    assert decide_together(ada) == (3, list(TRIO))


def test_an_admin_with_two_keys_is_asked_which(host: Hosted) -> None:
    next_keys(host, "dan", "ada", "bea", held=("dan", "dan-2"))
    (ada,) = offices(host, "ada")
    with pytest.raises(UsageError, match="which key signs for admin 'dan'") as asked:
        renew(ada, admins=["dan"])
    second = member_key("dan-2").public_key.fingerprint
    assert second in asked.value.message
    renew(ada, admins=[f"dan={second}"])
    assert f"dan becomes an admin, with key {second}" in " ".join(ada.talk.said)


WRONG: dict[str, tuple[dict[str, object], str]] = {
    "an earlier end": ({"expires": "2030-01-01"}, "not later than"),
    "the same end": ({"expires": "2031-01-01"}, "not later than"),
    "fewer years than it holds": ({"years": 1}, "not later than"),
    "more years than there are": ({"years": 9000}, "no calendar goes that far"),
    "a stranger as admin": ({"admins": ["eve"]}, "'eve' is no member in force"),
    "a key that is nobody's": ({"admins": ["dan=SHA256:nothing"]}, "which key signs"),
    "no name": ({"admins": ["D A N"]}, "is not a member's name"),
    "who is no admin leaves": ({"without": ["dan"]}, "'dan' is no admin"),
    "more than there are": ({"threshold": 4}, "4 of 3 admins cannot decide together"),
    "too few left": ({"without": ["carl", "bea"]}, "2 of 1 admins"),
    "a format unknown here": ({"format": FORMAT + 1}, "formats up to"),
    "no public key": ({"recorder": "/nowhere.pub"}, "is not the file of a public SSH key"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_makes_no_sense_is_refused_before_anything_is_shown(host: Hosted, case: str) -> None:
    (ada,) = offices(host, "ada")
    wanted, words = WRONG[case]
    before = host.refs()
    with pytest.raises(UsageError, match=words):
        renew(ada, **wanted)
    assert (ada.asked, host.refs()) == ([], before)


def test_who_is_no_admin_asks_for_no_root_and_signs_none(host: Hosted) -> None:
    ada, dan = offices(host, "ada", "dan")
    with pytest.raises(UsageError, match="'dan' is an admin of neither root"):
        renew(dan)
    asked = renew(ada)
    for act in (sign, merged):
        with pytest.raises(UsageError, match="'dan' is an admin of neither root"):
            act(dan, asked.request)


def test_an_admin_at_another_key_is_told_which_one_signs(host: Hosted) -> None:
    next_keys(host, "bea", "ada", "carl", held=("bea", "bea-2"))
    ada, bea = offices(host, "ada", "bea")
    asked = renew(ada)
    with pytest.raises(ConfigurationError, match=member_key("bea").public_key.fingerprint):
        sign(with_key(bea, "bea-2"), asked.request)


def test_saying_no_sends_and_keeps_nothing(host: Hosted) -> None:
    ada, bea = offices(host, "ada", "bea")
    ada.answer = lambda _: False
    before = host.refs()
    assert renew(ada).sent is False
    assert host.refs() == before
    ada.answer = lambda _: True
    asked = renew(ada)
    before, bea.answer = host.refs(), lambda _: False
    assert sign(bea, asked.request).sent is False
    assert host.refs() == before


def test_of_two_roots_asked_for_the_later_is_told_to_take_the_next_version(host: Hosted) -> None:
    ada, bea, carl = offices(host, "ada", "bea", "carl")
    first, second = renew(ada, title="First"), renew(bea, title="Second")
    assert first.request != second.request
    with at_desk(carl.deps) as late:
        assert merged(bea, first.request).merged
        late.composer.add(Kind.ROOT, "", {**stale_root(carl), "title": "Third"})
        from medperf_cli.flows.submitting.publish import publish  # noqa: PLC0415 - a desk that is behind

        with pytest.raises(ConflictError, match="version 3 is free: sync, then submit again"):
            publish(late, "root 2")
    with pytest.raises(UnknownIdError, match="is no open request"):
        sign(carl, second.request)
    again = renew(bea, title="Second", expires="2034-01-01")
    assert again.paths == ("root/3.yml",)
    assert merged(carl, again.request).merged


def stale_root(who: Office) -> dict[str, object]:
    header = {"schema", "registry", "version", "previous", "seen"}
    return {**{k: v for k, v in root(who).items() if k not in header}, "expires": "2039-01-01T00:00:00Z"}


def test_an_admin_rejects_a_root_asked_for(host: Hosted) -> None:
    ada, bea = offices(host, "ada", "bea")
    asked = renew(ada)
    with at_desk(bea.deps) as desk:
        assert reject(desk, asked.request or "", "not this year").closed.startswith("rejected by bea")
    with pytest.raises(UnknownIdError):
        sign(bea, asked.request)


def open_request(who: Office) -> str:
    return next(r.id for r in read_asked(place(who.settings)).requests)


def _rejecting(who: Office) -> object:
    with at_desk(who.deps) as desk:
        return reject(desk, open_request(who) or "", "no")


PUBLISHING: dict[str, Callable[[Office], object]] = {
    "registering": lambda who: register(
        who.deps, "dora", name="Dora", kind="person", contact="a@b.example", label="key"
    ),
    "approving": lambda who: sign(who, open_request(who)),
    "merging": lambda who: merged(who, open_request(who)),
    "rejecting": _rejecting,
}


@pytest.fixture
def expired(tmp_path: Path) -> list[Office]:
    """Two admins after the root has expired, and a newcomer's request that waits."""
    host = board(tmp_path, expires="2026-01-31T00:00:00Z")
    newcomer = office(host, "dora")
    newcomer.settings = newcomer.settings.__class__(**{**vars(newcomer.settings), "member": None})
    register(newcomer.deps, "dora", name="Dora", kind="person", contact="a@b.example", label="key")
    found = offices(host, "ada", "bea")
    for who in found:
        with at_desk(who.deps):
            pass
        who.now = AFTER
    return found


@pytest.mark.parametrize("deed", PUBLISHING)
def test_under_an_expired_root_nothing_is_published(expired: list[Office], deed: str) -> None:
    ada, _ = expired
    if deed == "registering":
        ada.sign_as("nobody-yet")
    assert sync(ada.deps).expired
    assert [row["id"] for row in listed(ada.deps, Kind.MEMBER, Filter())] == list(TRIO)
    before = ada.host.refs()
    with pytest.raises(PolicyError, match="expired on 2026-01-31") as refused:
        PUBLISHING[deed](ada)
    assert "medperf registry renew-root" in refused.value.hint
    assert ada.host.refs() == before


def test_an_expired_root_is_renewed_and_then_all_goes_on(expired: list[Office]) -> None:
    ada, bea = expired
    number = open_request(ada)
    asked = renew(ada)
    assert merged(bea, asked.request).merged
    assert not sync(ada.deps).expired
    assert sign(ada, number).sent
    assert [i for i in what_waits(ada.deps) if i.sort == "expires"] == []


def test_an_admin_is_told_in_time_what_to_type(host: Hosted) -> None:
    ada, dan = offices(host, "ada", "dan")
    for who, command in ((ada, "medperf registry renew-root"), (dan, "")):
        who.now = dt.datetime(2030, 12, 1, tzinfo=dt.UTC)
        (item,) = [i for i in what_waits(who.deps) if i.sort == "expires"]
        assert item.command == command


def test_a_later_admin_signs_the_root_after_next(host: Hosted) -> None:
    ada, bea, dan = offices(host, "ada", "bea", "dan")
    first = renew(ada, admins=["dan"], without=["carl"])
    assert merged(bea, first.request).merged
    take_main(host)
    join(host, "erin", "ada", "dan")
    second = renew(dan, expires="2040-01-01")
    carl = office(host, "carl")
    with pytest.raises(UsageError, match="'carl' is an admin of neither root"):
        sign(carl, second.request)
    assert merged(bea, second.request).merged
