"""A benchmark's owner sets priorities alone; another association policy is the committee's."""

from __future__ import annotations

from pathlib import Path

import pytest

from medperf_cli.adapters.store.index_rows import Filter
from medperf_cli.core.names import Kind
from medperf_cli.errors import DocumentError, UsageError
from medperf_cli.flows.reading.verified_index import reading
from medperf_cli.flows.submitting.change_benchmark import allowed_members, set_priority, update_policy
from medperf_cli.flows.submitting.desk import at_desk
from medperf_cli.flows.submitting.review import approve
from tests.support.hosting import Hosted
from tests.support.office import Office, office
from tests.support.story_fields import FOREST, TISSUE

ASSOCIATED = pytest.mark.parametrize("host", [12], indirect=True)
OPERATION = pytest.mark.parametrize("host", [11], indirect=True)
OWNER = TISSUE.split("/", maxsplit=1)[0]


def in_force(who: Office) -> dict[str, object]:
    with reading(who.deps.settings) as (index, _):
        (row,) = index.entities(Kind.BENCHMARK, Filter(name=TISSUE))
        return row.document


@ASSOCIATED
def test_the_owner_sets_priorities_alone(host: Hosted) -> None:
    owner = office(host, OWNER)
    assert set_priority(owner.deps, "wdbc", "forest", 5).merged
    assert in_force(owner)["priorities"] == [{"model": FOREST, "priority": 5}]
    assert not set_priority(owner.deps, "wdbc", "forest", 5).sent
    assert set_priority(owner.deps, "wdbc", "forest", -1).merged
    assert in_force(owner)["priorities"] == [{"model": FOREST, "priority": -1}]
    with pytest.raises(DocumentError, match="priorit"):
        set_priority(owner.deps, "wdbc", "forest", 5000)


@ASSOCIATED
def test_others_set_none_and_only_of_what_takes_part(host: Hosted) -> None:
    with pytest.raises(UsageError, match=f"is of member '{OWNER}', not of 'clara'"):
        set_priority(office(host, "clara").deps, "wdbc", "forest", 5)
    owner = office(host, OWNER)
    host.enter(host.cube("grove"))
    with pytest.raises(UsageError, match="'acme/grove' takes no part"):
        set_priority(owner.deps, "wdbc", "grove", 5)


@OPERATION
def test_another_policy_waits_for_the_committee(host: Hosted) -> None:
    owner, clara = office(host, OWNER), office(host, "clara")
    done = update_policy(owner.deps, "wdbc", {"datasets": ("allow-list", ["st-mary"])})
    assert (done.sent, done.merged) == (True, False)
    assert "of the committee to approve: clara" in done.outcome
    with at_desk(clara.deps) as desk:
        assert approve(desk, done.request or "", "fine").merged
    policy = in_force(clara)["association_policy"]
    assert policy["datasets"] == {"mode": "allow-list", "allow": ["st-mary"]}  # type: ignore[index] - plain data
    again = update_policy(owner.deps, "wdbc", {"models": ("always", None)})
    with at_desk(clara.deps) as desk:
        assert approve(desk, again.request or "", "fine").merged
    policy = in_force(clara)["association_policy"]
    assert policy == {  # what was not named stays
        "datasets": {"mode": "allow-list", "allow": ["st-mary"]},
        "models": {"mode": "always", "allow": []},
    }


@OPERATION
def test_a_policy_that_says_nothing_new_or_contradicts_itself_is_told(host: Hosted) -> None:
    owner, refs = office(host, OWNER), host.refs()
    for changes, said in (
        ({}, "this is the policy already"),
        ({"models": ("always", ["acme"])}, "members are allowed for models, but the mode is 'always'"),
        ({"models": ("allow-list", None)}, "nobody is named for the allow-list of models"),
    ):
        with pytest.raises(UsageError, match=said):
            update_policy(owner.deps, "wdbc", changes)  # type: ignore[arg-type] - of several shapes
    with pytest.raises(UsageError, match="not of 'acme'"):
        update_policy(office(host, "acme").deps, "wdbc", {"models": ("always", None)})
    assert host.refs() == refs


def test_an_allow_list_comes_from_a_file_and_from_options(tmp_path: Path) -> None:
    file = tmp_path / "allowed.txt"
    file.write_text("st-mary\n  lakeside north-clinic\n\nst-mary\n")
    assert allowed_members(file, ["acme"]) == ["st-mary", "lakeside", "north-clinic", "acme"]
    assert allowed_members(None, None) is None
    assert allowed_members(file, None) == ["st-mary", "lakeside", "north-clinic"]


@pytest.mark.parametrize("content", ["owner@example.org\n", "\x1b[31m\n", "A\n"])
def test_what_is_no_member_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "allowed.txt"
    file.write_text(content)
    with pytest.raises(UsageError, match="is not a member's name"):
        allowed_members(file, None)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        allowed_members(tmp_path / "nothing", None)
    file = tmp_path / "bytes"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="is no text"):
        allowed_members(file, None)
    file.write_bytes(b"a" * 70_000)
    with pytest.raises(UsageError, match="larger than"):
        allowed_members(file, None)
