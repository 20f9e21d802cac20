"""OpenSSH public keys: their wire format (RFC 4253, 5656, 8709, PROTOCOL.u2f) and which of them we accept."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import cached_property, lru_cache

from medperf_cli.core.ssh_wire import Reader, positive, shown
from medperf_cli.errors import SignatureError

ED25519 = "ssh-ed25519"
SK_ED25519 = "sk-ssh-ed25519@openssh.com"
RSA = "ssh-rsa"
CURVES = {
    "ecdsa-sha2-nistp256": (b"nistp256", 32),
    "ecdsa-sha2-nistp384": (b"nistp384", 48),
    "ecdsa-sha2-nistp521": (b"nistp521", 66),
}
"""ECDSA's key types: the curve's name inside the key, and bytes of one coordinate."""

_FIELDS = {ED25519: 1, SK_ED25519: 2, RSA: 2} | dict.fromkeys(CURVES, 2)
_MAX_TEXT = 8192
_RSA_BITS = range(3072, 16384 + 1)
_RSA_EXPONENTS = range(3, 2**32, 2)
_ED25519_PRIME = 2**255 - 19
_ORDER_8_Y = 2707385501144840649318225287225658788936804267575313519463743609750303402022
_SMALL_ORDER_Y = frozenset([0, 1, _ED25519_PRIME - 1, _ORDER_8_Y, _ED25519_PRIME - _ORDER_8_Y])
"""y of the points whose order divides 8 (on RFC 8032's curve): as keys, they can verify any message."""


@dataclass(frozen=True)
class PublicKey:
    """One public key; `parse_public_key` and `key_from_blob` make it, so it is always well-formed."""

    type: str
    blob: bytes

    @cached_property
    def text(self) -> str:
        """As in a `.pub` file, without comment: type, space, base64."""
        return f"{self.type} {base64.b64encode(self.blob).decode()}"

    @cached_property
    def fingerprint(self) -> str:
        """As `ssh-keygen -l` prints it: `SHA256:` and unpadded base64."""
        return "SHA256:" + base64.b64encode(hashlib.sha256(self.blob).digest()).decode().rstrip("=")

    @cached_property
    def fields(self) -> tuple[bytes, ...]:
        """What follows the type: point; point and application; curve and point; exponent and modulus."""
        return tuple(Reader(self.blob, "public key").strings())[1:]


@lru_cache(maxsize=1024)
def parse_public_key(text: str) -> PublicKey:
    """Read a key as it stands in a registry file: exactly `type base64`, no comment, nothing around it.

    Raises:
        SignatureError: not that spelling, not well-formed, or of a kind or size that is not accepted.

    """
    if len(text) > _MAX_TEXT:
        raise SignatureError(f"public key is longer than {_MAX_TEXT} characters")
    type_, _, encoded = text.partition(" ")
    if not encoded or " " in encoded:
        raise SignatureError("public key is not 'type base64' without a comment")
    try:
        blob = base64.b64decode(encoded, validate=True)
    except ValueError:
        raise SignatureError("public key is not base64") from None
    key = key_from_blob(blob)
    if key.type != type_:
        raise SignatureError(f"public key says {type_[:80]!a} outside and '{key.type}' inside")
    if key.text != text:
        raise SignatureError("public key is not in canonical base64")
    return key


@lru_cache(maxsize=1024)
def key_from_blob(blob: bytes) -> PublicKey:
    """Read a key in wire format.

    Raises:
        SignatureError: not well-formed, or of a kind or size that is not accepted.

    """
    found, *fields = tuple(Reader(blob, "public key").strings()) or (b"",)
    type_ = found.decode("ascii", "replace")
    if type_ not in _FIELDS:
        raise SignatureError(
            f"key type {shown(found)} is not accepted",
            hint="use ed25519, a security key of type ed25519-sk, ECDSA, or RSA of 3072 bits or more",
        )
    if len(fields) != _FIELDS[type_]:
        raise SignatureError(f"public key of type '{type_}' has {len(fields)} fields, not {_FIELDS[type_]}")
    if type_ == RSA:
        _check_rsa(*fields)
    elif type_ in CURVES:
        _check_ecdsa(type_, *fields)
    else:
        _check_ed25519(*fields)
    return PublicKey(type_, blob)


def _check_ed25519(point: bytes, application: bytes = b"ssh:") -> None:
    if len(point) != 32:  # noqa: PLR2004 - RFC 8032
        raise SignatureError("ed25519 key is not 32 bytes long")
    y = int.from_bytes(point, "little") & (2**255 - 1)  # the last bit is the sign of x
    if y >= _ED25519_PRIME or y in _SMALL_ORDER_Y:
        raise SignatureError("ed25519 key is not a canonical point of large order")
    if not application.startswith(b"ssh:"):
        raise SignatureError(f"security key is for application {shown(application)}, not for 'ssh:'")


def _check_ecdsa(type_: str, curve: bytes, point: bytes) -> None:
    expected, size = CURVES[type_]
    if curve != expected:
        raise SignatureError(f"public key of type '{type_}' names the curve {shown(curve)}")
    if len(point) != 1 + 2 * size or point[0] != 4:  # noqa: PLR2004 - SEC 1 marks an uncompressed point by 4
        raise SignatureError(f"public key of type '{type_}' is not an uncompressed point")


def _check_rsa(exponent: bytes, modulus: bytes) -> None:
    n, e = positive(modulus, "RSA key"), positive(exponent, "RSA key")
    if n.bit_length() not in _RSA_BITS:
        raise SignatureError(
            f"RSA key has {n.bit_length()} bits, accepted are {_RSA_BITS[0]} to {_RSA_BITS[-1]}",
            hint="make an ed25519 key with `medperf key new`",
        )
    if e not in _RSA_EXPONENTS or n % 2 == 0:
        raise SignatureError("RSA key has an even modulus, or an exponent that is even or out of range")
