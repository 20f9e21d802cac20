"""Damages signatures and allowed-signers lines, reproducibly: the mutations of `fuzz_sshsig.py`."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable
from dataclasses import replace
from functools import cache

from benchmarks.fuzz_sshsig_cases import (
    ED25519_ORDER,
    KINDS,
    NAMESPACE,
    PAYLOAD,
    REGISTRY,
    Case,
    Wire,
    damaged,
    good,
    line,
    respelled,
    signed,
    split,
)
from benchmarks.fuzz_sshsig_keys import SigningKey, keys, mpint
from benchmarks.fuzz_sshsig_lines import damage_line
from medperf_cli.flows.reading.allowed_signers import signers_line
from tests.support.keys import armored, pack

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_WEAK_POINTS = (
    b"\x01" + bytes(31),
    bytes(32),
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    (2**255 - 18).to_bytes(32, "little"),
    b"\xff" * 32,
)
"""Encodings of ed25519 points that are of small order, or beyond the field."""


def mutant(seed: str) -> Case:
    """Return one case; the same for the same seed."""
    rng = random.Random(seed)  # noqa: S311 - the same damage at each run is the point
    name = rng.choice(list(keys()))
    key, wire = keys()[name], replace(good(name, rng.choice((b"sha256", b"sha512"))))
    case = Case(PAYLOAD, armored(wire.blob()), line(key))
    match rng.choices(("wire", "signed", "armour", "line", "weak", "asked"), (38, 14, 16, 26, 3, 3))[0]:
        case "wire":
            _damage_wire(wire, key, rng)
            return replace(case, armor=armored(wire.blob()))
        case "signed":
            return replace(case, armor=armored(_signed_oddly(wire, key, rng).blob()))
        case "armour":
            return replace(case, armor=_damage_armour(case.armor, rng))
        case "line":
            return damage_line(case, key, rng)
        case "weak":
            return _weak(case, rng)
    return _asked_otherwise(case, rng)


def _damage_wire(wire: Wire, key: SigningKey, rng: random.Random) -> None:
    """Change one part after signing."""
    other = rng.choice(list(keys()))
    hashes = (b"sha1", b"sha256", b"sha512", b"sha384", b"SHA512", wire.hash + b"\0", b"", b"md5")
    spaces = (b"", b"file", NAMESPACE.upper().encode(), wire.namespace + b"\0", b"\0" + wire.namespace)
    changes: dict[str, tuple[object, ...]] = {
        "version": (0, 2, 255, 2**24, 2**32 - 1),
        "preamble": (b"SSHSIF", b"sshsig", b"", b"SSHSIG\0", b"SSHSIGSSHSIG"),
        "key": (keys()[other].blob, damaged(wire.key, rng), respelled(wire.key, rng)),
        "namespace": (*spaces, damaged(wire.namespace, rng)),
        "reserved": (b"x", b"\0", b"reserved", wire.inner),
        "hash": (*hashes, damaged(wire.hash, rng)),
        "tail": (b"\0", b"\0\0\0\0", b"more", pack(b"more")),
        "more": ([b""], [b"x"]),
        "inner": (good(other, wire.hash).inner, damaged(wire.inner, rng)),
    }
    part = rng.choice([*changes, "mend", "mend", "mend"])
    if part == "mend":
        wire.inner = _damage_inner(wire.inner, key, rng)
    else:
        setattr(wire, part, rng.choice(changes[part]))


def _damage_inner(inner: bytes, key: SigningKey, rng: random.Random) -> bytes:
    """Change the algorithm, the number or numbers, or what a security key says."""
    report = inner[-5:] if key.type.startswith(b"sk-") else b""
    algorithm, signature = split(inner.removesuffix(report))
    if rng.random() < 0.2:  # noqa: PLR2004 - a share
        names = (
            b"ssh-rsa",
            b"rsa-sha2-256",
            b"rsa-sha2-512",
            b"ssh-ed25519",
            b"ssh-dss",
            b"ecdsa-sha2-nistp256",
        )
        return pack(rng.choice((*names, key.type, b"", algorithm + b"\0")), signature) + report
    if report and rng.random() < 0.5:  # noqa: PLR2004 - a share
        flags = bytes([rng.choice((0, 1, 4, 5, 0x81, 0xFF))])
        return pack(algorithm, signature) + rng.choice((flags + report[1:], report + b"\0", report[:4], b""))
    if b"ecdsa" in algorithm:
        r, s = split(signature)
        changes: tuple[Callable[[], bytes], ...] = (
            lambda: pack(b"\0" + r, s),
            lambda: pack(r, b"\0\0\0" + s),
            lambda: pack(r.lstrip(b"\0"), s.lstrip(b"\0")),
            lambda: pack(r, mpint((P256_ORDER - int.from_bytes(s)) % P256_ORDER)),
            lambda: pack(mpint(int.from_bytes(r) + P256_ORDER), s),
            lambda: pack(s, r),
            lambda: pack(r, b""),
            lambda: pack(b"", b""),
            lambda: pack(b"\0" * 200 + r, s),
            lambda: pack(r, s) + b"\0",
        )
        return pack(algorithm, rng.choice(changes)()) + report
    if b"ed25519" in algorithm:
        s_ = int.from_bytes(signature[32:], "little") + rng.choice((1, 2, 7)) * ED25519_ORDER
        more = signature[:32] + (s_ % 2**256).to_bytes(32, "little")
        return pack(algorithm, rng.choice((more, more, damaged(signature, rng)))) + report
    shorter = signature.lstrip(b"\0")
    return pack(algorithm, rng.choice((b"\0" + signature, shorter, signature[1:], damaged(signature, rng))))


def _signed_oddly(wire: Wire, key: SigningKey, rng: random.Random) -> Wire:
    """Sign something odd, so that the arithmetic holds."""
    choice = rng.randrange(5)
    if choice == 0:
        odd = replace(
            wire, hash=rng.choice((b"sha1", b"sha384", b"md5", b"SHA512", b"sha512\0", b"", b"sha3_256"))
        )
        return signed(key, odd)
    if choice == 1:
        return signed(key, replace(wire, reserved=rng.choice((b"x", b"\0" * 8))))
    if choice == 2:  # noqa: PLR2004 - one of the choices
        return signed(key, replace(wire, namespace=rng.choice((b"", b"file", b"cube.v1@" + b"0" * 32, b"*"))))
    if choice == 3 and key.type.startswith(b"sk-"):  # noqa: PLR2004
        return signed(key, wire, flags=rng.choice((0, 1, 4, 5, 0x80, 0x41, 0xFF)))
    algorithms = (
        b"ssh-rsa",
        b"rsa-sha2-256",
        b"rsa-sha2-512",
        b"rsa-sha2-512-cert-v01@openssh.com",
        key.type,
    )
    return signed(key, wire, algorithm=rng.choice(algorithms))


def _damage_armour(armor: bytes, rng: random.Random) -> bytes:
    lines = armor.split(b"\n")
    body = b"".join(lines[1:-2])
    at = rng.randrange(len(armor))
    begin, end = lines[0], lines[-2]
    width = rng.choice((1, 30, 64, 69, 71, 76, 10_000))
    wrapped = b"\n".join(body[n : n + width] for n in range(0, len(body), width))
    last = bytes([body.rstrip(b"=")[-1] ^ 1])
    return rng.choice(
        (
            armor[:at] + rng.choice((b"", b"\n", b"=", b"A", b" ", b"\t", b"\r", b"\0", b"-")) + armor[at:],
            armor[:at] + armor[at + 1 :],
            armor.replace(b"\n", b"\r\n"),
            begin + b"\n" + wrapped + b"\n" + end + b"\n",
            armor + rng.choice((b"\n", b"more\n", b" ", armor)),
            rng.choice((b"\n", b" ", b"x\n", b"\xef\xbb\xbf")) + armor,
            armor.rstrip(b"\n"),
            armor.replace(
                begin, rng.choice((begin.lower(), begin + b" ", begin[:-1], b"-----BEGIN PGP-----"))
            ),
            armor.replace(end, rng.choice((end.lower(), end + b" ", end[:-1], b" " + end, b""))),
            armor.replace(b"=", b"") if b"=" in armor else armor.replace(end, b"=\n" + end),
            armor.replace(b"\n" + end, b"=\n" + end),
            armor.replace(b"+", b"-").replace(b"/", b"_"),
            armor.replace(body.rstrip(b"=")[-4:], body.rstrip(b"=")[-4:-1] + last),
            armor.replace(b"\n", b"\n\n", 1),
            begin + b"\n" + end + b"\n",
            damaged(armor, rng),
        )
    )


def _weak(case: Case, rng: random.Random) -> Case:
    """A key of small order or beyond the field, in line and signature, with a signature to match."""
    point = rng.choice(_WEAK_POINTS)
    blob = pack(b"ssh-ed25519", point)
    inner = pack(b"ssh-ed25519", rng.choice((point, _WEAK_POINTS[0], bytes(32))) + bytes(32))
    signers = signers_line("mgh", f"ssh-ed25519 {base64.b64encode(blob).decode()}", KINDS, REGISTRY)
    return replace(case, armor=armored(Wire(blob, inner).blob()), signers=signers.encode())


def _asked_otherwise(case: Case, rng: random.Random) -> Case:
    """Ask about other bytes, another namespace or another name; or a stripped RSA signature; or nothing."""
    return rng.choice(
        (
            replace(case, payload=damaged(case.payload, rng)),
            replace(case, namespace=rng.choice((f"cube.v1@{REGISTRY}", "file", f"{NAMESPACE}x", "*"))),
            replace(case, principal=rng.choice(("other", "MGH", "mg", "*", "mgh,other"))),
            _stripped_rsa(),
            case,
        )
    )


@cache
def _stripped_rsa() -> Case:
    """A good RSA signature whose number starts with a zero byte, written without it."""
    key = keys()["rsa-3072"]
    for number in range(10_000):
        payload = b"%d" % number
        wire = signed(key, Wire(key.blob, b""), payload=payload)
        algorithm, signature = split(wire.inner)
        if not signature[0]:
            short = replace(wire, inner=pack(algorithm, signature[1:]))
            return Case(payload, armored(short.blob()), line(key))
    raise AssertionError
