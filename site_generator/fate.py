"""What became of a version: whether and when it took effect, by whom; how it ended, by whom and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from site_generator.records import Entity


@dataclass(frozen=True)
class Voice:
    """One decision that counted: whose, why, the path of its file, and what it rests on.

    `evidence` is `signed` or `recorded`, `says` the same in words; a recorded one has no reason.
    """

    member: str
    reason: str
    path: str
    evidence: str
    says: str


@dataclass(frozen=True)
class Moment:
    """When something happened to a version, by whose decisions (none where nobody had to decide)."""

    time: int
    voices: tuple[Voice, ...] = ()


def took_effect(entity: Entity) -> bool:
    """Whether a version counts or once counted, be it superseded or ended since."""
    if entity["standing"] in ("effective", "pending"):
        return bool(entity["standing"] == "effective")
    return entity["role"] == "nobody" or any(_counted(entity, ("approve",)))


def effect(entity: Entity) -> Moment | None:
    """When a version took effect; None if it never did."""
    if not took_effect(entity):
        return None
    carrying = list(_counted(entity, ("approve",)))
    return Moment(max([entity["time"], *(d["time"] for d in carrying)]), _voices(carrying))


def end(entity: Entity) -> Moment | None:
    """When a version was revoked or withdrawn; None if it was not."""
    if entity["standing"] not in ("revoked", "withdrawn"):
        return None
    verdict = "revoke" if entity["standing"] == "revoked" else "withdraw"
    carrying = list(_counted(entity, (verdict,)))
    return Moment(max((d["time"] for d in carrying), default=entity["time"]), _voices(carrying))


def _counted(entity: Entity, verdicts: Iterable[str]) -> Iterable[Mapping[str, Any]]:
    return (d for d in entity["decisions"] if d["counted"] and d["verdict"] in verdicts)


def _voices(decisions: Iterable[Mapping[str, Any]]) -> tuple[Voice, ...]:
    """Each member once, with the last of its decisions."""
    names = ("member", "reason", "path", "evidence", "says")
    found = {d["member"]: Voice(*(d[name] for name in names)) for d in _signed_last(decisions)}
    return tuple(found.values())


def _signed_last(decisions: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Whoever also signed is told by the signature: it is the stronger evidence."""
    return sorted(decisions, key=lambda d: bool(d["evidence"] == "signed"))
