"""What a vote rests on, in the words that every view uses: a member's signature, or the word of a forge.

It works on votes as plain mappings (path and document), which is what the index and `snapshot.json` hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from medperf_cli.core.names import EntityPath, Kind

SIGNED, RECORDED = "signed", "recorded"
_COMMIT = 12
"""Digits of a commit id that are shown."""


@dataclass(frozen=True)
class Evidence:
    """One vote: whose, what it says, its file, and whether the member `signed` it or it was `recorded`."""

    member: str
    verdict: str
    path: str
    sort: str
    says: str

    def fields(self) -> dict[str, str]:
        """The same as plain data, for lists and JSON."""
        return {
            "member": self.member,
            "verdict": self.verdict,
            "evidence": self.sort,
            "says": self.says,
            "path": self.path,
        }


def evidence(path: EntityPath, document: Mapping[str, Any]) -> Evidence:
    """What the decision or recorded approval at a path rests on."""
    member = path.parts[-1]
    sort = RECORDED if path.kind is Kind.RECORDED else SIGNED
    return Evidence(member, str(document["verdict"]), str(path), sort, _says(member, sort, document))


def _says(member: str, sort: str, document: Mapping[str, Any]) -> str:
    if sort == SIGNED:
        return f"signed by {member}"
    login = f"login {document['login']} on {document['forge']}"
    request = f"request {document['request']} of {document['repository']}"
    act = f"{document['how']} of commit {document['commit'][:_COMMIT]}"
    return f"recorded by the merge bot for {member} ({login}, {request}, {act}): trusts the forge"


def standing_votes(
    votes: Iterable[tuple[EntityPath, Mapping[str, Any]]], sha256: str
) -> tuple[Evidence, ...]:
    """The votes about a file that were not taken back, by path; those about other bytes are none.

    Args:
        votes: all decisions and recorded approvals about the file.
        sha256: of the file's bytes.

    """
    about = sorted((p, d) for p, d in votes if d["subject"]["sha256"] == sha256)
    back: dict[str, int] = {}
    for path, document in about:
        if document["verdict"] == "retract":
            back[path.parts[-1]] = path.version
    return tuple(evidence(p, d) for p, d in about if not _taken_back(p, d, back.get(p.parts[-1])))


def _taken_back(path: EntityPath, document: Mapping[str, Any], retracted: int | None) -> bool:
    """Whether a vote is, or is before, its member's last retraction; recorded ones are before any."""
    if retracted is None or document["verdict"] not in ("approve", "retract"):
        return False
    return path.kind is Kind.RECORDED or path.version <= retracted
