"""Where we are stricter than `ssh-keygen` on purpose (ADR 0010, 0026), seen in the case itself.

A reason that is about spelling is repaired: written as we write it, the case must be accepted by us. A reason
that is about the key or the touch cannot be repaired; it is seen in the bytes. There is no other reason.
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
from collections.abc import Iterator
from dataclasses import replace

from benchmarks.fuzz_sshsig_cases import ED25519_ORDER, KINDS, REGISTRY, Case, split
from benchmarks.fuzz_sshsig_keys import SK_ECDSA, mpint
from medperf_cli.flows.reading.allowed_signers import signers_line
from tests.support.keys import armored, pack

_ARMOUR = re.compile(rb"-----BEGIN SSH SIGNATURE-----\s(.*?)\n-----END SSH SIGNATURE-----", re.DOTALL)
_FIELD_PRIME = 2**255 - 19
_SMALL_ORDER_Y = {
    *(0, 1, _FIELD_PRIME - 1),
    2707385501144840649318225287225658788936804267575313519463743609750303402022,
    _FIELD_PRIME - 2707385501144840649318225287225658788936804267575313519463743609750303402022,
}
_RSA_BITS = 3072


def explain(case: Case) -> tuple[Case, list[str], list[str]]:
    """Return the case with its spelling repaired, the reasons repaired, and those that cannot be."""
    repaired: list[str] = []
    final: list[str] = []
    blob = _dearmor(case.armor)
    if blob is None:
        return case, [], []
    if armored(blob) != case.armor:
        repaired.append("armour in another spelling")
    try:
        key, namespace, reserved, hash_name, inner = split(blob[10:])
        if struct.unpack(">I", blob[6:10])[0] == 0:
            repaired.append("version 0")
        if reserved:
            repaired.append("reserved field filled")
        namespace, hash_name = (_ended(text, repaired) for text in (namespace, hash_name))
        plain = _plain_key(key)
        if plain != key:
            repaired.append("key in other bytes: needless zeros, or NUL behind a text")
        final += _about_key(split(plain))
        inner = _inner(split(plain), inner, repaired, final)
        signers = _signers(case, plain, repaired)
    except (ValueError, IndexError, struct.error):
        return case, [], []
    blob = b"SSHSIG\0\0\0\1" + pack(plain, namespace, b"", hash_name, inner)
    return replace(case, armor=armored(blob), signers=signers), repaired, final


def _ended(text: bytes, repaired: list[str]) -> bytes:
    """Take away the NUL that C lets stand behind a text."""
    if not text.endswith(b"\0"):
        return text
    repaired.append("NUL behind a text")
    return text[:-1]


def _plain_key(blob: bytes) -> bytes:
    """The key in the bytes that `ssh-keygen` itself writes (raises ValueError, IndexError)."""
    type_, *fields = split(blob)
    type_ = type_.removesuffix(b"\0")
    if type_ == b"ssh-rsa":
        fields = [mpint(int.from_bytes(field)) for field in fields]
    elif b"ecdsa" in type_:
        fields[0] = fields[0].removesuffix(b"\0")
    if type_.startswith(b"sk-"):
        fields[-1] = fields[-1].removesuffix(b"\0")
    return pack(type_, *fields)


def _dearmor(armor: bytes) -> bytes | None:
    found = _ARMOUR.match(armor)
    try:
        return base64.b64decode(b"".join(found[1].split())) if found else None
    except binascii.Error:
        return None


def _about_key(fields: list[bytes]) -> Iterator[str]:
    """What is wrong with a key for us, whatever it signed."""
    kind = fields[0]
    if kind == SK_ECDSA:
        yield "ECDSA security key"
    if kind == b"ssh-rsa" and int.from_bytes(fields[2]).bit_length() < _RSA_BITS:
        yield "RSA below 3072 bits"
    if kind.startswith((b"ssh-ed25519", b"sk-ssh-ed25519")):
        y = int.from_bytes(fields[1], "little") & (2**255 - 1)
        if y >= _FIELD_PRIME or y in _SMALL_ORDER_Y:
            yield "ed25519 key not canonical or of small order"
    if kind.startswith(b"sk-") and not fields[-1].startswith(b"ssh:"):
        yield "security key of another application"


def _inner(fields: list[bytes], inner: bytes, repaired: list[str], final: list[str]) -> bytes:
    """Repair the numbers of a key's own signature."""
    is_token = fields[0].startswith(b"sk-")
    report = inner[-5:] if is_token else b""
    algorithm, signature = split(inner.removesuffix(report))
    algorithm = _ended(algorithm, repaired)
    if is_token and not report[0] & 1:
        final.append("security key not touched")
    if fields[0].startswith(b"ecdsa"):
        numbers = split(signature)
        minimal = [mpint(int.from_bytes(number)) for number in numbers]
        if minimal != numbers:
            repaired.append("ECDSA numbers with needless zeros")
            signature = pack(*minimal)
    elif b"ed25519" in fields[0]:
        s = int.from_bytes(signature[32:], "little")
        if s >= ED25519_ORDER:
            repaired.append("ed25519's S not reduced")
            signature = signature[:32] + (s % ED25519_ORDER).to_bytes(32, "little")
    elif fields[0] == b"ssh-rsa":
        size = (int.from_bytes(fields[2]).bit_length() + 7) // 8
        if len(signature) < size:
            repaired.append("RSA signature shorter than its modulus")
            signature = signature.rjust(size, b"\0")
    return pack(algorithm, signature) + report


_PLAIN_NAMESPACE = re.compile(r"[a-z]+\.v1@[0-9a-f]{32}")
_LINE = re.compile(
    r"""[ \t]*(?P<names>"[^"]*"|[^\s"]+)[ \t]+
    (?:(?P<options>(?:[^\s",=]+(?:="(?:\\"|[^"])*")?,?)+)[ \t]+)??
    (?P<type>[a-z0-9@.-]+)[ \t]+(?P<key>[A-Za-z0-9+/=]+)(?P<rest>[ \t\r].*)?""",
    re.VERBOSE | re.DOTALL,
)


def _signers(case: Case, key: bytes, repaired: list[str]) -> bytes:
    """Find the line that names the signing key, say how it differs from ours, and write it as we do."""
    ours = signers_line(case.principal, _text(key), KINDS, REGISTRY)
    for whole in case.signers.decode("latin-1").split("\n"):
        text = whole.partition("\0")[0]
        found = _LINE.fullmatch(text)
        if found is None or _decoded(found["key"]) != key:
            continue
        repaired += _about_line(found, key, case)
        if text != whole:
            repaired.append("line: NUL, where C stops reading")
        if not case.signers.endswith(b"\n") or case.signers.count(b"\n") > 1:
            repaired.append("line: other lines, or no line break at its end")
        return ours.encode()
    return case.signers


def _text(key: bytes) -> str:
    return f"{split(key)[0].decode()} {base64.b64encode(key).decode()}"


def _decoded(encoded: str) -> bytes | None:
    try:
        return _plain_key(base64.b64decode(encoded + "=" * (-len(encoded) % 4)))
    except (ValueError, IndexError):
        return None


def _about_line(found: re.Match[str], key: bytes, case: Case) -> Iterator[str]:
    """What a line says in another way than we write it."""
    if found["names"] != case.principal:
        yield "line: principals as a list, pattern or in quotes"
    yield from _about_options(found["options"] or "")
    if f"{found['type']} {found['key']}" != _text(key):
        yield "line: key in another spelling"
    if found["rest"]:
        yield "line: comment, space or carriage return behind the key"
    spacing = re.sub(r'"[^"]*"', "", found[0].removesuffix(found["rest"] or ""))
    if spacing != " ".join(spacing.split()) or "\t" in spacing:
        yield "line: other spacing"


def _about_options(options: str) -> Iterator[str]:
    given = re.findall(r'([^=,"]+)(?:="([^"]*)")?', options)
    names = [name for name, _ in given]
    if "namespaces" not in [name.lower() for name in names]:
        yield "line: no namespaces, so all"
    if len(names) > 1 or (names and names[0].lower() != "namespaces"):
        yield "line: other options, such as validity"
    if any(name != name.lower() for name in names):
        yield "line: option in capitals"
    spaces = [space for name, value in given if name.lower() == "namespaces" for space in value.split(",")]
    if not all(_PLAIN_NAMESPACE.fullmatch(space) for space in spaces):
        yield "line: namespaces as a pattern, or not ours"
    elif len({space.partition("@")[2] for space in spaces}) > 1:
        yield "line: namespaces of two registries"
