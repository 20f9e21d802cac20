"""What we export for stock `ssh-keygen` lets each member sign what it may sign, and nobody anything else."""

from __future__ import annotations

import datetime as dt
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from medperf_cli.adapters.store.settings import load
from medperf_cli.core.check.findings import Verdict
from medperf_cli.core.lifecycle.reader import sha256
from medperf_cli.core.names import Kind
from medperf_cli.core.sshsig import verify
from medperf_cli.flows.deps import Deps
from medperf_cli.flows.reading.add_registry import add_registry
from medperf_cli.flows.reading.allowed_signers import allowed_signers, signers_line
from tests.support.acting import keys
from tests.support.hosting import Hosted
from tests.support.keys import member_key
from tests.support.office import Talk
from tests.support.world import REGISTRY

OWN = {"member", "cube", "benchmark", "dataset", "association", "result", "release", "decision", "closing"}
ADMIN = {"root", "redaction", "decision"}
ALL = sorted({str(kind) for kind in Kind} | {"closing"})
MEMBERS = ["ada", "tumor-board", "clara", "acme", "st-mary"]
PAYLOAD = b"schema: result/1\n"


def replaced_key(host: Hosted) -> None:
    """Acme gets a second key, and revokes its first as stolen."""
    world = host.world
    fields = {"name": "Acme", "type": "organisation", "contact": "registry@acme.example"}
    second = world.write(Kind.MEMBER, "acme", 2, **fields, keys=keys("acme", "acme-next"))
    host.enter({**second, **world.decide("ada", "members/acme/2.yml", added=second)})
    ended = keys("acme", "acme-next", revoked=("acme",))
    host.enter(world.write(Kind.MEMBER, "acme", 3, **fields, keys=ended, key=member_key("acme-next")))


@pytest.fixture(scope="module")
def host(templates: Callable[[int], Hosted], tmp_path_factory: pytest.TempPathFactory) -> Hosted:
    found = templates(5).copy(tmp_path_factory.mktemp("host"))
    replaced_key(found)
    return found


@pytest.fixture(scope="module")
def signers(host: Hosted, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The exported file, beside room for a signature."""
    home = tmp_path_factory.mktemp("reader")
    settings = load({"MEDPERF_HOME": str(home)}, home)
    now = dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)
    deps = Deps(settings, lambda: now, Talk(), lambda _: False, interactive=False)
    add_registry(deps, host.url, f"sha256:{sha256(host.world.files['root/1.yml'])}")
    file = home / "allowed_signers"
    file.write_text(allowed_signers(load({"MEDPERF_HOME": str(home)}, home)))
    return file


def stock_accepts(signers: Path, name: str, namespace: str, armor: bytes) -> bool:
    (signers.parent / "sig").write_bytes(armor)
    command = ["ssh-keygen", "-Y", "verify", "-f", signers, "-I", name, "-n", namespace, "-s", "sig"]
    done = subprocess.run(command, input=PAYLOAD, cwd=signers.parent, capture_output=True, check=False)
    return done.returncode == 0


@pytest.mark.parametrize("kind", ALL)
def test_each_member_signs_in_the_namespaces_of_what_it_may_write(signers: Path, kind: str) -> None:
    for owner in MEMBERS:
        namespace = f"{kind}.v1@{REGISTRY}"
        armor = member_key(owner).sign(PAYLOAD, namespace)
        assert verify(PAYLOAD, armor, namespace).text == member_key(owner).public_text
        may = kind in (OWN | ADMIN if owner == "ada" else OWN)
        assert stock_accepts(signers, owner, namespace, armor) == may
        another = "clara" if owner == "acme" else "acme"
        assert not stock_accepts(signers, another, namespace, armor), "in another member's name"


def test_nobody_signs_for_another_registry_and_no_stranger_at_all(signers: Path) -> None:
    elsewhere = f"result.v1@{'f' * 32}"
    assert not stock_accepts(signers, "acme", elsewhere, member_key("acme").sign(PAYLOAD, elsewhere))
    here = f"result.v1@{REGISTRY}"
    for name in (*MEMBERS, "stranger", "*", "recorder", ""):
        assert not stock_accepts(signers, name, here, member_key("stranger").sign(PAYLOAD, here))


def test_a_revoked_key_still_tells_who_signed_and_signs_nothing_new(host: Hosted, signers: Path) -> None:
    """History stays checkable by stock tools; whether a signature counts, only a replay says."""
    namespace = f"cube.v1@{REGISTRY}"
    for name in ("acme", "acme-next"):
        assert stock_accepts(signers, "acme", namespace, member_key(name).sign(PAYLOAD, namespace))
    added = host.world.write(
        Kind.DECISION,
        "members/acme/3/acme",
        subject=host.world.pin("members/acme/3.yml"),
        verdict="acknowledge",
        reason="with the stolen key",
    )
    report = host.world.check(added)
    assert report.verdict is Verdict.REJECT
    assert "SIG001" in {finding.rule for finding in report.findings}


def test_no_line_says_more_than_it_seems_to(signers: Path) -> None:
    """Commas, wildcards, quotes and options of `ssh-keygen` would each widen a line."""
    lines = signers.read_text().splitlines(keepends=True)
    assert len(lines) == len(MEMBERS) + 2, "one for each key ever admitted, and one for the admin's"
    for line in lines:
        name, namespaces, key = re.fullmatch(
            r'([a-z0-9-]+) namespaces="([^"]+)" ([^ ]+ [^ ]+)\n', line
        ).groups()  # type: ignore[union-attr]
        kinds = [re.fullmatch(rf"([a-z]+)\.v1@{REGISTRY}", space)[1] for space in namespaces.split(",")]  # type: ignore[index]
        assert signers_line(name, key, kinds, REGISTRY) == line
        assert set(kinds) in (OWN, ADMIN)
