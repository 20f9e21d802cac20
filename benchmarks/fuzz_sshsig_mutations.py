"""Damages signatures and allowed-signers lines, reproducibly: the mutations of `fuzz_sshsig.py`."""

from __future__ import annotations

import base64
import hashlib
import random
import struct
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache

from benchmarks.fuzz_sshsig_keys import SigningKey, keys, mpint
from medperf_cli.flows.reading.allowed_signers import signers_line
from tests.support.keys import armored, pack

REGISTRY = "0123456789abcdef0123456789abcdef"
KINDS = ("member", "cube", "result", "decision")
NAMESPACE = f"result.v1@{REGISTRY}"
PAYLOAD = b"schema: result/1\nversion: 1\n"
ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_WEAK_POINTS = (
    b"\x01" + bytes(31),
    bytes(32),
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    (2**255 - 18).to_bytes(32, "little"),
    b"\xff" * 32,
)
"""Encodings of ed25519 points that are of small order, or beyond the field."""


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
            return _damage_line(case, key, rng)
        case "weak":
            return _weak(case, rng)
    return _asked_otherwise(case, rng)


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


def _damage_line(case: Case, key: SigningKey, rng: random.Random) -> Case:
    """Change the allowed-signers line: names, options, spacing, key, or lines around it."""
    text = case.signers.decode().removesuffix("\n")
    name, options, type_, encoded = text.split(" ")
    choice = rng.randrange(7)
    if choice == 0:
        name = rng.choice(
            ("other", "mgh,other", "*", "m*", "mg?", "!mgh,*", "MGH", '"mgh"', "mg", "mghx", "")
        )
    elif choice == 1:
        options = _options(rng, options)
    elif choice == 2:  # noqa: PLR2004 - one of the choices
        blob = rng.choice(
            (damaged(key.blob, rng), respelled(key.blob, rng), rng.choice(list(keys().values())).blob)
        )
        encoded = base64.b64encode(blob).decode()
    elif choice == 3:  # noqa: PLR2004
        edits = (encoded + "=", encoded.rstrip("="), encoded[:-4] + "AA" + encoded[-2:], encoded + " laptop")
        encoded = rng.choice((*edits, encoded[:40] + " " + encoded[40:], encoded + "\0", encoded[:-1]))
    elif choice == 4:  # noqa: PLR2004
        types = (
            "ssh-rsa",
            "ssh-ed25519",
            "rsa-sha2-512",
            "ssh-ed25519-cert-v01@openssh.com",
            "",
            type_.upper(),
        )
        type_ = rng.choice(types)
    text = f"{name} {options} {type_} {encoded}"
    if choice == 5:  # noqa: PLR2004
        other = text.replace("mgh", "other", 1)
        around = ("# {}", "\n{}", "{}\r", "{} ", " {}", "\t{}", "{}\n\n# end", "x y\n{}", "{}\n{}", "{}\nx")
        text = rng.choice((*around, f"{other}\n{{}}", f"{{}}\n{other}")).replace("{}", text)
        text = rng.choice((text, text.replace(" ", "\t"), text.replace(" ", "  ", 1)))
    data = damaged(text.encode(), rng) if choice == 6 else text.encode()  # noqa: PLR2004
    return replace(case, signers=data + rng.choice((b"\n", b"\n", b"\n", b"")))


def _options(rng: random.Random, options: str) -> str:
    """Options of allowed-signers lines, as ssh-keygen(1) has them, and nearly so."""
    only = f'namespaces="{NAMESPACE}"'
    lists = (
        NAMESPACE[:-1] + "*",
        "*",
        f"!{NAMESPACE},*",
        "result.v1@?*",
        "file",
        "",
        NAMESPACE.upper(),
        f"{NAMESPACE},x",
    )
    times = ('"20200101"', '"20990101"', '"20200101000000Z"', '"x"', '""', "20990101")
    more = (
        *(f"{when}={at}" for when in ("valid-after", "valid-before") for at in times),
        *("cert-authority", "no-touch-required", "verify-required", "restrict", "CERT-AUTHORITY", 'from="x"'),
    )
    return rng.choice(
        (
            f'namespaces="{rng.choice(lists)}"',
            f"{options},{rng.choice(more)}",
            f"{rng.choice(more)},{options}",
            rng.choice(more),
            f"{only},{only}",
            options.replace("namespaces", rng.choice(("NAMESPACES", "Namespaces", "namespace"))),
            options.replace('"', rng.choice(("", "'", '\\"'))),
            options.replace(",", ", "),
            rng.choice((only, "")),
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
