"""Lists show what open requests ask for and whom things wait for, without the network; so does `todo`."""

from __future__ import annotations

import datetime as dt
import sqlite3

import pytest

from medperf_cli.adapters.store.index_rows import SCHEMA_VERSION, Filter
from medperf_cli.core.names import Kind
from medperf_cli.flows.reading.listing import columns, listed
from medperf_cli.flows.reading.requested import WAITING, waiting_rows
from medperf_cli.flows.reading.review_list import Wanted, open_rows
from medperf_cli.flows.reading.sync import sync
from medperf_cli.flows.reading.todo import Item
from medperf_cli.flows.submitting import keep
from medperf_cli.flows.submitting.desk import at_desk, keep_up
from medperf_cli.flows.submitting.reject import reject
from medperf_cli.flows.submitting.what_waits import what_waits
from medperf_cli.render.table import table
from medperf_cli.render.todo import HEADINGS, as_text
from tests.support.hosting import Hosted
from tests.support.office import NEXT_DAY, Office, office
from tests.support.story_fields import FOREST, TISSUE, association_fields
from tests.support.world import member_file

WITH_MODEL = pytest.mark.parametrize("host", [11], indirect=True)
WHOLE = pytest.mark.parametrize("host", [17], indirect=True)
ASSOCIATION = f"{TISSUE}/models/{FOREST}"


def asked_to_take_part(host: Hosted) -> dict[str, bytes]:
    fields = association_fields(host.world, f"benchmarks/{TISSUE}/2.yml", f"cubes/{FOREST}/1.yml")
    return host.world.write(Kind.ASSOCIATION, ASSOCIATION, **fields)


def unplugged(who: Office, host: Hosted) -> Office:
    """The same member once the registry cannot be reached any more."""
    host.path.rename(host.path.with_name("gone.git"))
    return who


def sorts(items: list[Item]) -> list[str]:
    return [item.sort for item in items]


@WITH_MODEL
def test_a_list_shows_what_is_asked_for_without_the_network(host: Hosted) -> None:
    request = host.member().open(asked_to_take_part(host))
    clara = office(host, "clara")
    keep_up(clara.deps)
    unplugged(clara, host)
    (row,) = listed(clara.deps, Kind.ASSOCIATION, Filter(), asked=True)
    assert (row["standing"], row["version"], row["subject"], row["type"]) == ("requested", 1, FOREST, "model")
    assert (row["request"], row["waits_for"], row["waits_role"]) == (request.id, ["clara"], "committee")
    assert row["since"] == "2026-01-02T10:00:00Z"
    assert listed(clara.deps, Kind.ASSOCIATION, Filter()) == []


@WITH_MODEL
@pytest.mark.parametrize(
    ("where", "fits"),
    [
        (Filter(owner="acme"), True),
        (Filter(owner="clara"), False),
        (Filter(name="forest"), True),
        (Filter(name="grove"), False),
        (Filter(benchmark="wdbc"), True),
        (Filter(in_force=None, standing="requested"), True),
        (Filter(in_force=None, standing="effective"), False),
        (Filter(in_force=None), True),
        (Filter(state="operation"), False),
    ],
)
def test_what_is_asked_for_is_filtered_like_the_rest(host: Hosted, where: Filter, fits: bool) -> None:
    host.member().open(asked_to_take_part(host))
    clara = office(host, "clara")
    keep_up(clara.deps)
    assert bool(listed(clara.deps, Kind.ASSOCIATION, where, asked=True)) is fits


@WITH_MODEL
def test_what_is_pending_in_main_says_whom_it_waits_for(host: Hosted) -> None:
    host.enter(asked_to_take_part(host))
    clara = office(host, "clara")
    (row,) = listed(clara.deps, Kind.ASSOCIATION, Filter(), asked=True)
    assert (row["standing"], row["request"], row["waits_for"]) == ("pending", None, ["clara"])
    (item,) = [i for i in what_waits(clara.deps) if i.sort == "decide"]
    assert item.command == f"medperf association approve -b {TISSUE} -m {FOREST}"


@WITH_MODEL
def test_a_request_merged_by_hand_too_early_still_says_whom_it_waits_for(host: Hosted) -> None:
    files = asked_to_take_part(host)
    request = host.member().open(files)
    host.enter(files)  # by somebody who may push: its ref stays, and nobody has approved
    clara = office(host, "clara")
    _, asked = keep_up(clara.deps)
    (row,) = open_rows(asked, Wanted())
    assert (row["request"], row["waits_for"]) == (request.id, ["clara"])


@WITH_MODEL
def test_both_tables_fit_into_a_hundred_columns(host: Hosted) -> None:
    host.member().open(asked_to_take_part(host))
    host.member().open(member_file(host.world, "general-hospital"), author="general-hospital")
    clara = office(host, "clara")
    keep_up(clara.deps)
    for kind in (Kind.ASSOCIATION, Kind.MEMBER, Kind.CUBE):
        rows = listed(clara.deps, kind, Filter(), asked=True)
        text = table(rows, columns(kind), width=100) + table(waiting_rows(rows), WAITING)
        assert max(map(len, text.splitlines())) <= 100, text


def test_an_index_of_an_older_tool_is_made_anew_without_the_network(host: Hosted) -> None:
    acme = office(host, "acme")
    wanted = listed(acme.deps, Kind.MEMBER, Filter())
    connection = sqlite3.connect(acme.copy / "index.sqlite")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION - 1}")
    connection.execute("DROP TABLE signatures")
    connection.commit()
    connection.close()
    unplugged(acme, host)
    said = len(acme.talk.said)
    assert listed(acme.deps, Kind.MEMBER, Filter()) == wanted
    assert len(acme.talk.said) == said, "nobody needs to hear of it"


def test_todo_says_what_i_decide_and_with_which_command(host: Hosted) -> None:
    request = host.member().open(member_file(host.world, "eve"), author="eve")
    held = host.member().open(host.cube("grove", description="without patient id 1234567"))
    ada, acme = office(host, "ada"), office(host, "acme")
    for who in (ada, acme):
        keep_up(who.deps)
    found = {i.what.partition(":")[0]: i for i in what_waits(ada.deps) if i.sort == "decide"}
    assert f"medperf review approve {request.id[:8]}" in found["eve"].command
    assert f"medperf review merge {held.id[:8]}" in found["acme"].command
    (mine,) = [i for i in what_waits(acme.deps) if i.sort == "waits"]
    assert (mine.waits_for, mine.since[:10]) == (("ada",), "2026-01-02")
    unplugged(ada, host)
    assert len([i for i in what_waits(ada.deps) if i.sort == "decide"]) == 2


def test_todo_says_what_was_rejected_until_it_is_asked_anew(host: Hosted) -> None:
    request = host.member().open(host.cube("grove", description="without patient id 1234567"))
    ada, acme = office(host, "ada"), office(host, "acme")
    with at_desk(ada.deps) as desk:
        reject(desk, request.id, "no identifiers here")
    keep_up(acme.deps)
    (item,) = [i for i in what_waits(acme.deps) if i.sort == "rejected"]
    assert "rejected by ada: no identifiers here" in item.what
    assert "rejected" not in sorts(what_waits(ada.deps))
    acme.now = NEXT_DAY + dt.timedelta(days=61)
    assert "rejected" not in sorts(what_waits(acme.deps))
    acme.now = NEXT_DAY
    host.member().open(host.cube("grove"))
    keep_up(acme.deps)
    assert "rejected" not in sorts(what_waits(acme.deps))


@WHOLE
def test_todo_names_models_without_a_result_on_my_data(host: Hosted) -> None:
    hospital = office(host, "st-mary")
    assert "run" not in sorts(what_waits(hospital.deps))
    (result,) = [r for r in listed(hospital.deps, Kind.RESULT, Filter()) if r["model"] == FOREST]
    withdrawn = host.world.decide("st-mary", result["path"], "withdraw", authority=None)
    host.enter(withdrawn)
    sync(hospital.deps)
    (item,) = [i for i in what_waits(hospital.deps) if i.sort == "run"]
    assert f"no result yet of {FOREST}" in item.what
    assert item.command == f"medperf benchmark run -b {TISSUE} -d {result['dataset']}"


def test_todo_names_what_is_in_development_and_what_expires(host: Hosted) -> None:
    host.enter(host.cube("forest", state="development"))
    acme = office(host, "acme")
    (item,) = what_waits(acme.deps)
    assert (item.sort, item.command) == ("development", "medperf cube set_operational acme/forest")
    for days, said in ((59, "expires"), (-1, "expired")):
        acme.now = dt.datetime(2031, 1, 1, tzinfo=dt.UTC) - dt.timedelta(days=days)
        assert f"root {said} on 2031-01-01" in what_waits(acme.deps)[-1].what
    acme.now = dt.datetime(2031, 1, 1, tzinfo=dt.UTC) - dt.timedelta(days=61)
    assert "expires" not in sorts(what_waits(acme.deps))


def test_todo_names_a_key_that_signs_nothing(host: Hosted) -> None:
    acme = office(host, "acme")
    assert "key" not in sorts(what_waits(acme.deps))
    acme.sign_as("stranger")
    (item,) = what_waits(acme.deps)
    assert (item.sort, item.command) == ("key", "medperf key use FILE")
    assert "is none of acme" in item.what


def test_what_did_not_change_is_not_judged_again(host: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    host.member().open(member_file(host.world, "eve"), author="eve")
    ada = office(host, "ada")
    _, first = keep_up(ada.deps)
    monkeypatch.setattr(keep, "gather", None)  # would fail if it were called
    assert keep_up(ada.deps)[1].requests == first.requests
    monkeypatch.undo()
    host.enter(host.cube("forest"))
    assert keep_up(ada.deps)[1].requests[0].judged != first.requests[0].judged


def test_a_closing_is_verified_once(host: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    request = host.member().open(member_file(host.world, "eve"), author="eve")
    ada = office(host, "ada")
    with at_desk(ada.deps) as desk:
        reject(desk, request.id, "not now")
    before = keep_up(ada.deps)[1].closed
    assert [c.member for c in before] == ["ada"]
    monkeypatch.setattr(keep, "kept_closing", None)
    assert keep_up(ada.deps)[1].closed == before


def test_what_cannot_be_kept_is_told_and_what_was_sent_is_sent(host: Hosted) -> None:
    ada = office(host, "ada")
    request = host.member().open(member_file(host.world, "eve"), author="eve")
    blocked = ada.copy / "requests.json"
    blocked.mkdir()
    with at_desk(ada.deps) as desk:
        assert reject(desk, request.id, "not now").sent
    assert any("is not known as of now" in line for line in ada.talk.said)
    assert keep_up(ada.deps)[1].time == ""


def test_damaged_requests_do_not_keep_readers_from_main(host: Hosted) -> None:
    ada = office(host, "ada")
    broken = host.path / "refs" / "pull" / "0123456789abcdef"
    broken.mkdir(parents=True)
    (broken / "head").write_text(f"{'1' * 40}\n")
    host.enter(host.cube("forest"))
    synced, _ = keep_up(ada.deps)
    assert synced.commit == host.main()


def test_the_list_as_text_says_what_to_type_and_prints_nothing_raw() -> None:
    assert as_text([]) == "nothing waits for you\n"
    items = [
        Item(sort, "a \x1b[31m title\nof two", "medperf todo", "2026-01-03T10:00:00Z") for sort in HEADINGS
    ]
    text = as_text(items)
    assert "\x1b" not in text
    assert text.count("medperf todo") == len(HEADINGS)
    assert "- a ?[31m title of two (since 2026-01-03)" in text
