"""Where made-up members write and sign: keys by name, pins of what was written, one request at a time."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import random
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from registry_text import Pin, decision, hexed

_FOLDERS = {
    "root": "root",
    "member": "members",
    "cube": "cubes",
    "benchmark": "benchmarks",
    "dataset": "datasets",
    "association": "associations",
    "result": "results",
    "decision": "decisions",
}
_COLUMNS = 70


def _packed(*fields: bytes) -> bytes:
    return b"".join(struct.pack(">I", len(part)) + part for part in fields)


class Key:
    """An Ed25519 key that follows from a word."""

    def __init__(self, word: str) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(word.encode()).digest())
        self._blob = _packed(b"ssh-ed25519", self._private.public_key().public_bytes_raw())
        self.text = f"ssh-ed25519 {base64.b64encode(self._blob).decode()}"

    def sign(self, payload: bytes, namespace: str) -> bytes:
        """A signature file as `ssh-keygen -Y sign` writes it."""
        space = namespace.encode()
        signed = b"SSHSIG" + _packed(space, b"", b"sha512", hashlib.sha512(payload).digest())
        inner = _packed(b"ssh-ed25519", self._private.sign(signed))
        blob = b"SSHSIG" + struct.pack(">I", 1) + _packed(self._blob, space, b"", b"sha512", inner)
        text = base64.b64encode(blob)
        lines = [text[at : at + _COLUMNS] for at in range(0, len(text), _COLUMNS)]
        return b"\n".join([b"-----BEGIN SSH SIGNATURE-----", *lines, b"-----END SSH SIGNATURE-----", b""])


@dataclass(frozen=True)
class Unit:
    """One request: what writes its files, how many entities they are, and the decisions it waits for."""

    write: Callable[[], None]
    entities: int = 1
    subject: str = ""
    voters: tuple[str, ...] = ()
    authority: str = "root/1.yml"
    title: str = "a request"

    @property
    def size(self) -> int:
        """Entities in all, decisions included."""
        return self.entities + len(self.voters)


@dataclass
class Desk:
    """What was written so far, and the files of the request that is being written."""

    seed: str
    chance: random.Random
    registry: str
    clock: int
    """Seconds since 1970."""
    seen: str = ""
    """Tree id that whoever signs now has verified."""
    files: dict[str, bytes] = field(default_factory=dict)
    pins: dict[str, Pin] = field(default_factory=dict)
    keys: dict[str, Key] = field(default_factory=dict)
    count: dict[str, int] = field(default_factory=dict)
    """Entities by kind."""

    def key(self, member: str) -> Key:
        """The key with which a member signs now."""
        if member not in self.keys:
            self.keys[member] = Key(f"{self.seed}/{member}")
        return self.keys[member]

    def next_key(self, member: str) -> Key:
        """Another key of that member, which signs nothing yet."""
        return Key(f"{self.seed}/{member}/2")

    def digits(self) -> str:
        """A SHA-256 of nothing in particular."""
        return self.chance.randbytes(32).hex()

    @property
    def now(self) -> str:
        """The time as entities have it."""
        return dt.datetime.fromtimestamp(self.clock, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def pin(self, path: str) -> Pin:
        """A file written before."""
        return self.pins[path]

    def write(self, kind: str, entity: str, version: int, body: str, signers: Iterable[str]) -> str:
        """Write and sign one version (of a root: by each signer); returns its path below `registry/`."""
        folder = f"{_FOLDERS[kind]}/{entity}/" if entity else f"{_FOLDERS[kind]}/"
        path = f"{folder}{version}.yml"
        lines = [f"schema: {kind}/1\nregistry: {hexed(self.registry)}\n"]
        lines += [f"id: {entity}\n"] if entity else []
        lines += [f"version: {version}\n"]
        if version > 1:
            lines.append(f"previous: {hexed(self.pins[f'{folder}{version - 1}.yml'].sha256)}\n")
        lines += [f"seen: {hexed(self.seen)}\n"] if self.seen else []
        data = ("".join(lines) + body).encode()
        self.files[path] = data
        for signer in signers:
            beside = f"{version}.{signer}.sig" if kind == "root" else f"{version}.sig"
            self.files[folder + beside] = self.key(signer).sign(data, f"{kind}.v1@{self.registry}")
        self.pins[path] = Pin(path, hashlib.sha256(data).hexdigest())
        self.count[kind] = self.count.get(kind, 0) + 1
        return path

    def decide(
        self, member: str, subject: str, verdict: str, authority: str, reason: str = "complete and in scope"
    ) -> None:
        """A member's next decision about a file; `authority` is '' where no role is claimed."""
        under = self.pin(authority) if authority else None
        body = decision(self.pin(subject), verdict, reason, under)
        entity = f"{subject.removesuffix('.yml')}/{member}"
        version = 2 if f"decisions/{entity}/1.yml" in self.pins else 1
        self.write("decision", entity, version, body, [member])
