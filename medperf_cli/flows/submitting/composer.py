"""Writing entities: header, version and signature filled in; bytes signed before are used again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medperf_cli.adapters.files import write_atomic
from medperf_cli.adapters.keys.base import Signer
from medperf_cli.core.entities.fields import Pin
from medperf_cli.core.entities.header import Entity
from medperf_cli.core.entities.parsing import emit_entity, parse, validate
from medperf_cli.core.lifecycle.reader import Reader
from medperf_cli.core.lifecycle.standing import Lifecycle
from medperf_cli.core.names import EntityPath, Kind, PathError, entity_path, parse_path, signature_path
from medperf_cli.core.snapshot import Change, Overlay, Snapshot
from medperf_cli.core.trust.verified import signing_key
from medperf_cli.errors import MedperfError, UsageError

_HEADER = frozenset({"schema", "registry", "id", "version", "previous", "seen"})


class Composer:
    """Collects the files of one request on top of a verified snapshot.

    Args:
        snapshot: the registry at the verified commit.
        tree: the git tree id of `registry/` there: what the signer has seen.
        outbox: where signed files are kept until they stand in main.

    """

    def __init__(self, snapshot: Snapshot, tree: str, outbox: Path) -> None:
        self.snapshot = snapshot
        self.tree = tree
        self.outbox = outbox
        self.files: dict[str, bytes] = {}
        self.state = Lifecycle(Reader(snapshot))

    @property
    def after(self) -> Lifecycle:
        """The registry as it would stand with the files collected so far."""
        return Lifecycle(Reader(Overlay(self.snapshot, self.files)))

    @property
    def change(self) -> Change:
        """The files as a change to the snapshot."""
        return Change(self.snapshot, dict(self.files))

    @property
    def paths(self) -> tuple[str, ...]:
        """The entity files of the request, sorted."""
        return tuple(path for path in sorted(self.files) if path.endswith(".yml"))

    def pin(self, path: EntityPath) -> Pin:
        """Pin a file of the registry or of this request."""
        return self.after.reader.pin(path)

    def add(self, kind: Kind, entity_id: str, fields: Mapping[str, Any]) -> EntityPath:
        """Write the next version of an entity, or give the newest where it says the same and was not ended.

        Args:
            kind: its kind.
            entity_id: what stands between folder and version.
            fields: everything but the header, as plain values.

        Raises:
            UsageError: the id is not one.
            DocumentError: a field is missing or wrong, by name.

        """
        try:
            path = entity_path(kind, entity_id, 1)
        except PathError as error:
            raise UsageError(str(error)) from None
        taken = self.after.reader.taken(kind, entity_id)
        path = path.at(len(taken) + 1)
        entity = validate(kind, self._document(path, fields))
        if taken and self._says_the_same(taken[-1], entity):
            return taken[-1]
        self.files[str(path)] = self._signed_before(path, entity) or emit_entity(entity)
        return path

    def sign(self, signer: Signer, who: str) -> None:
        """Sign as member `who` what is not signed yet, and keep it in the outbox."""
        registry = self.state.reader.first_root.registry
        for text in self.paths:
            path = parse_path(text)
            armor = str(signature_path(path, who))
            kept = self.outbox / armor
            if armor not in self.files and kept.exists():
                self.files[armor] = kept.read_bytes()
            if not _is_by(signer, path, registry, self.files[text], self.files.get(armor, b"")):
                self.files[armor] = signer.sign(self.files[text], path.namespace(registry))
            write_atomic(self.outbox / text, self.files[text], parents=True)
            write_atomic(kept, self.files[armor], parents=True)

    def _document(self, path: EntityPath, fields: Mapping[str, Any]) -> dict[str, Any]:
        header: dict[str, Any] = {
            "schema": f"{path.kind}/1",
            "registry": self.state.reader.first_root.registry,
            "id": path.id or None,
            "version": path.version,
            "previous": self._previous(path),
            "seen": self.tree,
        }
        return {k: v for k, v in {**header, **fields}.items() if v is not None}

    def _says_the_same(self, path: EntityPath, entity: Entity) -> bool:
        there = self.after.reader.entity(path)
        if there is None or self.after.standing(path).ended:
            return False
        return content(there) == content(entity)

    def _previous(self, path: EntityPath) -> str | None:
        if path.version == 1:
            return None
        last = path.at(path.version - 1)
        found = None if path.kind is Kind.DECISION else self.state.expected_previous(path)
        return self.after.reader.known_digest(found or last)

    def _signed_before(self, path: EntityPath, entity: Entity) -> bytes | None:
        """What the outbox holds for this path, if it says the same and was signed not long ago."""
        try:
            data = (self.outbox / str(path)).read_bytes()
            old = parse(path, data)
        except (OSError, MedperfError):
            return None
        age = None if old.seen is None else self.snapshot.age(old.seen)
        limit = self.state.reader.root.limits.seen_commits
        same = {**old.document(), "seen": None} == {**entity.document(), "seen": None}
        return data if same and age is not None and age < limit // 2 else None


def content(entity: Entity) -> dict[str, Any]:
    """What an entity says, without its header."""
    return {k: v for k, v in entity.document().items() if k not in _HEADER}


def _is_by(signer: Signer, path: EntityPath, registry: str, payload: bytes, armor: bytes) -> bool:
    try:
        key = signing_key(path, payload, armor, registry)
    except MedperfError:
        return False
    return key == signer.public_key.text
