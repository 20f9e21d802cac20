"""The snapshot as the pages look at it: entities by path, kind and name, and what belongs to what."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from medperf_cli.core.board import Board, board
from medperf_cli.core.names import Kind, PathError, parse_path, parse_signature_path
from medperf_cli.errors import DocumentError
from site_generator.validate import validate

SCHEMA_FILE = Path(__file__).parent / "schema" / "snapshot-1.json"
Entity = Mapping[str, Any]
"""One entity of the snapshot; see the schema."""
Place = Literal["benchmark", "model", "dataset"]

_HINT = "export it again; do not publish this one"


class Records:
    """A snapshot that fits its schema, whose paths fit the grammar and whose bytes have their digests."""

    def __init__(self, snapshot: Mapping[str, Any]) -> None:
        """Take a snapshot (raises DocumentError where it is not one)."""
        validate(snapshot, json.loads(SCHEMA_FILE.read_bytes()))
        self.snapshot = snapshot
        self.registry: Mapping[str, Any] = snapshot["registry"]
        self.entities: list[Entity] = sorted(snapshot["entities"], key=lambda e: str(e["path"]))
        self.by_path: dict[str, Entity] = {}
        self._versions: dict[tuple[str, str], list[Entity]] = defaultdict(list)
        self._kinds: dict[str, list[Entity]] = defaultdict(list)
        for entity in self.entities:
            _see(entity)
            if entity["path"] in self.by_path:
                raise DocumentError(f"'{entity['path']}' stands in the snapshot twice", hint=_HINT)
            self.by_path[entity["path"]] = entity
            self._versions[entity["kind"], entity["id"]].append(entity)
            self._kinds[entity["kind"]].append(entity)
        for versions in self._versions.values():
            versions.sort(key=lambda e: int(e["version"]))
        self._boards: dict[str, Board | None] = {}

    def kind(self, kind: Kind) -> list[Entity]:
        """All versions of a kind, by path."""
        return self._kinds.get(str(kind), [])

    def versions(self, kind: Kind, entity_id: str) -> list[Entity]:
        """All versions of a name, lowest first."""
        return self._versions.get((str(kind), entity_id), [])

    def shown(self, kind: Kind, entity_id: str) -> Entity | None:
        """The version in force, or else the newest."""
        found = self.versions(kind, entity_id)
        return next((e for e in found if e["in_force"]), found[-1] if found else None)

    def names(self, kind: Kind) -> list[Entity]:
        """For each name of a kind the version to show, by id."""
        return self._shown.get(str(kind), [])

    @cached_property
    def _shown(self) -> dict[str, list[Entity]]:
        found: dict[str, list[Entity]] = defaultdict(list)
        for kind, entity_id in sorted(self._versions):
            shown = self.shown(Kind(kind), entity_id)
            found[kind] += [] if shown is None else [shown]
        return found

    def cubes(self, *, models: bool) -> list[Entity]:
        """The models, or all other cubes: of each name the version to show."""
        return [c for c in self.names(Kind.CUBE) if (c["document"]["type"] == "model") is models]

    def in_force(self, kind: Kind) -> list[Entity]:
        """The versions of a kind that count now."""
        return [e for e in self.kind(kind) if e["in_force"]]

    def pinned(self, pin: Mapping[str, Any]) -> Entity | None:
        """The file that a pin names, if it stands here with these bytes."""
        found = self.by_path.get(pin["path"])
        return found if found is not None and found["sha256"] == pin["sha256"] else None

    def results_of(self, place: Place, entity_id: str) -> list[Entity]:
        """All versions of the results of a benchmark, a model or a dataset."""
        return self._results.get((place, entity_id), [])

    @cached_property
    def _results(self) -> dict[tuple[str, str], list[Entity]]:
        found: dict[tuple[str, str], list[Entity]] = defaultdict(list)
        for entity in self.kind(Kind.RESULT):
            for place, entity_id in zip(("benchmark", "model", "dataset"), result_ids(entity), strict=True):
                found[place, entity_id].append(entity)
        return dict(found)

    def associations_of(self, place: Place, entity_id: str) -> list[Entity]:
        """All versions of the associations of a benchmark, a model or a dataset."""
        return self._associations.get((place, entity_id), [])

    @cached_property
    def _associations(self) -> dict[tuple[str, str], list[Entity]]:
        found: dict[tuple[str, str], list[Entity]] = defaultdict(list)
        for entity in self.kind(Kind.ASSOCIATION):
            benchmark, place, subject = association_ids(entity)
            found["benchmark", benchmark].append(entity)
            found[place, subject].append(entity)
        return dict(found)

    def association(self, benchmark: str, place: Place, subject: str) -> Entity | None:
        """By what a model or dataset takes part, or last asked to; None if it never asked."""
        return self.shown(Kind.ASSOCIATION, f"{benchmark}/{place}s/{subject}")

    def signed_by(self, kind: Kind, member: str) -> list[Entity]:
        """All versions of a kind that a member answers for."""
        return self._signed.get((str(kind), member), [])

    @cached_property
    def _signed(self) -> dict[tuple[str, str], list[Entity]]:
        found: dict[tuple[str, str], list[Entity]] = defaultdict(list)
        for entity in self.entities:
            found[entity["kind"], entity["signer"] or ""].append(entity)
        return dict(found)

    def recorded_for(self, member: str) -> list[Entity]:
        """The approvals of a member that were recorded from a forge."""
        return [e for e in self.kind(Kind.RECORDED) if parse_path(e["path"]).parts[-1] == member]

    def about_benchmark(self, benchmark: str) -> list[Entity]:
        """The benchmark's versions, associations and results."""
        own = self.versions(Kind.BENCHMARK, benchmark)
        return [
            *own,
            *self.associations_of("benchmark", benchmark),
            *self.results_of("benchmark", benchmark),
        ]

    @cached_property
    def pending(self) -> list[Entity]:
        """What waits for decisions, newest first."""
        return newest_first(e for e in self.entities if e["standing"] == "pending")

    def board(self, benchmark: str) -> Board | None:
        """The board of a benchmark; None where no version is in force."""
        if benchmark not in self._boards:
            versions = self.versions(Kind.BENCHMARK, benchmark)
            facts = self.about_benchmark(benchmark)
            counts = any(e["in_force"] for e in versions)
            self._boards[benchmark] = board(facts, benchmark) if counts else None
        return self._boards[benchmark]


def newest_first(entities: Iterable[Entity]) -> list[Entity]:
    """In the order in which they entered, the last one first."""
    return sorted(entities, key=lambda e: -int(e["position"]))


def result_ids(entity: Entity) -> tuple[str, str, str]:
    """The ids of a result's benchmark, model and dataset, from its path."""
    parts = parse_path(entity["path"]).parts
    return "/".join(parts[:2]), "/".join(parts[2:4]), "/".join(parts[4:])


def association_ids(entity: Entity) -> tuple[str, Place, str]:
    """The ids of an association's benchmark and subject, and what the subject is, from its path."""
    parts = parse_path(entity["path"]).parts
    place: Place = "dataset" if parts[2] == "datasets" else "model"
    return "/".join(parts[:2]), place, "/".join(parts[3:])


def _see(entity: Entity) -> None:
    """That a path is one of a registry, says what the entity is, and that the bytes have the digest."""
    try:
        path = parse_path(entity["path"])
        signatures = [parse_signature_path(text).entity for text in entity["signatures"]]
        decided = [parse_path(d["path"]).subject for d in entity["decisions"]]
    except PathError as error:
        raise DocumentError(f"a path of the snapshot is not one of a registry: {error}", hint=_HINT) from None
    said = (str(path.kind), path.id, path.version, path.signer)
    if said != tuple(entity[name] for name in ("kind", "id", "version", "signer")):
        raise DocumentError(f"'{path}' is said to be something else than its path says", hint=_HINT)
    if {*signatures, *decided} - {path}:
        raise DocumentError(f"'{path}' has the signature of, or a decision about, another file", hint=_HINT)
    if hashlib.sha256(entity["yml"].encode()).hexdigest() != entity["sha256"]:
        raise DocumentError(f"'{path}' has other bytes than its digest says", hint=_HINT)
