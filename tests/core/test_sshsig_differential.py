"""Our verdict on SSHSIG equals `ssh-keygen`'s, on ten thousand damaged signatures and allowed-signers lines.

`python -m benchmarks.fuzz_sshsig` runs a hundred thousand of the same.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import fuzz_sshsig
from benchmarks.fuzz_sshsig import Outcome, judge, ours, run, stock
from benchmarks.fuzz_sshsig_cases import NAMESPACE, PAYLOAD, Case, good, line
from benchmarks.fuzz_sshsig_keys import keys
from benchmarks.fuzz_sshsig_mutations import mutant
from medperf_cli.core import sshsig
from medperf_cli.core.sshsig import verify
from medperf_cli.errors import SignatureError
from tests.support.keys import armored

CHUNK = 500
REASONS = {
    "ECDSA numbers with needless zeros",
    "ECDSA security key",
    "NUL behind a text",
    "RSA below 3072 bits",
    "RSA signature shorter than its modulus",
    "armour in another spelling",
    "ed25519 key not canonical or of small order",
    "ed25519's S not reduced",
    "key in other bytes: needless zeros, or NUL behind a text",
    "line: NUL, where C stops reading",
    "line: comment, space or carriage return behind the key",
    "line: key in another spelling",
    "line: namespaces as a pattern, or not ours",
    "line: namespaces of two registries",
    "line: no namespaces, so all",
    "line: option in capitals",
    "line: other lines, or no line break at its end",
    "line: other options, such as validity",
    "line: other spacing",
    "line: principals as a list, pattern or in quotes",
    "reserved field filled",
    "security key not touched",
    "security key of another application",
    "version 0",
}
"""All that we are stricter in; ADR 0010 and 0026 say why."""
OURS = ["ed25519", "sk-ed25519", "ecdsa-256", "ecdsa-384", "ecdsa-521", "rsa-3072", "rsa-4096"]
NOT_OURS = ["rsa-2048", "sk-ecdsa", "sk of no application"]


def case_of(name: str) -> Case:
    return Case(PAYLOAD, armored(good(name, b"sha512").blob()), line(keys()[name]))


@pytest.mark.parametrize("chunk", range(20))
def test_the_verdicts_are_equal_but_for_what_is_listed(chunk: int) -> None:
    outcome = run(range(chunk * CHUNK, (chunk + 1) * CHUNK), "tests")
    assert outcome.faults == []
    assert set(outcome.stricter) <= REASONS
    assert outcome.count == CHUNK
    assert min(outcome.both_accept, outcome.both_refuse, outcome.stricter.total()) > 0


def test_a_case_is_known_by_its_seed() -> None:
    assert [mutant(f"x:{n}") for n in range(40)] == [mutant(f"x:{n}") for n in range(40)]


@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("hash_name", [b"sha256", b"sha512"])
def test_both_accept_what_is_in_order(name: str, hash_name: bytes, tmp_path: Path) -> None:
    case = replace(case_of(name), armor=armored(good(name, hash_name).blob()))
    assert ours(case)
    assert stock(case, tmp_path)
    for other in (
        replace(case, payload=PAYLOAD + b" "),
        replace(case, namespace=NAMESPACE.replace("result", "cube")),
        replace(case, principal="other"),
        replace(case, signers=line(keys()["ed25519 of another"])),
        replace(case, signers=b""),
    ):
        assert not ours(other)
        assert not stock(other, tmp_path)


@pytest.mark.parametrize("name", NOT_OURS)
def test_keys_that_only_stock_accepts(name: str, tmp_path: Path) -> None:
    assert not ours(case_of(name))
    assert stock(case_of(name), tmp_path)


def test_the_comparison_finds_a_verdict_that_is_too_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = case_of("ed25519")
    outcome = Outcome()
    monkeypatch.setattr(fuzz_sshsig, "verify", lambda *_: verify(PAYLOAD, case.armor, NAMESPACE))
    judge(outcome, "forged", replace(case, payload=b"forged"), tmp_path)
    assert "we accept what ssh-keygen refuses" in outcome.faults[0]


def test_the_comparison_finds_a_strictness_that_is_not_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        raise SignatureError("no")

    outcome = Outcome()
    monkeypatch.setattr(fuzz_sshsig, "verify", never)
    judge(outcome, "good", case_of("ed25519"), tmp_path)
    assert "we refuse what ssh-keygen accepts" in outcome.faults[0]
    assert outcome.stricter.total() == 0


def test_what_is_remembered_is_remembered_for_exactly_what_was_asked() -> None:
    case = case_of("ed25519")
    sshsig._verify.cache_clear()
    for _ in range(2):
        assert verify(case.payload, case.armor, case.namespace).text == keys()["ed25519"].text
        for changed in (
            (case.payload + b" ", case.armor, case.namespace),
            (case.payload, case_of("ed25519 of another").armor.replace(b"A", b"B", 1), case.namespace),
            (case.payload, case.armor, case.namespace + "x"),
        ):
            with pytest.raises(SignatureError):
                verify(*changed)
    assert sshsig._verify.cache_info().currsize == 1, "what was refused is not remembered"
