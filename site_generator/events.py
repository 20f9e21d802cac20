"""The registry's story in plain words: what happened to which version, when, and who decided it."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from medperf_cli.core.names import Kind
from site_generator.fate import Moment, Voice, effect, end, took_effect
from site_generator.records import Entity

_DAY = 86_400
_ENTERED = {
    Kind.MEMBER: ("joined", "changed its entry"),
    Kind.BENCHMARK: ("was admitted", "has a new version"),
    Kind.CUBE: ("was submitted", "has a new version"),
    Kind.DATASET: ("was registered", "has a new version"),
    Kind.ASSOCIATION: ("takes part", "takes part"),
    Kind.RESULT: ("was published", "was published again"),
    Kind.ROOT: ("was founded", "has a new root"),
    Kind.REDACTION: ("took files out of history", "took files out of history"),
}
Versions = Mapping[tuple[str, str, int], Entity]


@dataclass(frozen=True)
class Event:
    """One thing that happened: `did` goes on from the name of the entity; `sort` is a word for a badge.

    `more` results of the same site on the same day are told with a result.
    """

    time: int
    position: int
    sort: str
    entity: Entity
    did: str
    voices: tuple[Voice, ...]
    more: int = 0

    @property
    def reason(self) -> str:
        """The reason to show: that of whoever decided last; the others stand in their files."""
        return self.voices[-1].reason if self.voices else ""


def events(entities: Iterable[Entity]) -> list[Event]:
    """What happened to these, the last first; decisions are told by what they brought about."""
    told = [e for e in entities if e["kind"] not in (Kind.DECISION, Kind.RECORDED)]
    versions = {(e["kind"], e["id"], e["version"]): e for e in told}
    found = (e for entity in told for e in _of(entity, versions))
    order = sorted(found, key=lambda e: (-e.time, -e.position, e.sort != "ended"))
    runs = ([*run] for _, run in itertools.groupby(order, key=_together))
    return [dataclasses.replace(run[0], more=len(run) - 1) for run in runs]


def _together(event: Event) -> tuple[Any, ...]:
    """Results that a site published on one day, one after the other, are told as one."""
    if event.sort == Kind.RESULT:
        return event.time // _DAY, event.entity["signer"]
    return event.time, event.position, event.sort


def _of(entity: Entity, versions: Versions) -> Iterator[Event]:
    began, ended = effect(entity), end(entity)
    if began is None:
        asks = "take part" if entity["kind"] == Kind.ASSOCIATION else "be admitted"
        yield _event(entity, Moment(entity["time"]), "asked", f"asked to {asks}")
    else:
        yield _event(entity, began, entity["kind"], _entered(entity, versions))
    if ended is not None:
        never = "" if took_effect(entity) else " before it took effect"
        yield _event(entity, ended, "ended", f"was {entity['standing']}{never}")


def _entered(entity: Entity, versions: Versions) -> str:
    kind, number = Kind(entity["kind"]), entity["version"]
    before = versions.get((kind, entity["id"], number - 1))
    first, later = _ENTERED[kind]
    if before is None:
        return first if number == 1 else later
    if kind is Kind.MEMBER:
        return _changed(before["document"]["keys"], entity["document"]["keys"]) or later
    states = [e["document"].get("state") for e in (before, entity)]
    return "went into operation" if states == ["development", "operation"] else later


def _changed(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> str:
    """What became of a member's keys, in words; nothing where they stayed as they were."""
    known = {k["key"]: "revoked" in k for k in before}
    revoked = [k["revoked"]["reason"] for k in after if "revoked" in k and not known.get(k["key"])]
    if revoked:
        return f"revoked a key ({', '.join(revoked)})"
    return "added a key" if any(k["key"] not in known for k in after) else ""


def _event(entity: Entity, moment: Moment, sort: str, did: str) -> Event:
    return Event(moment.time, entity["position"], str(sort), entity, did, moment.voices)
