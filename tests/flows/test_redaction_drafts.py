"""Redactions from draft to history: what must go with a file, who signs, and what is never taken out."""

from __future__ import annotations

from pathlib import Path

import pytest

from medperf_cli.adapters.store.index_rows import Filter
from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.core.names import Kind, parse_path
from medperf_cli.errors import (
    ConflictError,
    RejectedError,
    UnknownIdError,
    UsageError,
)
from medperf_cli.flows.reading.listing import listed
from medperf_cli.flows.reading.sync import sync
from medperf_cli.flows.submitting.redact import apply_draft, draft, sign
from tests.support.acting import decide, refused, root, withdraw, write
from tests.support.hosting import Hosted
from tests.support.office import office
from tests.support.redacted_host import (
    NAMED,
    PATIENT,
    applied,
    cubes,
    enter,
    from_now,
    planned,
    redact,
    signed,
)
from tests.support.story_fields import TISSUE


def test_later_versions_go_with_it_and_the_reasons_are_told(store: GitStore) -> None:
    made = planned(store, NAMED)
    assert made.reasons == {
        parse_path(NAMED): "asked for",
        parse_path("cubes/acme/forest/2.yml"): f"is later than '{NAMED}'",
    }


def test_what_an_end_ended_does_not_come_back(told: Hosted, store: GitStore) -> None:
    enter(told, withdraw("st-mary", "cubes/st-mary/own/1.yml", reason="Jane Doe was in it"))
    redact(store, "decisions/cubes/st-mary/own/1/st-mary/1.yml")
    acme = office(told, "acme")
    assert "cubes/st-mary/own/1.yml" not in cubes(acme)


def test_what_members_and_roots_say_is_never_taken_out(told: Hosted, store: GitStore) -> None:
    for path in ("members/zoe/1.yml", "root/1.yml", "decisions/members/zoe/1/ada/1.yml"):
        with pytest.raises(RejectedError, match="is never taken out"):
            planned(store, path)
    with pytest.raises(UnknownIdError):
        planned(store, "cubes/acme/none/1.yml")
    assert told.stands()


@pytest.mark.parametrize("by", [{}, {"ada": "acme"}, {"acme": "acme"}])
def test_without_the_admins_nothing_is_rewritten(told: Hosted, store: GitStore, by: dict[str, str]) -> None:
    made, main = planned(store, NAMED), told.main()
    with pytest.raises(RejectedError, match="0 of 1 signatures"):
        applied(store, made, signed(made, **by))
    assert told.main() == main


def test_a_draft_for_another_history_is_refused(told: Hosted, store: GitStore) -> None:
    made = planned(store, "cubes/st-mary/own/1.yml")
    enter(told, write("cubes/st-mary/own/2.yml"))
    with pytest.raises(RejectedError, match="would not be lawful"):
        applied(store, made, signed(made, ada="ada"))
    redact(store, "cubes/st-mary/own/1.yml")
    with pytest.raises(ConflictError, match="does not hold what this redaction takes out"):
        applied(store, made, signed(made, ada="ada"))


def test_two_admins_sign_one_draft_and_the_host_applies_it(told: Hosted, tmp_path: Path) -> None:
    admins = [{"member": name, "key": f"key {name}"} for name in ("ada", "zoe")]
    later = {"expires": "2033-01-01T00:00:00Z"}
    enter(told, root(3, "ada", "zoe", **later, **{"admins.members": admins, "admins.threshold": 2}))
    ada, zoe, acme = office(told, "ada"), office(told, "zoe"), office(told, "acme")
    folder = tmp_path / "redaction"
    made = draft(ada.deps, [f"registry/{NAMED}"], "it named a patient", folder)
    assert made is not None
    assert made.signed_by == ("ada",)
    assert f"registry/{NAMED}  (asked for)" in ada.asked[-1]
    assert "(is later than 'cubes/acme/forest/1.yml')" in ada.asked[-1]
    with pytest.raises(RejectedError, match="1 of 2 signatures"):
        apply_draft(ada.deps, folder, told.path)
    with pytest.raises(RejectedError, match="'acme' is no admin"):
        sign(acme.deps, folder)
    both = sign(zoe.deps, folder)
    assert both is not None
    assert both.signed_by == ("ada", "zoe")
    assert PATIENT in "".join(store_text(told))
    done = apply_draft(ada.deps, folder, told.path)
    assert done is not None
    assert done.now == told.main()
    assert PATIENT not in "".join(store_text(told))
    sync(acme.deps)
    assert NAMED not in cubes(acme)


def store_text(told: Hosted) -> list[str]:
    """All files of main as text."""
    with told.store() as store:
        snapshot = store.snapshot(told.main())
        return [(snapshot.get(path) or b"").decode() for path in snapshot.list("")]


def test_on_no_nothing_is_signed_or_changed(told: Hosted, tmp_path: Path) -> None:
    ada, folder, main = office(told, "ada"), tmp_path / "redaction", told.main()
    ada.answer = lambda _: False
    assert draft(ada.deps, [NAMED], "it named a patient", folder) is None
    assert not folder.exists()
    ada.answer = lambda _: True
    assert draft(ada.deps, [NAMED], "it named a patient", folder) is not None
    ada.answer = lambda _: False
    assert sign(ada.deps, folder) is None
    assert apply_draft(ada.deps, folder, told.path) is None
    assert told.main() == main


def test_a_draft_is_asked_for_with_care(told: Hosted, tmp_path: Path) -> None:
    ada = office(told, "ada")
    with pytest.raises(UsageError, match="name what must go"):
        draft(ada.deps, [], "why", tmp_path)
    with pytest.raises(UsageError, match="is not a folder of a registry"):
        draft(ada.deps, ["elsewhere/1"], "why", tmp_path)
    with pytest.raises(UsageError, match="no draft of a redaction"):
        sign(ada.deps, tmp_path)
    assert draft(ada.deps, [NAMED], "why", tmp_path / "one")
    with pytest.raises(UsageError, match="there is a draft"):
        draft(ada.deps, [NAMED], "why", tmp_path / "one")


def test_a_registry_of_format_1_has_no_redactions(host: Hosted, tmp_path: Path) -> None:
    enter(host, write("cubes/acme/tree/1.yml"))
    with pytest.raises(RejectedError, match="format 1"):
        draft(office(host, "ada").deps, ["cubes/acme/tree/1"], "why", tmp_path)


@pytest.mark.parametrize("host", [17], indirect=True)
def test_what_rests_on_it_goes_too_even_what_only_the_check_would_miss(host: Hosted) -> None:
    """The benchmark's version in operation goes: associations, decisions and results rest on it."""
    enter(host, root(2, "ada", format=2))
    charter = f"benchmarks/{TISSUE}/2.yml"
    with host.store() as store:
        made = planned(store, charter)
        kinds = {path.kind for path in made.reasons}
        assert kinds == {Kind.BENCHMARK, Kind.DECISION, Kind.ASSOCIATION, Kind.RESULT, Kind.DATASET}
        applied(store, made, signed(made, ada="ada"))
    acme = office(host, "acme")
    assert listed(acme.deps, Kind.BENCHMARK, Filter()) == []
    (first,) = listed(acme.deps, Kind.BENCHMARK, Filter(in_force=None))
    assert (first["version"], first["standing"]) == (1, "effective")
    from_now(host)
    newer = f"benchmarks/{TISSUE}/3.yml"
    again = {"previous": f"gone {charter}", "state": "operation"}
    owner = decide("clara", newer, under=f"benchmarks/{TISSUE}/1.yml")
    assert "DEC003" in refused(host.world, write(newer, **again), owner)  # admins decide, as about a first
    enter(host, write(newer, **again), decide("ada", newer, under="root/2.yml"))
    sync(acme.deps)
    (row,) = listed(acme.deps, Kind.BENCHMARK, Filter())
    assert row["version"] == 3
