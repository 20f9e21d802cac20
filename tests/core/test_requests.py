"""Requests are named by what they add, and live at refs that say whose they are."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medperf_cli.core.names import PathError, parse_path
from medperf_cli.core.requests import (
    OpenRequest,
    RequestRef,
    decidable,
    open_requests,
    parse_ref,
    request_id,
    stranded,
    stray_decisions,
)

ID = "0123456789abcdef"
CUBE = "cubes/acme/forest/1.yml"
VOTE = "decisions/members/acme/1/ada/1.yml"


def test_the_id_is_made_from_the_added_entities_as_the_design_says() -> None:
    files = {"b/1.yml": b"two", CUBE: b"one"}
    lines = sorted(f"{hashlib.sha256(data).hexdigest()} {path}\n" for path, data in files.items())
    assert request_id(files) == hashlib.sha256("".join(lines).encode()).hexdigest()[:16]


def test_signatures_and_order_make_no_other_request() -> None:
    first = {CUBE: b"one", "cubes/acme/forest/1.sig": b"signature", "b/1.yml": b"two"}
    again = {"b/1.yml": b"two", CUBE: b"one", "cubes/acme/forest/1.sig": b"another signature"}
    assert request_id(first) == request_id(again)
    assert request_id(first) != request_id({CUBE: b"two", "b/1.yml": b"one"})


def test_a_request_without_entities_is_none() -> None:
    with pytest.raises(PathError, match="at least one"):
        request_id({"cubes/acme/forest/1.sig": b""})


@pytest.mark.parametrize("ref", [RequestRef(ID), RequestRef(ID, "clara")])
def test_refs_are_read_as_they_are_written(ref: RequestRef) -> None:
    assert parse_ref(str(ref)) == ref


HOSTILE = [
    "refs/heads/main",
    "refs/pull",
    "refs/pull//head",
    f"refs/pull/{ID}",
    f"refs/pull/{ID}/",
    f"refs/pull/{ID}/HEAD",
    f"refs/pull/{ID}/head\n",
    f"refs/pull/{ID}/head/x",
    f"refs/pull/{ID.upper()}/head",
    f"refs/pull/{ID}0/head",
    "refs/pull/17/head",
    f"refs/pull/{ID}/decisions/",
    f"refs/pull/{ID}/decisions/a",
    f"refs/pull/{ID}/decisions/../head",
    f"refs/pull/{ID}/decisions/clara/x",
    f"refs/pull/{ID}/decisions/clara.lock",
    f"refs/pull/{ID}/decisions/Clara",
    f"refs/pull/{ID}/decisions/nul",
    f"refs/pull/{ID}/decisions/clara\n",
    f"x/refs/pull/{ID}/head",
    f"refs/pull/{ID}/merge",
    "refs/pull/\u0660123456789abcdef/head",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_ref_of_any_other_name_is_refused(text: str) -> None:
    with pytest.raises(PathError):
        parse_ref(text, bare=True)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60) | st.from_regex(r"refs/pull/[0-9a-f]{14,18}/(head|decisions/.{0,9})"))
def test_what_is_read_is_written_the_same(text: str) -> None:
    try:
        ref = parse_ref(text)
    except PathError:
        return
    assert str(ref) == text


def test_open_requests_are_those_with_a_head() -> None:
    other = "f" * 16
    refs = {
        "refs/heads/main": "1",
        f"refs/pull/{ID}/head": "2",
        f"refs/pull/{ID}/decisions/clara": "3",
        f"refs/pull/{ID}/decisions/Eve": "4",
        f"refs/pull/{other}/decisions/clara": "5",
    }
    assert open_requests(refs) == [OpenRequest(ID, "2", {"clara": "3"})]
    assert stranded(refs) == {f"refs/pull/{other}/decisions/clara": "5"}


def test_the_head_is_the_last_ref_to_go() -> None:
    assert list(OpenRequest(ID, "2", {"clara": "3", "bob": "4"}).refs) == [
        f"refs/pull/{ID}/decisions/bob",
        f"refs/pull/{ID}/decisions/clara",
        f"refs/pull/{ID}/head",
    ]


def test_a_vote_joins_a_request_about_its_subject_only() -> None:
    member = parse_path("members/acme/1.yml")
    assert decidable({"members/acme/1.yml": b"", "members/acme/1.sig": b""}) == {member}
    assert decidable({VOTE: b""}) == {member}
    both = {VOTE: b"", VOTE.replace(".yml", ".sig"): b""}
    assert list(stray_decisions(both, "ada", frozenset({member}))) == []
    assert [why for _, why in stray_decisions(both, "eve", frozenset({member}))] == [
        "is a decision of 'ada', not of 'eve'"
    ] * 2
    assert [why for _, why in stray_decisions({VOTE: b""}, "ada", frozenset())] == [
        "'members/acme/1.yml' is not part of this request"
    ]
    assert [why for _, why in stray_decisions({CUBE: b""}, "acme", frozenset())] == ["is not a decision"]
    assert len(list(stray_decisions({".gitattributes": b""}, "acme", frozenset()))) == 1
