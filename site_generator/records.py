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
        for entity in self.entities:
            _see(entity)
            if entity["path"] in self.by_path:
                raise DocumentError(f"'{entity['path']}' stands in the snapshot twice", hint=_HINT)
            self.by_path[entity["path"]] = entity
            self._versions[entity["kind"], entity["id"]].append(entity)
        for versions in self._versions.values():
            versions.sort(key=lambda e: int(e["version"]))

    def kind(self, kind: Kind) -> list[Entity]:
        """All versions of a kind, by path."""
        return [e for e in self.entities if e["kind"] == kind]

    def versions(self, kind: Kind, entity_id: str) -> list[Entity]:
        """All versions of a name, lowest first."""
        return self._versions.get((str(kind), entity_id), [])

    def shown(self, kind: Kind, entity_id: str) -> Entity | None:
        """The version in force, or else the newest."""
        found = self.versions(kind, entity_id)
        return next((e for e in found if e["in_force"]), found[-1] if found else None)

    def names(self, kind: Kind) -> list[Entity]:
        """For each name of a kind the version to show, by id."""
        ids = sorted({i for k, i in self._versions if k == kind})
        return [e for e in (self.shown(kind, i) for i in ids) if e is not None]

    def in_force(self, kind: Kind) -> list[Entity]:
        """The versions of a kind that count now."""
        return [e for e in self.kind(kind) if e["in_force"]]

    def results_of(self, place: Literal["benchmark", "model", "dataset"], entity_id: str) -> list[Entity]:
        """All versions of the results of a benchmark, a model or a dataset."""
        return self._results.get((place, entity_id), [])

    @cached_property
    def _results(self) -> dict[tuple[str, str], list[Entity]]:
        found: dict[tuple[str, str], list[Entity]] = defaultdict(list)
        for entity in self.kind(Kind.RESULT):
            for place, entity_id in zip(("benchmark", "model", "dataset"), result_ids(entity), strict=True):
                found[place, entity_id].append(entity)
        return dict(found)

    def associations_of(self, subject: str, folder: str) -> list[Entity]:
        """All versions of a dataset's or model's associations."""
        return [e for e in self.kind(Kind.ASSOCIATION) if e["id"].endswith(f"/{folder}/{subject}")]

    def about_benchmark(self, benchmark: str) -> list[Entity]:
        """The benchmark's versions, associations and results, newest first."""
        prefixes = (f"associations/{benchmark}/", f"results/{benchmark}/", f"benchmarks/{benchmark}/")
        found = [e for e in self.entities if e["path"].startswith(prefixes)]
        return newest_first(found)

    @cached_property
    def pending(self) -> list[Entity]:
        """What waits for decisions, newest first."""
        return newest_first(e for e in self.entities if e["standing"] == "pending")

    def board(self, benchmark: str) -> Board | None:
        """The board of a benchmark; None where no version is in force."""
        versions = self.versions(Kind.BENCHMARK, benchmark)
        return board(self.entities, benchmark) if any(e["in_force"] for e in versions) else None


def newest_first(entities: Iterable[Entity]) -> list[Entity]:
    """In the order in which they entered, the last one first."""
    return sorted(entities, key=lambda e: -int(e["position"]))


def result_ids(entity: Entity) -> tuple[str, str, str]:
    """The ids of a result's benchmark, model and dataset, from its path."""
    parts = parse_path(entity["path"]).parts
    return "/".join(parts[:2]), "/".join(parts[2:4]), "/".join(parts[4:])


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
