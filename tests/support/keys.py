"""Deterministic ed25519 keys for tests, with a signer of their own (it shares no code with the product's)."""

from __future__ import annotations

import base64
import hashlib
import struct
import textwrap
from dataclasses import dataclass
from typing import ClassVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from medperf_cli.core.sshsig import PublicKey, parse_public_key


def pack(*fields: bytes) -> bytes:
    """SSH strings, one after the other."""
    return b"".join(struct.pack(">I", len(field)) + field for field in fields)


def to_be_signed(payload: bytes, namespace: str, hash_name: str = "sha512") -> bytes:
    """What a key signs (PROTOCOL.sshsig section 2)."""
    digest = hashlib.new(hash_name, payload).digest()
    return b"SSHSIG" + pack(namespace.encode(), b"", hash_name.encode(), digest)


def armored(blob: bytes) -> bytes:
    """The armour of `ssh-keygen`."""
    lines = textwrap.wrap(base64.b64encode(blob).decode(), 70)
    return "\n".join(["-----BEGIN SSH SIGNATURE-----", *lines, "-----END SSH SIGNATURE-----", ""]).encode()


def envelope(key_blob: bytes, namespace: str, inner: bytes, hash_name: str = "sha512") -> bytes:
    """A whole signature file around a key's own signature."""
    fields = pack(key_blob, namespace.encode(), b"", hash_name.encode(), inner)
    return armored(b"SSHSIG" + struct.pack(">I", 1) + fields)


@dataclass(frozen=True)
class TestKey:
    """A member's key; Ed25519 signatures are deterministic, so golden files stay as they are."""

    __test__: ClassVar[bool] = False  # not a class of tests

    private: Ed25519PrivateKey

    @property
    def blob(self) -> bytes:
        return pack(b"ssh-ed25519", self.private.public_key().public_bytes_raw())

    @property
    def public_text(self) -> str:
        return f"ssh-ed25519 {base64.b64encode(self.blob).decode()}"

    @property
    def public_key(self) -> PublicKey:
        return parse_public_key(self.public_text)

    def sign(self, payload: bytes, namespace: str) -> bytes:
        signature = self.private.sign(to_be_signed(payload, namespace))
        return envelope(self.blob, namespace, pack(b"ssh-ed25519", signature))


def member_key(name: str) -> TestKey:
    """The key of a member of the tests' world; another name, such as `mgh-2`, is another key."""
    return TestKey(Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest()))
