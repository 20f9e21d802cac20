"""A change prepared for judging: its sound entities, and the registry before and after."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from medperf_cli.core.entities.decision import Decision, DecisionVerdict
from medperf_cli.core.entities.header import Entity
from medperf_cli.core.entities.parsing import SINCE, identify, sound, validate
from medperf_cli.core.entities.recorded import Recorded
from medperf_cli.core.entities.redaction import Redaction
from medperf_cli.core.entities.root import Root
from medperf_cli.core.lifecycle.reader import Name, Reader
from medperf_cli.core.lifecycle.standing import Lifecycle
from medperf_cli.core.names import VOTES, EntityPath, Kind, SignaturePath
from medperf_cli.core.snapshot import Change, Overlay
from medperf_cli.core.strict_yaml import load_strict
from medperf_cli.core.trust.verified import signing_key
from medperf_cli.errors import DocumentError

E = TypeVar("E", bound=Entity)
Vote = Decision | Recorded
ROOT_ONE = EntityPath(Kind.ROOT, "", 1)
_REACHING_FAR = frozenset({Kind.ROOT, Kind.REDACTION})
"""Kinds after which nothing computed before is relied on."""


@dataclass
class Submission:
    """What rules look at.

    `before` is the base alone; `after` is the base with the sound entities of the change. Unsound ones are in
    `faults` (by rule id), and no other rule sees them. `documents` holds the sound ones as plain data,
    `known` is the base's state where somebody has it.
    """

    change: Change
    known: Lifecycle | None = None
    entities: dict[EntityPath, Entity] = field(default_factory=dict)
    documents: dict[EntityPath, dict[str, Any]] = field(default_factory=dict)
    faults: dict[str, list[tuple[EntityPath, str]]] = field(default_factory=dict)
    _signing_keys: dict[SignaturePath, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for path in self.change.entities:
            self._examine(path, self.change.added[str(path)])

    @cached_property
    def before(self) -> Lifecycle:
        """The registry as it stood."""
        return self.known or Lifecycle(Reader(self.change.base))

    @cached_property
    def after(self) -> Lifecycle:
        """The registry as it would stand."""
        sound = {str(path): self.change.added[str(path)] for path in self.entities}
        overlay = Overlay(self.change.base, sound)
        if any(path.kind in _REACHING_FAR for path in self.entities):
            return Lifecycle(Reader(overlay, self.entities))
        return self.before.later(overlay, self.entities, frozenset(self.touched))

    @property
    def touched(self) -> Iterator[Name]:
        """The names that get new versions or decisions: how other names stand does not change."""
        for path, entity in self.entities.items():
            yield path.kind, path.id
            if isinstance(entity, Redaction):
                yield from {(gone.kind, gone.id) for gone in entity.digests}
            if path.kind in VOTES:
                yield path.subject.kind, path.subject.id

    @cached_property
    def genesis(self) -> bool:
        """Whether there is no registry yet."""
        return self.change.base.empty()

    @cached_property
    def root(self) -> Root | None:
        """The root in force in base; at genesis the new one, if it is sound."""
        if not self.genesis:
            return self.before.reader.root
        found = self.entities.get(ROOT_ONE)
        return found if isinstance(found, Root) else None

    @cached_property
    def format(self) -> int:
        """The format whose rules judge the change: that of the root in force in base.

        Genesis is judged as in format 1: no later kind may stand in it.
        """
        return 1 if self.genesis else self.before.reader.root.format

    def of(self, sort: type[E]) -> Iterator[tuple[EntityPath, E]]:
        """The sound entities of one kind that the change adds."""
        for path, entity in self.entities.items():
            if isinstance(entity, sort):
                yield path, entity

    def judged(self, sort: type[E]) -> Iterator[tuple[EntityPath, E]]:
        """What the change may make count: what it adds, and what stands in base and is approved by it.

        What waited for its approval is looked at again: meanwhile its references may have ended.
        """
        yield from self.of(sort)
        approved = {p.subject for p, vote in self.votes() if vote.verdict is DecisionVerdict.APPROVE}
        for path in sorted(approved - set(self.entities)):
            found = self.before.reader.typed(path, sort)
            if found is not None:
                yield path, found

    def votes(self) -> Iterator[tuple[EntityPath, Vote]]:
        """What the change says about files: decisions, and approvals recorded from a forge."""
        for path, entity in self.entities.items():
            if isinstance(entity, Decision | Recorded):
                yield path, entity

    def signing_key(self, signature: SignaturePath) -> str:
        """The public key text that made a signature of the change; its cryptography is done once.

        Whether that key may sign the file is for the rules to say.

        Raises:
            SignatureError: malformed, made for another kind or registry, or not over the file's bytes.

        """
        if signature not in self._signing_keys:
            payload, armor = (self.change.added[str(p)] for p in (signature.entity, signature))
            registry = "" if self.root is None else self.root.registry
            self._signing_keys[signature] = signing_key(signature.entity, payload, armor, registry)
        return self._signing_keys[signature]

    def armor(self, signature: str) -> bytes | None:
        """The bytes of a signature file of the change."""
        return self.change.added.get(signature)

    def _examine(self, path: EntityPath, data: bytes) -> None:
        known = SINCE.get(path.kind, 1) <= self.format
        found = sound(path, data) if known else None
        if found is not None:
            self.entities[path], self.documents[path] = found
            return
        rule = "DOC001"
        try:
            document = load_strict(data)
            rule = "DOC002"
            entity = validate(path.kind, document, self.format)
            rule = "DOC003"
            document = identify(path, entity, data)
        except DocumentError as error:
            self.faults.setdefault(rule, []).append((path, error.message))
        else:
            self.entities[path], self.documents[path] = entity, document
