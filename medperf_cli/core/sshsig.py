"""SSHSIG, as `ssh-keygen -Y sign` makes it: the envelope (OpenSSH PROTOCOL.sshsig) and its verification."""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING

from medperf_cli.core.ssh_keys import CURVES, RSA, SK_ED25519, PublicKey, key_from_blob, parse_public_key
from medperf_cli.core.ssh_wire import Reader, positive, shown, string
from medperf_cli.errors import SignatureError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

__all__ = ["PublicKey", "parse_public_key", "verify"]

_PREAMBLE = b"SSHSIG"
_VERSION = 1
_BEGIN = b"-----BEGIN SSH SIGNATURE-----\n"
_END = b"-----END SSH SIGNATURE-----\n"
_COLUMNS = 70
_MAX_ARMOR = 16 * 1024
_HASHES = {b"sha256": hashlib.sha256, b"sha512": hashlib.sha512}
_USER_PRESENT = 0x01
_KEPT = 256
"""So many keys made ready for the library, and so many good signatures, are remembered."""


def verify(payload: bytes, armor: bytes, namespace: str) -> PublicKey:
    """Check a signature over a file's bytes; whether the key is trusted is the caller's question.

    Args:
        payload: exactly the bytes that were signed.
        armor: the signature file, in the one spelling of `ssh-keygen`.
        namespace: what the signature must have been made for.

    Returns:
        The key that signed.

    Raises:
        SignatureError: malformed, of a kind that is not accepted, for another namespace, or not made by
            its key over these bytes.

    """
    return _verify(payload, armor, namespace)


@lru_cache(maxsize=_KEPT)
def _verify(payload: bytes, armor: bytes, namespace: str) -> PublicKey:
    """Check as `verify` says; a check and what records it ask the same, so the last answers are kept."""
    reader = Reader(_dearmor(armor), "signature")
    if reader.take(len(_PREAMBLE)) != _PREAMBLE or reader.number() != _VERSION:
        raise SignatureError("signature is not SSHSIG version 1")
    key = key_from_blob(reader.string())
    found, reserved, hash_name, inner = (reader.string() for _ in range(4))
    reader.end()
    if found != namespace.encode():
        raise SignatureError(f"signature is for namespace {shown(found)}, expected '{namespace}'")
    if reserved:
        raise SignatureError("signature has something in its reserved field")
    if hash_name not in _HASHES:
        raise SignatureError(f"signature uses hash {shown(hash_name)}, expected 'sha256' or 'sha512'")
    fields = (found, reserved, hash_name, _HASHES[hash_name](payload).digest())
    _check(key, inner, _PREAMBLE + b"".join(string(field) for field in fields))
    return key


def _dearmor(armor: bytes) -> bytes:
    """Decode the armour; there is one spelling of it, so that one signature is one file."""
    if len(armor) > _MAX_ARMOR:
        raise SignatureError(f"signature file is larger than {_MAX_ARMOR} bytes")
    try:
        body = armor.removeprefix(_BEGIN).removesuffix(_END).replace(b"\n", b"")
        blob = base64.b64decode(body, validate=True)
    except ValueError:
        raise SignatureError("signature file is not armoured as `ssh-keygen` does it") from None
    if _armored(blob) != armor:
        raise SignatureError("signature file is not framed, wrapped and padded as `ssh-keygen` does it")
    return blob


def _armored(blob: bytes) -> bytes:
    encoded = base64.b64encode(blob)
    lines = (encoded[at : at + _COLUMNS] + b"\n" for at in range(0, len(encoded), _COLUMNS))
    return _BEGIN + b"".join(lines) + _END


def _check(key: PublicKey, inner: bytes, data: bytes) -> None:
    """Check the key's own signature (RFC 4253 section 6.6: algorithm, then signature) over `data`."""
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - only who verifies pays for loading

    reader = Reader(inner, "signature")
    algorithm, signature = reader.string(), reader.string()
    allowed = [b"rsa-sha2-256", b"rsa-sha2-512"] if key.type == RSA else [key.type.encode()]
    if algorithm not in allowed:
        raise SignatureError(f"algorithm {shown(algorithm)} is not accepted for a key of type '{key.type}'")
    if key.type == SK_ED25519:
        data = _security_key_data(key, reader.take(5), data)
    reader.end()
    try:
        if key.type == RSA:
            _check_rsa(key, algorithm, signature, data)
        elif key.type in CURVES:
            _check_ecdsa(key, signature, data)
        else:
            _check_ed25519(key, signature, data)
    except InvalidSignature:
        raise SignatureError(f"signature was not made over these bytes by key {key.fingerprint}") from None


def _security_key_data(key: PublicKey, flags_and_counter: bytes, data: bytes) -> bytes:
    """Return what a security key signs for `data` (PROTOCOL.u2f, "SSH U2F Signatures")."""
    if not flags_and_counter[0] & _USER_PRESENT:
        raise SignatureError(
            "security key signed without being touched", hint="use a key made without `-O no-touch-required`"
        )
    application = key.fields[1]
    return hashlib.sha256(application).digest() + flags_and_counter + hashlib.sha256(data).digest()


def _check_ed25519(key: PublicKey, signature: bytes, data: bytes) -> None:
    """Check by RFC 8032; the length is checked by the library, that S is below the group's order too."""
    _ed25519(key.fields[0]).verify(signature, data)


@lru_cache(maxsize=_KEPT)
def _ed25519(point: bytes) -> Ed25519PublicKey:
    from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415 - as above

    return ed25519.Ed25519PublicKey.from_public_bytes(point)


def _check_ecdsa(key: PublicKey, signature: bytes, data: bytes) -> None:
    """Check by RFC 5656 section 3.1.2: the hash goes with the curve, the signature is two mpints."""
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.asymmetric import ec, utils  # noqa: PLC0415 - as above

    curve, point = key.fields
    hash_ = {b"nistp256": hashes.SHA256(), b"nistp384": hashes.SHA384(), b"nistp521": hashes.SHA512()}[curve]
    reader = Reader(signature, "signature")
    r, s = (positive(reader.string(), "signature") for _ in range(2))
    reader.end()
    _ecdsa(curve, point).verify(utils.encode_dss_signature(r, s), data, ec.ECDSA(hash_))


@lru_cache(maxsize=_KEPT)
def _ecdsa(curve: bytes, point: bytes) -> EllipticCurvePublicKey:
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415 - as above

    curves = {b"nistp256": ec.SECP256R1(), b"nistp384": ec.SECP384R1(), b"nistp521": ec.SECP521R1()}
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(curves[curve], point)
    except ValueError:
        raise SignatureError("ECDSA key is not a point of its curve") from None


def _check_rsa(key: PublicKey, algorithm: bytes, signature: bytes, data: bytes) -> None:
    """Check by RFC 8332; the library refuses a signature that is not as long as the modulus."""
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.asymmetric import padding  # noqa: PLC0415 - as above

    hash_ = hashes.SHA256() if algorithm == b"rsa-sha2-256" else hashes.SHA512()
    _rsa(*key.fields).verify(signature, data, padding.PKCS1v15(), hash_)


@lru_cache(maxsize=_KEPT)
def _rsa(exponent: bytes, modulus: bytes) -> RSAPublicKey:
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415 - as above

    e, n = (positive(field, "RSA key") for field in (exponent, modulus))
    try:
        return rsa.RSAPublicNumbers(e, n).public_key()
    except ValueError:
        raise SignatureError("RSA key is not well-formed") from None
