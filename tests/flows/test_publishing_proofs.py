"""What anybody can prove of the whole story with stock `ssh-keygen`."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from medperf_cli.core.names import parse_signature_path
from medperf_cli.flows.reading.allowed_signers import allowed_signers
from tests.support.hosting import Hosted
from tests.support.office import Office, office
from tests.support.story import STEPS

pytestmark = pytest.mark.parametrize("host", [len(STEPS)], indirect=True)


@pytest.fixture
def reader(host: Hosted) -> Office:
    return office(host, "acme")


def stock(signers: Path, principal: str, namespace: str, signature: Path, data: bytes) -> bool:
    """Whether stock `ssh-keygen -Y verify` accepts a signature."""
    argv = ["ssh-keygen", "-Y", "verify", "-f", signers, "-I", principal, "-n", namespace, "-s", signature]
    return subprocess.run(argv, input=data, capture_output=True, check=False).returncode == 0


def test_stock_ssh_keygen_accepts_every_signature_and_no_other(reader: Office, tmp_path: Path) -> None:
    signers = tmp_path / "allowed_signers"
    signers.write_text(allowed_signers(reader.settings))
    files = reader.host.world.files
    signatures = [p for p in files if p.endswith(".sig")]
    assert len(signatures) >= 20
    for path in signatures:
        found = parse_signature_path(path)
        entity, who = found.entity, found.admin or found.entity.signer or ""
        signature = tmp_path / "one.sig"
        signature.write_bytes(files[path])
        data, namespace = files[str(entity)], entity.namespace(reader.host.world.registry)
        assert stock(signers, who, namespace, signature, data), path
    assert not stock(signers, who, namespace, signature, data + b" "), "other bytes"
    assert not stock(signers, "clara", namespace, signature, data), "another member"
    assert not stock(signers, who, namespace.replace("result", "cube"), signature, data), "another kind"
    assert not stock(signers, who, f"result.v1@{'0' * 32}", signature, data), "another registry"


def test_only_admins_may_sign_roots(reader: Office) -> None:
    registry = reader.host.world.registry
    lines = allowed_signers(reader.settings).splitlines()
    assert {line.split()[0] for line in lines if f"root.v1@{registry}" in line} == {"ada"}
    assert {line.split()[0] for line in lines} == {"ada", "acme", "clara", "st-mary", "tumor-board"}
