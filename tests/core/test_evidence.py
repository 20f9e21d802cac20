"""What a vote rests on, in words: a signature, or what a forge said; and what was taken back."""

from __future__ import annotations

from typing import Any

from medperf_cli.core.evidence import evidence, standing_votes
from medperf_cli.core.names import EntityPath, parse_path

ABOUT = "associations/mgh/chest/models/acme/forest/1"
BYTES = "a" * 64
LOGIN = {
    "forge": "forge.example",
    "repository": "consortium/registry",
    "request": 12,
    "login": "clara-h",
    "number": 7,
    "commit": "0123456789abcdef" * 2 + "01234567",
    "how": "review",
}


def vote(
    folder: str, member: str, version: int = 1, verdict: str = "approve", sha256: str = BYTES, **more: Any
) -> tuple[EntityPath, dict[str, Any]]:
    document = {"verdict": verdict, "subject": {"path": f"{ABOUT}.yml", "sha256": sha256}, **more}
    return parse_path(f"{folder}/{ABOUT}/{member}/{version}.yml"), document


def shown(*votes: tuple[EntityPath, dict[str, Any]]) -> list[tuple[str, str, str]]:
    return [(found.member, found.sort, found.verdict) for found in standing_votes(votes, BYTES)]


def test_a_signed_vote_says_whose() -> None:
    found = evidence(*vote("decisions", "clara"))
    assert (found.sort, found.says) == ("signed", "signed by clara")


def test_a_recorded_vote_says_that_it_trusts_the_forge_and_whose_login_it_saw() -> None:
    found = evidence(*vote("recorded", "clara", **LOGIN))
    assert found.sort == "recorded"
    assert found.says == (
        "recorded by the merge bot for clara (login clara-h on forge.example, "
        "request 12 of consortium/registry, review of commit 0123456789ab): trusts the forge"
    )


def test_votes_about_other_bytes_are_none() -> None:
    assert shown(vote("decisions", "clara", sha256="b" * 64)) == []


def test_what_was_taken_back_is_left_out_and_what_came_after_is_not() -> None:
    votes = [
        vote("decisions", "clara"),
        vote("decisions", "clara", 2, "retract"),
        vote("recorded", "clara", **LOGIN),
        vote("recorded", "boris", **LOGIN),
    ]
    assert shown(*votes) == [("boris", "recorded", "approve")]
    assert shown(*votes, vote("decisions", "clara", 3)) == [
        ("clara", "signed", "approve"),
        ("boris", "recorded", "approve"),
    ]


def test_a_retraction_takes_back_no_other_verdict_and_nobody_elses() -> None:
    votes = [vote("decisions", "clara", 1, "revoke"), vote("decisions", "clara", 2, "retract")]
    assert shown(*votes, vote("decisions", "boris")) == [
        ("boris", "signed", "approve"),
        ("clara", "signed", "revoke"),
    ]
