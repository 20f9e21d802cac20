"""What `fuzz_sshsig.py` asks both sides about: a case, a signature in its parts, and common damage."""

from __future__ import annotations

import hashlib
import random
import struct
from dataclasses import dataclass, field, replace
from functools import cache

from benchmarks.fuzz_sshsig_keys import SigningKey, keys
from medperf_cli.flows.reading.allowed_signers import signers_line
from tests.support.keys import pack

REGISTRY = "0123456789abcdef0123456789abcdef"
KINDS = ("member", "cube", "result", "decision")
NAMESPACE = f"result.v1@{REGISTRY}"
PAYLOAD = b"schema: result/1\nversion: 1\n"
ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493


@dataclass(frozen=True)
class Case:
    """Everything both sides are asked about."""

    payload: bytes
    armor: bytes
    signers: bytes
    namespace: str = NAMESPACE
    principal: str = "mgh"


@dataclass
class Wire:
    """A signature in its parts (PROTOCOL.sshsig)."""

    key: bytes
    inner: bytes
    namespace: bytes = NAMESPACE.encode()
    reserved: bytes = b""
    hash: bytes = b"sha512"
    version: int = 1
    preamble: bytes = b"SSHSIG"
    tail: bytes = b""
    more: list[bytes] = field(default_factory=list)

    def blob(self) -> bytes:
        """The bytes inside the armour."""
        fields = pack(self.key, self.namespace, self.reserved, self.hash, self.inner, *self.more)
        return self.preamble + struct.pack(">I", self.version) + fields + self.tail


def line(key: SigningKey) -> bytes:
    """The line that we export for a key."""
    return signers_line("mgh", key.text, KINDS, REGISTRY).encode()


def signed(
    key: SigningKey, wire: Wire, *, algorithm: bytes = b"", flags: int = 1, payload: bytes = PAYLOAD
) -> Wire:
    """Sign what the wire's own fields say, with any algorithm and flags."""
    name = wire.hash.decode("latin-1").lower().rstrip("\0")
    digest = hashlib.new(name if name in hashlib.algorithms_guaranteed else "sha512", payload)
    told = digest.digest() if digest.digest_size else b""
    message = b"SSHSIG" + pack(wire.namespace, wire.reserved, wire.hash, told)
    return replace(wire, inner=key.sign(message, algorithm or key.algorithm, flags))


@cache
def good(name: str, hash_name: bytes) -> Wire:
    """A good signature of a key."""
    key = keys()[name]
    return signed(key, Wire(key.blob, b"", hash=hash_name))


def damaged(data: bytes, rng: random.Random) -> bytes:
    """One bit, byte or stretch of bytes changed."""
    at = rng.randrange(len(data) + 1)
    match rng.randrange(6):
        case 0 if at < len(data):
            return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]
        case 1:
            return data[:at] + bytes([rng.choice((0, 1, 0x7F, 0x80, 0xFF))]) + data[at + 1 :]
        case 2:
            return data[:at] + data[at + rng.choice((1, 4, 32)) :]
        case 3:
            return data[:at] + rng.choice((b"\0", b"\0" * 4, b"\xff", b"\x01")) + data[at:]
        case 4:
            return rng.choice((b"", data + b"\0", b"\0" + data, data[:-1], data[1:], data + data))
    return data[:at] + rng.randbytes(1) + data[at + 1 :]


def split(blob: bytes) -> list[bytes]:
    """Read SSH strings up to the end (raises ValueError)."""
    found = []
    while blob:
        size = int.from_bytes(blob[:4])
        if len(blob) < 4 + size:
            raise ValueError
        found.append(blob[4 : 4 + size])
        blob = blob[4 + size :]
    return found


def respelled(blob: bytes, rng: random.Random) -> bytes:
    """The same key, or nearly, in other bytes."""
    fields = split(blob)
    at = rng.randrange(1, len(fields))
    if fields[0].startswith(b"ecdsa") and rng.random() < 0.5:  # noqa: PLR2004 - a share
        point, half = fields[2], len(fields[2]) // 2 + 1
        fields[2] = bytes([2 + (point[-1] & 1)]) + point[1:half]
    else:
        fields[at] = rng.choice((b"\0" + fields[at], fields[at].lstrip(b"\0"), fields[at] + b"\0"))
    return pack(*fields, *rng.choice(((), (), (b"",))))
