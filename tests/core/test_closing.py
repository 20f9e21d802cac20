"""Closings are read strictly: what a stranger sends is a closing in its one spelling, or a clear error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medperf_cli.core.entities.closing import SIGNATURE, STATEMENT, emit_closing, parse_closing
from medperf_cli.core.lifecycle.closing import signed_closing
from medperf_cli.core.requests import (
    OpenRequest,
    RequestRef,
    closed_requests,
    open_requests,
    parse_ref,
    stranded,
)
from medperf_cli.errors import DocumentError, NotTrustedError, SignatureError
from tests.support.closing import closing
from tests.support.keys import member_key
from tests.support.world import REGISTRY

ID, HEAD = "0123456789abcdef", "a" * 40
GOOD = closing("clara", ID, HEAD)
KEYS = {member_key("clara").public_text}


def test_a_closing_is_read_as_it_was_written() -> None:
    found = signed_closing(GOOD, REGISTRY, KEYS)
    assert (found.request, found.head, found.member, found.verdict) == (ID, HEAD, "clara", "rejected")
    assert emit_closing(found) == GOOD[STATEMENT]


def test_its_bytes_stay_as_they_are() -> None:
    assert GOOD[STATEMENT].decode() == (
        "schema: closing/1\n"
        f'registry: "{REGISTRY}"\n'
        f'request: "{ID}"\n'
        f"head: {HEAD}\n"
        "verdict: rejected\n"
        'reason: "trained on all patients"\n'
        "member: clara\n"
        'time: "2026-01-02T10:00:00Z"\n'
    )


@given(st.binary(max_size=400))
def test_bytes_of_a_stranger_are_no_closing(data: bytes) -> None:
    with pytest.raises(DocumentError):
        parse_closing(data)


@given(st.integers(0, len(GOOD[STATEMENT]) - 1), st.integers(0, 255))
def test_one_changed_byte_is_noticed(position: int, byte: int) -> None:
    data = bytearray(GOOD[STATEMENT])
    if data[position] == byte:
        return
    data[position] = byte
    with pytest.raises((SignatureError, DocumentError)):
        signed_closing({**GOOD, STATEMENT: bytes(data)}, REGISTRY, KEYS)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"verdict: rejected", b"verdict: approved"),
        (b"closing/1", b"closing/2"),
        (b"member: clara\n", b"member: clara\nextra: 1\n"),
        (b"member: clara\n", b""),
        (b'reason: "trained on all patients"', b'reason: ""'),
        (b"member: clara", b'member: "clara"'),
        (b"head: a", b"head: z"),
    ],
)
def test_fields_of_another_shape_are_refused(old: bytes, new: bytes) -> None:
    assert old in GOOD[STATEMENT]
    with pytest.raises(DocumentError):
        parse_closing(GOOD[STATEMENT].replace(old, new))


def test_keys_and_registries_of_others_are_refused() -> None:
    with pytest.raises(NotTrustedError, match="is not a valid key of member 'clara'"):
        signed_closing(GOOD, REGISTRY, {member_key("ada").public_text})
    with pytest.raises(SignatureError, match="namespace"):
        signed_closing(GOOD, "f" * 32, KEYS)
    with pytest.raises(SignatureError):
        signed_closing({STATEMENT: GOOD[STATEMENT], SIGNATURE: b""}, REGISTRY, KEYS)
    with pytest.raises(SignatureError):
        signed_closing({}, REGISTRY, KEYS)


def test_a_request_without_head_is_closed_and_its_closing_stays() -> None:
    head, vote, closed = (
        RequestRef(ID),
        RequestRef(ID, "boris"),
        RequestRef(ID, "clara", closed=True),
    )
    assert parse_ref(str(closed)) == closed
    refs = {str(head): "1", str(vote): "2", str(closed): "3"}
    (found,) = open_requests(refs)
    assert found == OpenRequest(ID, "1", {"boris": "2"}, {"clara": "3"})
    assert str(closed) not in found.refs, "the closing is kept when the request goes"
    assert (closed_requests(refs), stranded(refs)) == ({}, {})
    del refs[str(head)]
    assert closed_requests(refs) == {ID: {"clara": "3"}}
    assert stranded(refs) == {str(vote): "2"}
