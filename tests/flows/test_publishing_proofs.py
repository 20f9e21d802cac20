"""What anybody can prove of the whole story: with stock `ssh-keygen`, and as a chain to the pinned root."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from medperf_cli.core.names import parse_path, parse_signature_path
from medperf_cli.errors import IntegrityError, UnknownIdError, UsageError
from medperf_cli.flows.reading.allowed_signers import allowed_signers
from medperf_cli.flows.reading.explain import explain
from tests.support.hosting import Hosted
from tests.support.office import Office, office
from tests.support.story import STEPS
from tests.support.story_fields import DATASET, FOREST, TISSUE

pytestmark = pytest.mark.parametrize("host", [len(STEPS)], indirect=True)
RESULT = f"results/{TISSUE}/{FOREST}/{DATASET}/1"


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


@pytest.mark.parametrize("form", [RESULT, f"{RESULT}.yml", f"registry/{RESULT}.yml"])
def test_a_result_is_explained_up_to_the_pinned_root(reader: Office, form: str) -> None:
    chain = [link.what for link in explain(reader.deps, form)]
    assert chain[0] == f"file registry/{RESULT}.yml"
    assert chain[1] == "signed by st-mary"
    assert "st-mary is a member" in chain
    assert "ada decided: approve" in chain
    took_part = chain.index(f"models/{FOREST} takes part in {TISSUE}: effective")
    assert chain[took_part + 1] == "clara decided: approve"
    assert any(what.startswith("datasets/st-mary/") for what in chain)
    assert chain[-2] == f"root {reader.root}"
    assert chain[-1] == "standing: effective, in force"


def test_an_association_is_explained_by_the_decision_about_it(reader: Office) -> None:
    links = explain(reader.deps, f"associations/{TISSUE}/models/{FOREST}/1.yml")
    (decided,) = (link for link in links if link.what.startswith("clara decided"))
    assert f"under benchmarks/{TISSUE}/2.yml" in decided.why


def test_every_file_of_the_story_can_be_explained(reader: Office) -> None:
    paths = [p for p in reader.host.world.files if p.endswith(".yml")]
    for path in paths:
        links = explain(reader.deps, path)
        assert links[0].what == f"file registry/{path}"
        expected = parse_path(path).signer or "ada"
        assert links[1].what == f"signed by {expected}"


@pytest.mark.parametrize("text", ["nonsense", "results/../etc/passwd", "/etc/passwd", f"{RESULT}.sig"])
def test_what_is_no_path_is_a_usage_error(reader: Office, text: str) -> None:
    with pytest.raises(UsageError):
        explain(reader.deps, text)


def test_what_is_not_there_and_what_was_tampered_with(reader: Office) -> None:
    with pytest.raises(UnknownIdError):
        explain(reader.deps, RESULT.replace("/1", "/9"))
    index = reader.copy / "index.sqlite"
    data = index.read_bytes()
    index.write_bytes(data.replace(b"accuracy", b"accuraty"))
    with pytest.raises(IntegrityError):
        explain(reader.deps, RESULT)
