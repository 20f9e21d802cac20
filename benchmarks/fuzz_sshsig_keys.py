"""Keys that sign for `fuzz_sshsig.py`: made from fixed numbers, so that mutants are the same at each run."""

from __future__ import annotations

import base64
import hashlib
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from tests.support.keys import pack

SK_ED25519 = b"sk-ssh-ed25519@openssh.com"
SK_ECDSA = b"sk-ecdsa-sha2-nistp256@openssh.com"
CURVES: dict[int, tuple[ec.EllipticCurve, hashes.HashAlgorithm]] = {
    256: (ec.SECP256R1(), hashes.SHA256()),
    384: (ec.SECP384R1(), hashes.SHA384()),
    521: (ec.SECP521R1(), hashes.SHA512()),
}
RSA_HASHES: dict[bytes, hashes.HashAlgorithm] = {
    b"ssh-rsa": hashes.SHA1(),  # noqa: S303 - that it is refused is under test
    b"rsa-sha2-256": hashes.SHA256(),
    b"rsa-sha2-512": hashes.SHA512(),
}
_OFFSETS = {"2048 p": 1546, "2048 q": 116, "3072 p": 764, "3072 q": 348, "4096 p": 6538, "4096 q": 2740}
"""How far a prime lies beyond a number made from its name: finding it takes seconds, knowing it none."""


@dataclass(frozen=True)
class SigningKey:
    """One key: its type, its public blob, and how it signs with an algorithm (and flags, for a token)."""

    type: bytes
    blob: bytes
    sign: Callable[[bytes, bytes, int], bytes]
    """Message, algorithm, flags; gives the inner signature blob."""

    @property
    def text(self) -> str:
        """As in a registry file."""
        return f"{self.type.decode()} {base64.b64encode(self.blob).decode()}"

    @property
    def algorithm(self) -> bytes:
        """What `ssh-keygen` signs with."""
        return b"rsa-sha2-512" if self.type == b"ssh-rsa" else self.type


def mpint(value: int) -> bytes:
    """The content of an mpint."""
    return value.to_bytes(value.bit_length() // 8 + 1)


def _secret(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()


def ed25519(name: str = "one") -> SigningKey:
    """A plain ed25519 key."""
    private = Ed25519PrivateKey.from_private_bytes(_secret(name))
    blob = pack(b"ssh-ed25519", private.public_key().public_bytes_raw())
    return SigningKey(b"ssh-ed25519", blob, lambda data, algorithm, _: pack(algorithm, private.sign(data)))


def _touched(application: bytes, data: bytes, flags: int) -> tuple[bytes, bytes]:
    """What a security key signs (PROTOCOL.u2f), and what it says beside its signature."""
    report = bytes([flags]) + struct.pack(">I", 42)
    return hashlib.sha256(application).digest() + report + hashlib.sha256(data).digest(), report


def sk_ed25519(application: bytes = b"ssh:") -> SigningKey:
    """A security key with ed25519, in software."""
    private = Ed25519PrivateKey.from_private_bytes(_secret("token"))

    def sign(data: bytes, algorithm: bytes, flags: int) -> bytes:
        message, report = _touched(application, data, flags)
        return pack(algorithm, private.sign(message)) + report

    blob = pack(SK_ED25519, private.public_key().public_bytes_raw(), application)
    return SigningKey(SK_ED25519, blob, sign)


def sk_ecdsa() -> SigningKey:
    """A security key with ECDSA, in software; we accept none."""
    plain, private = ecdsa(256), _ec_private(256)

    def sign(data: bytes, algorithm: bytes, flags: int) -> bytes:
        message, report = _touched(b"ssh:", data, flags)
        return pack(algorithm, _ec_sign(private, message, hashes.SHA256())) + report

    point = plain.blob[-65:]
    return SigningKey(SK_ECDSA, pack(SK_ECDSA, b"nistp256", point, b"ssh:"), sign)


def _ec_private(bits: int) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(_secret(f"ecdsa {bits}")), CURVES[bits][0])


def _ec_sign(private: ec.EllipticCurvePrivateKey, data: bytes, hash_: hashes.HashAlgorithm) -> bytes:
    signature = private.sign(data, ec.ECDSA(hash_, deterministic_signing=True))
    return pack(*(mpint(number) for number in decode_dss_signature(signature)))


def ecdsa(bits: int) -> SigningKey:
    """A key on one of the three curves."""
    private = _ec_private(bits)
    numbers, size = private.public_key().public_numbers(), (bits + 7) // 8
    point = b"\x04" + numbers.x.to_bytes(size) + numbers.y.to_bytes(size)
    type_ = f"ecdsa-sha2-nistp{bits}".encode()
    return SigningKey(
        type_,
        pack(type_, f"nistp{bits}".encode(), point),
        lambda data, algorithm, _: pack(algorithm, _ec_sign(private, data, CURVES[bits][1])),
    )


def prime(name: str) -> int:
    """The prime of half the bits that `name` starts with."""
    bits = int(name.partition(" ")[0]) // 2
    start = int.from_bytes(hashlib.shake_256(name.encode()).digest(bits // 8)) | 3 << bits - 2 | 1
    return start + _OFFSETS[name]


def rsa_key(bits: int) -> SigningKey:
    """An RSA key of so many bits; the library checks that it is one."""
    p, q, e = prime(f"{bits} p"), prime(f"{bits} q"), 65537
    d = pow(e, -1, (p - 1) * (q - 1))
    crt = rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q)
    private = rsa.RSAPrivateNumbers(p, q, d, *crt, rsa.RSAPublicNumbers(e, p * q)).private_key()

    def sign(data: bytes, algorithm: bytes, _: int) -> bytes:
        hash_ = RSA_HASHES.get(algorithm, RSA_HASHES[b"rsa-sha2-512"])
        return pack(algorithm, private.sign(data, padding.PKCS1v15(), hash_))

    return SigningKey(b"ssh-rsa", pack(b"ssh-rsa", mpint(e), mpint(p * q)), sign)


@cache
def keys() -> dict[str, SigningKey]:
    """Every kind of key that members use, and some that we refuse."""
    return {
        "ed25519": ed25519(),
        "ed25519 of another": ed25519("two"),
        "ecdsa-256": ecdsa(256),
        "ecdsa-384": ecdsa(384),
        "ecdsa-521": ecdsa(521),
        "rsa-3072": rsa_key(3072),
        "rsa-4096": rsa_key(4096),
        "sk-ed25519": sk_ed25519(),
        "rsa-2048": rsa_key(2048),
        "sk-ecdsa": sk_ecdsa(),
        "sk of another application": sk_ed25519(b"ssh:elsewhere"),
        "sk of no application": sk_ed25519(b"https://example.org"),
    }
