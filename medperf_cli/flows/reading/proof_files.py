"""Stored files checked again: bytes against digests, signatures against keys, standing against the rules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from medperf_cli.adapters.store.index import Index
from medperf_cli.adapters.store.index_rows import Meta, Row
from medperf_cli.adapters.store.index_snapshot import IndexSnapshot
from medperf_cli.core.entities.fields import Pin
from medperf_cli.core.entities.header import Entity
from medperf_cli.core.entities.member import MemberKey, RevocationReason
from medperf_cli.core.entities.parsing import parse
from medperf_cli.core.lifecycle.reader import Reader, sha256
from medperf_cli.core.lifecycle.standing import Lifecycle, Standing
from medperf_cli.core.names import VOTES, EntityPath, Kind
from medperf_cli.core.ssh_keys import parse_public_key
from medperf_cli.core.trust.verified import signing_key
from medperf_cli.errors import DocumentError, IntegrityError, SignatureError

REPAIR = "run `medperf registry verify`: it compares the index with history, and makes it anew"


@dataclass(frozen=True)
class Link:
    """One statement of a chain, why it is known, the file that proves it, and what it rests on itself."""

    what: str
    why: str = ""
    path: str | None = None
    links: tuple[Link, ...] = ()

    def document(self) -> dict[str, Any]:
        """The link as plain data."""
        below = [link.document() for link in self.links]
        return {"what": self.what, "why": self.why or None, "path": self.path, "links": below}


class Files:
    """The files in an index, each checked when it is asked for; every method may raise IntegrityError."""

    def __init__(self, index: Index, meta: Meta) -> None:
        self.index, self.meta = index, meta
        self.snapshot = IndexSnapshot(index)
        self.state = Lifecycle(Reader(self.snapshot))

    def row(self, path: EntityPath) -> Row:
        """What the index says of a version (raises UnknownIdError)."""
        return self.index.stored(str(path)).row

    def data(self, path: EntityPath) -> bytes:
        """The stored bytes of a version."""
        found = self.snapshot.get(str(path))
        if found is None:
            raise IntegrityError(f"'{path}' is not in the index", hint=REPAIR)
        return found

    def entity(self, path: EntityPath) -> Entity:
        """A version, parsed from its bytes, which must be those that the index names and shows."""
        row, data = self.row(path), self.data(path)
        try:
            entity = parse(path, data)
        except DocumentError as error:
            raise IntegrityError(f"'{path}' is damaged: {error.message}", hint=REPAIR) from None
        if sha256(data) != row.sha256 or entity.document() != row.document:
            raise IntegrityError(f"'{path}' is not what the index says of it", hint=REPAIR)
        return entity

    def pinned(self, pin: Pin) -> EntityPath:
        """Where a pinned file stands, with exactly the pinned bytes."""
        if not self.state.reader.holds(pin):
            raise IntegrityError(f"'{pin.path}' is not the file that is pinned", hint=REPAIR)
        return pin.entity

    def standing(self, path: EntityPath) -> tuple[str, bool]:
        """How a version stands and whether it is in force, worked out from the files of the registry."""
        row = self.row(path)
        if path.kind is Kind.ROOT:
            found = (str(Standing.EFFECTIVE), path == self.state.reader.root_path)
        elif path.kind in VOTES:
            found = (str(Standing.EFFECTIVE), row.in_force)
        else:
            found = (str(self.state.standing(path)), self.state.in_force(path.kind, path.id) == path)
        if found != (row.standing, row.in_force):
            raise IntegrityError(f"'{path}' is {found[0]} by the files, and not in the index", hint=REPAIR)
        return found

    def signed_with(self, path: EntityPath) -> str:
        """The key that signed a version with its one signature, whoever's key it is."""
        armor = self.snapshot.get(f"{path.stem}.sig")
        if armor is None:
            raise IntegrityError(f"'{path}' has no signature in the index", hint=REPAIR)
        try:
            return signing_key(path, self.data(path), armor, self.meta.registry)
        except SignatureError as error:
            raise IntegrityError(f"'{path}': {error.message}", hint=REPAIR) from None

    def key(self, path: EntityPath) -> str:
        """The key of its member that signed a version; the member has it in a version that counted."""
        key, name = self.signed_with(path), path.signer or ""
        known = {held.key for _, held in self.held(name)}
        member = self.state.reader.member(path) if path.kind is Kind.MEMBER else None
        if member is not None:
            known |= {held.key for held in member.keys}
        if key not in known:
            shown = parse_public_key(key).fingerprint
            raise IntegrityError(f"'{path}' is signed by {shown}, no key of '{name}'", hint=REPAIR)
        return key

    def held(self, name: str) -> Iterator[tuple[EntityPath, MemberKey]]:
        """The keys of a member with the versions that counted and hold them, lowest first."""
        for version in self.state.reader.versions(Kind.MEMBER, name):
            member = self.state.reader.member(version)
            if member is not None and self.state.standing(version) is not Standing.PENDING:
                yield from ((version, key) for key in member.keys)

    def key_now(self, name: str, key: str) -> str:
        """Whether a member's key is valid today, in words."""
        newest = [held for _, held in self.held(name) if held.key == key][-1:]
        if not newest:
            return "never admitted"
        revoked = newest[0].revoked
        if revoked is None:
            return "valid now"
        doubt = ": doubt what it signed" if revoked.reason is RevocationReason.COMPROMISED else ""
        return f"revoked since {revoked.since[:10]} ({revoked.reason}){doubt}"
