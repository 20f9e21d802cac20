"""A registry in memory with members who sign: the builder that rule cases and stories are told with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from medperf_cli.core.check.engine import check
from medperf_cli.core.check.findings import Report, Verdict
from medperf_cli.core.entities.fields import Pin
from medperf_cli.core.entities.parsing import emit_entity, validate
from medperf_cli.core.lifecycle.reader import Reader, sha256
from medperf_cli.core.lifecycle.standing import Lifecycle
from medperf_cli.core.names import GITATTRIBUTES, GITATTRIBUTES_BYTES, EntityPath, Kind, signature_path
from medperf_cli.core.snapshot import Change, MemorySnapshot
from tests.support.git_tree import tree_id
from tests.support.keys import TestKey, member_key

REGISTRY = "0123456789abcdef0123456789abcdef"


@dataclass
class World:
    """The registry's files, and the ids of every tree it ever had, newest first."""

    files: dict[str, bytes] = field(default_factory=dict)
    trees: list[str] = field(default_factory=list)
    registry: str = REGISTRY

    @property
    def base(self) -> MemorySnapshot:
        return MemorySnapshot(dict(self.files), tuple(self.trees))

    @property
    def state(self) -> Lifecycle:
        return Lifecycle(Reader(self.base))

    def pin(self, path: str, added: Mapping[str, bytes] | None = None) -> dict[str, str]:
        """A pin of a file in the registry or among `added`."""
        data = {**self.files, **(added or {})}[path]
        return {"path": path, "sha256": sha256(data)}

    def pin_of(self, path: str) -> Pin:
        return Pin(**self.pin(path))

    def document(self, kind: Kind, entity_id: str, version: int, **fields: Any) -> dict[str, Any]:
        """An entity's fields with its header filled in; None leaves a header field out."""
        path = EntityPath(kind, entity_id, version)
        header: dict[str, Any] = {"schema": f"{kind}/1", "registry": self.registry, "id": entity_id or None}
        header["version"] = version
        header["previous"] = self._previous(path)
        header["seen"] = self.trees[0] if self.trees else None
        return {k: v for k, v in {**header, **fields}.items() if v is not None}

    def _previous(self, path: EntityPath) -> str | None:
        if path.version == 1:
            return None
        if path.kind in (Kind.DECISION, Kind.RECORDED):
            return sha256(self.files[str(path.at(path.version - 1))])
        found = self.state.in_force(path.kind, path.id) or path.at(path.version - 1)
        return self.state.reader.known_digest(found)

    def write(
        self, kind: Kind, entity_id: str, version: int = 1, *, key: TestKey | None = None, **fields: Any
    ) -> dict[str, bytes]:
        """An entity and its signature as the files of a change, signed by whom the path names."""
        path = EntityPath(kind, entity_id, version)
        data = emit_entity(validate(kind, self.document(kind, entity_id, version, **fields)))
        return self.signed(path, data, key or member_key(path.signer or ""))

    def signed(self, path: EntityPath, data: bytes, key: TestKey) -> dict[str, bytes]:
        armor = key.sign(data, path.namespace(self.registry))
        return {str(path): data, str(signature_path(path)): armor}

    def decide(
        self,
        member: str,
        subject: str,
        /,
        verdict: str = "approve",
        *,
        authority: str | None = "root/1.yml",
        added: Mapping[str, bytes] | None = None,
        version: int = 1,
        key: TestKey | None = None,
        **fields: Any,
    ) -> dict[str, bytes]:
        """A decision file about `subject` (a path in the registry or among `added`)."""
        entity_id = f"{subject.removesuffix('.yml')}/{member}"
        given: dict[str, Any] = {
            "subject": self.pin(subject, added),
            "verdict": verdict,
            "reason": "looked at it",
            "authority": None if authority is None else self.pin(authority, added),
        }
        return self.write(Kind.DECISION, entity_id, version, key=key, **{**given, **fields})

    def record(
        self,
        member: str,
        subject: str,
        /,
        *,
        authority: str,
        added: Mapping[str, bytes] | None = None,
        version: int = 1,
        key: TestKey | None = None,
        **fields: Any,
    ) -> dict[str, bytes]:
        """What the merge bot writes when a member approves in the forge's page; signed by `recorder`."""
        given: dict[str, Any] = {
            "subject": self.pin(subject, added),
            "verdict": "approve",
            "authority": self.pin(authority, added),
            "forge": "forge.example",
            "repository": "consortium/registry",
            "request": 12,
            "login": f"{member}-at-forge",
            "number": login_number(member),
            "commit": "c" * 40,
            "how": "review",
        }
        entity_id = f"{subject.removesuffix('.yml')}/{member}"
        signer = key or member_key("recorder")
        return self.write(Kind.RECORDED, entity_id, version, key=signer, **{**given, **fields})

    def change(self, *parts: Mapping[str, bytes]) -> Change:
        return Change(self.base, {p: d for part in parts for p, d in part.items()})

    def check(self, *parts: Mapping[str, bytes]) -> Report:
        return check(self.change(*parts))

    def merge(self, *parts: Mapping[str, bytes], expect: Verdict | None = Verdict.AUTO) -> Report:
        """Judge and merge; a REJECT is never merged."""
        report = self.check(*parts)
        assert expect is None or report.verdict is expect, report.findings
        assert report.verdict is not Verdict.REJECT, report.findings
        self.force(*parts)
        return report

    def force(self, *parts: Mapping[str, bytes]) -> None:
        """Merge unseen, as somebody with write access might."""
        for part in parts:
            self.files.update(part)
        self.trees.insert(0, tree_id(self.files))


def genesis(admins: tuple[str, ...] = ("ada",), threshold: int = 1, **fields: Any) -> dict[str, bytes]:
    """The first commit: attributes, root 1 and its admins."""
    world = World()
    root = {
        "title": "Consortium of the tests",
        "format": 1,
        "minimum_tool": "0.1.0",
        "admins": {
            "threshold": threshold,
            "members": [{"member": a, "key": member_key(a).public_text} for a in admins],
        },
        "limits": {},
        "expires": "2031-01-01T00:00:00Z",
    }
    path = EntityPath(Kind.ROOT, "", 1)
    data = emit_entity(validate(Kind.ROOT, world.document(Kind.ROOT, "", 1, **{**root, **fields})))
    added = {GITATTRIBUTES: GITATTRIBUTES_BYTES, str(path): data}
    for admin in admins:
        armor = member_key(admin).sign(data, path.namespace(world.registry))
        added[str(signature_path(path, admin))] = armor
        added |= member_file(world, admin)
    return added


def login_number(member: str) -> int:
    """The numeric id that the tests' forge gave a member."""
    return sum(member.encode())


def login(member: str) -> dict[str, Any]:
    """A member's account on the tests' forge, as its member file has it."""
    return {"forge": "forge.example", "login": f"{member}-at-forge", "number": login_number(member)}


def member_file(world: World, name: str, **fields: Any) -> dict[str, bytes]:
    """Version 1 of a member with one key."""
    given: dict[str, Any] = {
        "name": name.title(),
        "type": "organisation",
        "contact": f"registry@{name}.example",
        "keys": [{"key": member_key(name).public_text, "label": "first key"}],
    }
    return world.write(Kind.MEMBER, name, **{**given, **fields})
