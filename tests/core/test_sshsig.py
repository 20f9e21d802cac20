"""SSHSIG: what stock `ssh-keygen` signs we accept, and never more than it accepts itself."""

from __future__ import annotations

import base64
import hashlib
import random
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from medperf_cli.core.sshsig import parse_public_key, verify
from medperf_cli.errors import SignatureError
from tests.support.keys import armored, envelope, member_key, pack, to_be_signed

NAMESPACE = "result.v1@0123456789abcdef0123456789abcdef"
PAYLOAD = b"schema: result/1\nversion: 1\n"
GROUP_ORDER = 2**252 + 27742317777372353535851937790883648493  # of ed25519, RFC 8032 section 5.1
STOCK = {
    "ed25519": ["-t", "ed25519"],
    "ecdsa-256": ["-t", "ecdsa", "-b", "256"],
    "ecdsa-384": ["-t", "ecdsa", "-b", "384"],
    "ecdsa-521": ["-t", "ecdsa", "-b", "521"],
    "rsa-3072": ["-t", "rsa", "-b", "3072"],
}


class Stock:
    """Stock `ssh-keygen` in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def key(self, kind: str, *options: str) -> Path:
        path = self.folder / kind
        if not path.exists():
            self._run("-q", "-N", "", "-C", f"{kind} of a test", "-f", str(path), *options)
        return path

    def sign(self, key: Path, *options: str) -> bytes:
        return self._run("-Y", "sign", "-q", "-f", str(key), "-n", NAMESPACE, *options, stdin=PAYLOAD).stdout

    def accepts(self, key_text: str, armor: bytes, payload: bytes = PAYLOAD) -> bool:
        signers, signature = self.folder / "signers", self.folder / "sig"
        signers.write_text(f'mgh namespaces="{NAMESPACE}" {key_text}\n')
        signature.write_bytes(armor)
        command = ["ssh-keygen", "-Y", "verify", "-f", str(signers), "-I", "mgh", "-n", NAMESPACE, "-s"]
        run = subprocess.run([*command, str(signature)], input=payload, capture_output=True, check=False)
        return run.returncode == 0

    def _run(self, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(["ssh-keygen", *arguments], input=stdin, capture_output=True, check=True)


@pytest.fixture(scope="session")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Stock:
    return Stock(tmp_path_factory.mktemp("stock"))


def public_text(key: Path) -> str:
    return " ".join(key.with_name(f"{key.name}.pub").read_text().split()[:2])


def blob_of(armor: bytes) -> bytes:
    return base64.b64decode(b"".join(armor.splitlines()[1:-1]))


def accepts(key_text: str, armor: bytes, payload: bytes = PAYLOAD) -> bool:
    try:
        return verify(payload, armor, NAMESPACE).text == key_text
    except SignatureError:
        return False


@pytest.mark.parametrize("kind", STOCK)
@pytest.mark.parametrize("hash_name", ["sha256", "sha512"])
def test_a_stock_signature_is_accepted_over_its_bytes_only(stock: Stock, kind: str, hash_name: str) -> None:
    key = stock.key(kind, *STOCK[kind])
    armor = stock.sign(key, "-O", f"hashalg={hash_name}")
    signer = verify(PAYLOAD, armor, NAMESPACE)
    assert signer.text == public_text(key)
    listing = subprocess.run(["ssh-keygen", "-lf", key], capture_output=True, text=True, check=True).stdout
    assert listing.split()[1] == signer.fingerprint
    with pytest.raises(SignatureError, match="was not made over these bytes by key SHA256:"):
        verify(PAYLOAD + b" ", armor, NAMESPACE)
    with pytest.raises(SignatureError, match=f"is for namespace '{NAMESPACE}', expected 'result.v1@other'"):
        verify(PAYLOAD, armor, "result.v1@other")


@pytest.mark.parametrize("size", [0, 1, 10_000])
def test_the_tests_own_signer_and_stock_agree(stock: Stock, size: int) -> None:
    key = member_key("mgh")
    armor = key.sign(b"x" * size, NAMESPACE)
    assert verify(b"x" * size, armor, NAMESPACE) == key.public_key
    assert stock.accepts(key.public_text, armor, b"x" * size)
    assert armor == member_key("mgh").sign(b"x" * size, NAMESPACE)
    assert key.public_text != member_key("brigham").public_text


def _damaged(armor: bytes, rng: random.Random) -> bytes:
    if rng.random() < 0.2:
        at = rng.randrange(len(armor))
        return armor[:at] + rng.choice([b"", b"\n", b"=", b"A", b" "]) + armor[at + rng.randrange(2) :]
    blob = bytearray(blob_of(armor))
    at = rng.randrange(len(blob))
    match rng.randrange(4):
        case 0:
            blob[at] ^= 1 << rng.randrange(8)
        case 1:
            blob[at] = rng.choice([0, 1, 0x7F, 0x80, 0xFF])
        case 2:
            del blob[at : at + rng.choice([1, 4, 32])]
        case _:
            blob[at:at] = rng.choice([b"\0", b"\0\0\0\0", b"\xff"])
    return armored(bytes(blob))


@pytest.mark.parametrize("kind", STOCK)
def test_damage_is_refused_and_stock_forgives_only_what_is_listed_below(stock: Stock, kind: str) -> None:
    rng = random.Random(kind)  # noqa: S311 - the same damage at each run
    key = stock.key(kind, *STOCK[kind])
    text, good = public_text(key), stock.sign(key)
    for _ in range(60):
        damaged = _damaged(good, rng)
        if damaged == good:
            continue
        with pytest.raises(SignatureError) as caught:
            verify(PAYLOAD, damaged, NAMESPACE)
        if stock.accepts(text, damaged):
            assert any(message in caught.value.message for _, message in STRICTER.values()), damaged


def rebuilt(armor: bytes, change: Callable[[list[bytes]], None], version: int = 1) -> bytes:
    """The same signature with its five fields changed."""
    blob, fields = blob_of(armor)[10:], []
    while blob:
        size = struct.unpack(">I", blob[:4])[0]
        fields.append(blob[4 : 4 + size])
        blob = blob[4 + size :]
    change(fields)
    return armored(b"SSHSIG" + struct.pack(">I", version) + pack(*fields))


def _reserved(fields: list[bytes]) -> None:
    fields[2] = b"reserved"


def _unreduced(fields: list[bytes]) -> None:
    """S and S plus the group's order verify alike for who does not compare."""
    s = int.from_bytes(fields[4][-32:], "little") + GROUP_ORDER
    fields[4] = fields[4][:-32] + s.to_bytes(32, "little")


def _nothing(_fields: list[bytes]) -> None:
    pass


STRICTER: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "version 0": (lambda a: rebuilt(a, _nothing, version=0), "not SSHSIG version 1"),
    "something in reserved": (lambda a: rebuilt(a, _reserved), "something in its reserved field"),
    "S not reduced": (lambda a: rebuilt(a, _unreduced), "was not made over these bytes"),
    "other line length": (
        lambda a: a.replace(a.splitlines()[1], a.splitlines()[1][:30] + b"\n" + a.splitlines()[1][30:]),
        "not framed, wrapped and padded",
    ),
    "bytes after the footer": (lambda a: a + b"more\n", "not armoured"),
    "no final newline": (lambda a: a.rstrip(b"\n"), "not armoured"),
    "blank line": (lambda a: a.replace(b"\n", b"\n\n", 1), "not framed, wrapped and padded"),
}


@pytest.mark.parametrize(("change", "message"), STRICTER.values(), ids=STRICTER)
def test_stricter_than_stock_one_signature_is_one_file(
    stock: Stock, change: Callable[[bytes], bytes], message: str
) -> None:
    key = member_key("mgh")
    changed = change(key.sign(PAYLOAD, NAMESPACE))
    assert stock.accepts(key.public_text, changed)
    with pytest.raises(SignatureError, match=message):
        verify(PAYLOAD, changed, NAMESPACE)


def mpint(value: int) -> bytes:
    return value.to_bytes(value.bit_length() // 8 + 1)


def ecdsa_blob(private: ec.EllipticCurvePrivateKey) -> bytes:
    numbers = private.public_key().public_numbers()
    point = b"\x04" + numbers.x.to_bytes(32) + numbers.y.to_bytes(32)
    return pack(b"ecdsa-sha2-nistp256", b"nistp256", point)


def test_stricter_than_stock_no_needless_zeros_in_ecdsa(stock: Stock) -> None:
    private = ec.derive_private_key(7, ec.SECP256R1())
    blob = ecdsa_blob(private)
    text = f"ecdsa-sha2-nistp256 {base64.b64encode(blob).decode()}"
    signature = private.sign(to_be_signed(PAYLOAD, NAMESPACE), ec.ECDSA(hashes.SHA256()))
    r, s = (mpint(number) for number in decode_dss_signature(signature))

    def file(numbers: bytes, key: bytes = blob) -> bytes:
        return envelope(key, NAMESPACE, pack(b"ecdsa-sha2-nistp256", numbers))

    assert accepts(text, file(pack(r, s)))
    assert stock.accepts(text, file(pack(r, s)))
    assert stock.accepts(text, file(pack(b"\0" + r, s)))
    for bad in (pack(b"\0" + r, s), pack(r, b""), pack(r, b"\xff" * 32)):
        with pytest.raises(SignatureError, match="not positive and minimal"):
            verify(PAYLOAD, file(bad), NAMESPACE)
    with pytest.raises(SignatureError, match="bytes left over"):
        verify(PAYLOAD, file(pack(r, s) + b"\0"), NAMESPACE)
    elsewhere = blob[:-1] + bytes([blob[-1] ^ 1])
    with pytest.raises(SignatureError, match="not a point of its curve"):
        verify(PAYLOAD, file(pack(r, s), elsewhere), NAMESPACE)


class SecurityKey:
    """A security key in software, as PROTOCOL.u2f describes it."""

    def __init__(self, application: bytes = b"ssh:") -> None:
        self.private = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"token").digest())
        self.application = application
        point = self.private.public_key().public_bytes_raw()
        self.blob = pack(b"sk-ssh-ed25519@openssh.com", point, application)
        self.text = f"sk-ssh-ed25519@openssh.com {base64.b64encode(self.blob).decode()}"

    def sign(self, flags: int, end: bytes = b"") -> bytes:
        report = bytes([flags]) + struct.pack(">I", 42)
        message = hashlib.sha256(to_be_signed(PAYLOAD, NAMESPACE)).digest()
        signature = self.private.sign(hashlib.sha256(self.application).digest() + report + message)
        inner = pack(b"sk-ssh-ed25519@openssh.com", signature) + report + end
        return envelope(self.blob, NAMESPACE, inner)


@pytest.mark.parametrize("flags", [0x01, 0x05])
def test_a_touched_security_key_is_accepted(stock: Stock, flags: int) -> None:
    token = SecurityKey()
    assert verify(PAYLOAD, token.sign(flags), NAMESPACE).text == token.text
    assert stock.accepts(token.text, token.sign(flags))
    assert not accepts(token.text, token.sign(flags), PAYLOAD + b"x")


def test_an_untouched_security_key_is_refused() -> None:
    with pytest.raises(SignatureError, match="without being touched"):
        verify(PAYLOAD, SecurityKey().sign(0x04), NAMESPACE)


def test_a_security_key_signature_is_bound_to_flags_and_counter() -> None:
    armor = SecurityKey().sign(0x05)
    blob = blob_of(armor)
    assert not accepts(SecurityKey().text, armored(blob[:-5] + b"\x01" + blob[-4:]))
    assert not accepts(SecurityKey().text, armored(blob[:-1] + b"\xff"))
    assert not accepts(SecurityKey().text, SecurityKey().sign(0x01, end=b"\0"))


def test_a_security_key_of_another_application_is_refused() -> None:
    with pytest.raises(SignatureError, match=r"is for application 'https://example\.org', not for 'ssh:'"):
        verify(PAYLOAD, SecurityKey(b"https://example.org").sign(0x01), NAMESPACE)


def _rsa_file(key: rsa.RSAPrivateKey, algorithm: str, hash_: hashes.HashAlgorithm) -> tuple[str, bytes]:
    numbers = key.public_key().public_numbers()
    blob = pack(b"ssh-rsa", mpint(numbers.e), mpint(numbers.n))
    signature = key.sign(to_be_signed(PAYLOAD, NAMESPACE), padding.PKCS1v15(), hash_)
    text = f"ssh-rsa {base64.b64encode(blob).decode()}"
    return text, envelope(blob, NAMESPACE, pack(algorithm.encode(), signature))


def test_rsa_with_sha2_only(stock: Stock) -> None:
    key = rsa.generate_private_key(65537, 3072)
    for algorithm, hash_ in (("rsa-sha2-256", hashes.SHA256()), ("rsa-sha2-512", hashes.SHA512())):
        text, armor = _rsa_file(key, algorithm, hash_)
        assert accepts(text, armor)
        assert stock.accepts(text, armor)
    for algorithm in ("ssh-rsa", "rsa-sha2-1", "ssh-ed25519"):
        text, armor = _rsa_file(key, algorithm, hashes.SHA1())  # noqa: S303 - that it is refused is the test
        with pytest.raises(SignatureError, match=f"algorithm '{algorithm}' is not accepted"):
            verify(PAYLOAD, armor, NAMESPACE)
        assert not stock.accepts(text, armor)
    text, armor = _rsa_file(key, "rsa-sha2-512", hashes.SHA256())
    assert not accepts(text, armor)


def test_small_rsa_is_refused_though_stock_takes_it(stock: Stock) -> None:
    key = stock.key("rsa-2048", "-t", "rsa", "-b", "2048")
    armor = stock.sign(key)
    assert stock.accepts(public_text(key), armor)
    with pytest.raises(SignatureError, match="RSA key has 2048 bits, accepted are 3072 to 16384"):
        verify(PAYLOAD, armor, NAMESPACE)


def point_blob(point: bytes, *more: bytes) -> str:
    return "ssh-ed25519 " + base64.b64encode(pack(b"ssh-ed25519", point, *more)).decode()


GOOD = member_key("mgh").public_text
ECDSA = (
    "ecdsa-sha2-nistp256 " + base64.b64encode(ecdsa_blob(ec.derive_private_key(7, ec.SECP256R1()))).decode()
)
RSA_E = b"\x01\x00\x01"
BAD_KEYS = {
    "a comment": (f"{GOOD} laptop", "without a comment"),
    "a trailing space": (f"{GOOD} ", "without a comment"),
    "a line break": (f"{GOOD}\n", "not base64"),
    "options": (f"restrict {GOOD}", "without a comment"),
    "only a type": ("ssh-ed25519", "without a comment"),
    "nothing": ("", "without a comment"),
    "not base64": ("ssh-ed25519 ???", "not base64"),
    "not ASCII": ("ssh-ed25519 ä", "not base64"),
    "no key": ("ssh-ed25519 AAAA", "cut short"),
    "loose bits in base64": (f"{ECDSA[:-2]}{chr(ord(ECDSA[-2]) + 1)}=", "not in canonical base64"),
    "another type outside": (
        GOOD.replace("ssh-ed25519", "ssh-rsa", 1),
        "says 'ssh-rsa' outside and 'ssh-ed25519'",
    ),
    "bytes left over": (point_blob(b"\x05" * 32, b""), "has 2 fields, not 1"),
    "short point": (point_blob(b"\x05" * 31), "not 32 bytes long"),
    "the neutral point": (point_blob(b"\x01" + bytes(31)), "not a canonical point of large order"),
    "a point of order 8": (
        point_blob(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")),
        "not a canonical point of large order",
    ),
    "y beyond the prime": (point_blob((2**255 - 18).to_bytes(32, "little")), "not a canonical point"),
    "DSA": (
        "ssh-dss " + base64.b64encode(pack(b"ssh-dss", b"x")).decode(),
        "key type 'ssh-dss' is not accepted",
    ),
    "ECDSA security key": (
        "sk-ecdsa-sha2-nistp256@openssh.com "
        + base64.b64encode(pack(b"sk-ecdsa-sha2-nistp256@openssh.com", b"nistp256", b"", b"ssh:")).decode(),
        "key type 'sk-ecdsa-sha2-nistp256@openssh.com' is not accepted",
    ),
    "wrong curve": (
        "ecdsa-sha2-nistp256 "
        + base64.b64encode(pack(b"ecdsa-sha2-nistp256", b"nistp384", b"\x04" + bytes(96))).decode(),
        "names the curve 'nistp384'",
    ),
    "compressed point": (
        "ecdsa-sha2-nistp256 "
        + base64.b64encode(pack(b"ecdsa-sha2-nistp256", b"nistp256", b"\x02" + bytes(32))).decode(),
        "not an uncompressed point",
    ),
    "RSA with a needless zero": (
        "ssh-rsa " + base64.b64encode(pack(b"ssh-rsa", RSA_E, b"\0\0\xff" + b"\xff" * 383)).decode(),
        "not positive and minimal",
    ),
    "RSA of negative modulus": (
        "ssh-rsa " + base64.b64encode(pack(b"ssh-rsa", RSA_E, b"\xff" * 384)).decode(),
        "not positive and minimal",
    ),
    "RSA with exponent 1": (
        "ssh-rsa " + base64.b64encode(pack(b"ssh-rsa", b"\x01", b"\0" + b"\xff" * 384)).decode(),
        "exponent that is even or out of range",
    ),
    "huge": ("ssh-rsa " + "A" * 9000, "longer than 8192 characters"),
}


@pytest.mark.parametrize(("text", "message"), BAD_KEYS.values(), ids=BAD_KEYS)
def test_a_public_key_is_refused(text: str, message: str) -> None:
    with pytest.raises(SignatureError, match=message):
        parse_public_key(text)


def test_a_point_of_small_order_would_verify_anything_with_stock(stock: Stock) -> None:
    """Why such keys are refused: with the neutral point as key, one signature fits every file."""
    blob = pack(b"ssh-ed25519", b"\x01" + bytes(31))
    text = f"ssh-ed25519 {base64.b64encode(blob).decode()}"
    armor = envelope(blob, NAMESPACE, pack(b"ssh-ed25519", b"\x01" + bytes(31) + bytes(32)))
    assert stock.accepts(text, armor, b"one")
    assert stock.accepts(text, armor, b"other")
    assert not accepts(text, armor)


@pytest.mark.parametrize("kind", STOCK)
def test_a_stock_public_key_is_read(stock: Stock, kind: str) -> None:
    text = public_text(stock.key(kind, *STOCK[kind]))
    assert parse_public_key(text).text == text


@pytest.mark.parametrize(
    "data", [b"", b"-----BEGIN SSH SIGNATURE-----\n-----END SSH SIGNATURE-----\n", b"x" * 20_000]
)
def test_what_is_no_signature_is_refused(data: bytes) -> None:
    with pytest.raises(SignatureError):
        verify(PAYLOAD, data, NAMESPACE)


def test_a_hash_that_is_not_ours_is_refused() -> None:
    key = member_key("mgh")
    inner = pack(b"ssh-ed25519", key.private.sign(to_be_signed(PAYLOAD, NAMESPACE, "sha1")))
    with pytest.raises(SignatureError, match="uses hash 'sha1', expected 'sha256' or 'sha512'"):
        verify(PAYLOAD, envelope(key.blob, NAMESPACE, inner, "sha1"), NAMESPACE)
