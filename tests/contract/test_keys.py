"""Signing with the real `ssh-keygen` and `ssh-agent`: what works, and what each obstacle says."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from medperf_cli.adapters.keys import ssh_keygen
from medperf_cli.adapters.keys.base import Signer
from medperf_cli.adapters.keys.ssh_keygen import SshKeygenSigner, generate
from medperf_cli.core.sshsig import parse_public_key, verify
from medperf_cli.errors import ConfigurationError
from tests.support.keys import member_key

NAMESPACE = "cube.v1@0123456789abcdef0123456789abcdef"
PAYLOAD = b"schema: cube/1\n"
PASSPHRASE = "correct horse"  # noqa: S105 - of a key that lives for one test


@pytest.fixture
def agent(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An ssh-agent of the test's own."""
    address = tmp_path_factory.mktemp("agent") / "socket"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(address)], stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 10
    while not address.exists():
        assert time.monotonic() < deadline, "ssh-agent did not start"
        time.sleep(0.01)
    monkeypatch.setenv("SSH_AUTH_SOCK", str(address))
    yield
    process.terminate()
    process.wait()


def stock_key(path: Path, passphrase: str = "", *options: str) -> Path:
    kind = options or ("-t", "ed25519")
    subprocess.run(["ssh-keygen", "-q", *kind, "-N", passphrase, "-C", "a laptop", "-f", path], check=True)
    return path


def public_text(key: Path) -> str:
    return " ".join(key.with_name(f"{key.name}.pub").read_text().split()[:2])


def key_file(folder: Path) -> SshKeygenSigner:
    return SshKeygenSigner(stock_key(folder / "key"))


def ecdsa_key_file(folder: Path) -> SshKeygenSigner:
    return SshKeygenSigner(stock_key(folder / "key", "", "-t", "ecdsa"))


def ecdsa_521_key_file(folder: Path) -> SshKeygenSigner:
    return SshKeygenSigner(stock_key(folder / "key", "", "-t", "ecdsa", "-b", "521"))


def rsa_key_file(folder: Path) -> SshKeygenSigner:
    return SshKeygenSigner(stock_key(folder / "key", "", "-t", "rsa", "-b", "3072"))


def in_the_agent_only(folder: Path, *options: str) -> SshKeygenSigner:
    path = stock_key(folder / "key", "", *options)
    subprocess.run(["ssh-add", "-q", path], check=True)
    path.unlink()
    return SshKeygenSigner(folder / "key.pub")


def ecdsa_384_key_in_the_agent(folder: Path) -> SshKeygenSigner:
    return in_the_agent_only(folder, "-t", "ecdsa", "-b", "384")


def rsa_key_in_the_agent(folder: Path) -> SshKeygenSigner:
    return in_the_agent_only(folder, "-t", "rsa", "-b", "3072")


def key_file_without_pub(folder: Path) -> SshKeygenSigner:
    path = stock_key(folder / "key")
    path.with_name("key.pub").rename(folder / "kept.pub")
    return SshKeygenSigner(path)


def pub_file_beside_its_key(folder: Path) -> SshKeygenSigner:
    stock_key(folder / "key")
    return SshKeygenSigner(folder / "key.pub")


def pub_file_of_a_key_in_the_agent(folder: Path) -> SshKeygenSigner:
    return in_the_agent_only(folder)


def encrypted_key_in_the_agent(folder: Path) -> SshKeygenSigner:
    path = stock_key(folder / "key")
    subprocess.run(["ssh-add", "-q", path], check=True)
    subprocess.run(["ssh-keygen", "-q", "-p", "-P", "", "-N", PASSPHRASE, "-f", path], check=True)
    return SshKeygenSigner(path)


def generated_key(folder: Path) -> SshKeygenSigner:
    generate(folder / "new" / "key", "mgh laptop")
    return SshKeygenSigner(folder / "new" / "key")


@pytest.mark.usefixtures("agent")
@pytest.mark.parametrize(
    "make",
    [
        key_file,
        ecdsa_key_file,
        ecdsa_521_key_file,
        rsa_key_file,
        key_file_without_pub,
        pub_file_beside_its_key,
        pub_file_of_a_key_in_the_agent,
        ecdsa_384_key_in_the_agent,
        rsa_key_in_the_agent,
        encrypted_key_in_the_agent,
        generated_key,
    ],
)
def test_every_signer_signs_what_everybody_can_verify(make: Callable[[Path], Signer], tmp_path: Path) -> None:
    signer = make(tmp_path)
    armor = signer.sign(PAYLOAD, NAMESPACE)
    assert verify(PAYLOAD, armor, NAMESPACE) == signer.public_key
    (tmp_path / "sig").write_bytes(armor)
    (tmp_path / "signers").write_text(f"mgh {signer.public_key.text}\n")
    stock = ["ssh-keygen", "-Y", "verify", "-f", "signers", "-I", "mgh", "-n", NAMESPACE, "-s", "sig"]
    subprocess.run(stock, input=PAYLOAD, check=True, capture_output=True, cwd=tmp_path)


def test_a_small_rsa_key_is_told_before_anything_is_signed(tmp_path: Path) -> None:
    signer = SshKeygenSigner(stock_key(tmp_path / "key", "", "-t", "rsa", "-b", "2048"))
    with pytest.raises(ConfigurationError, match="RSA key has 2048 bits, accepted are 3072 to 16384"):
        signer.sign(PAYLOAD, NAMESPACE)


def test_a_new_key_is_for_its_owner_only_and_carries_its_label(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "id"
    key = generate(path, "mgh laptop, 2026")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert path.with_name("id.pub").read_text() == f"{key.text} mgh laptop, 2026\n"
    assert parse_public_key(key.text) == key


@pytest.mark.parametrize("taken", ["key", "key.pub"])
def test_a_key_is_never_overwritten(taken: str, tmp_path: Path) -> None:
    (tmp_path / taken).write_text("precious")
    with pytest.raises(ConfigurationError, match="exists, and a key is never overwritten"):
        generate(tmp_path / "key", "mgh")
    assert (tmp_path / taken).read_text() == "precious"
    assert [entry.name for entry in tmp_path.iterdir()] == [taken]


def test_a_label_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="the label of a key must be one line"):
        generate(tmp_path / "key", "mgh\nssh-ed25519 AAAA")
    assert list(tmp_path.iterdir()) == []


def test_a_key_in_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match=r"not a directory|file exists"):
        generate(tmp_path / "file" / "key", "mgh")


def test_a_missing_key_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="key': no such file or directory") as caught:
        SshKeygenSigner(tmp_path / "key").sign(PAYLOAD, NAMESPACE)
    assert "medperf key new" in caught.value.hint


def test_a_folder_in_place_of_a_key_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is a directory"):
        SshKeygenSigner(tmp_path).sign(PAYLOAD, NAMESPACE)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_key_file_of_somebody_else(tmp_path: Path) -> None:
    path = stock_key(tmp_path / "key")
    (tmp_path / "key.pub").unlink()
    path.chmod(0)
    with pytest.raises(ConfigurationError, match="key': permission denied"):
        SshKeygenSigner(path).sign(PAYLOAD, NAMESPACE)


def test_a_file_that_is_no_key(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("hello\n")
    (tmp_path / "key").chmod(0o600)
    with pytest.raises(ConfigurationError, match=r"`ssh-keygen` cannot use key '.*key'"):
        SshKeygenSigner(tmp_path / "key").sign(PAYLOAD, NAMESPACE)
    (tmp_path / "key.pub").write_text("hello\n")
    with pytest.raises(ConfigurationError, match="public key is not 'type base64'"):
        SshKeygenSigner(tmp_path / "key").sign(PAYLOAD, NAMESPACE)


def test_a_key_file_that_others_may_read(tmp_path: Path) -> None:
    path = stock_key(tmp_path / "key")
    path.chmod(0o644)
    with pytest.raises(ConfigurationError, match="others may read key file") as caught:
        SshKeygenSigner(path).sign(PAYLOAD, NAMESPACE)
    assert f"chmod 600 {path}" in caught.value.hint


def test_a_pub_file_without_its_private_key(tmp_path: Path) -> None:
    stock_key(tmp_path / "key").unlink()
    with pytest.raises(ConfigurationError, match="neither in a file beside it nor in ssh-agent"):
        SshKeygenSigner(tmp_path / "key.pub").sign(PAYLOAD, NAMESPACE)


def test_a_pub_file_of_another_key(tmp_path: Path) -> None:
    stock_key(tmp_path / "key")
    shutil.copy(stock_key(tmp_path / "other").with_name("other.pub"), tmp_path / "key.pub")
    with pytest.raises(ConfigurationError, match="two different keys"):
        SshKeygenSigner(tmp_path / "key").sign(PAYLOAD, NAMESPACE)


def test_a_key_that_registries_do_not_take(tmp_path: Path) -> None:
    path = stock_key(tmp_path / "key", "", "-t", "rsa", "-b", "2048")
    with pytest.raises(ConfigurationError, match="RSA key has 2048 bits"):
        SshKeygenSigner(path).sign(PAYLOAD, NAMESPACE)


@pytest.mark.parametrize("has_pub", [True, False])
def test_a_passphrase_is_an_error_at_once_where_nobody_can_be_asked(
    has_pub: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = tmp_path / "asked"
    program(tmp_path / "askpass", f"touch {asked}; sleep 60")
    monkeypatch.setenv("SSH_ASKPASS", str(tmp_path / "askpass"))
    monkeypatch.setenv("SSH_ASKPASS_REQUIRE", "force")
    monkeypatch.setenv("DISPLAY", ":0")
    path = stock_key(tmp_path / "key", PASSPHRASE)
    if not has_pub:
        (tmp_path / "key.pub").unlink()
    with pytest.raises(
        ConfigurationError, match="needs its passphrase, and nobody can be asked here"
    ) as caught:
        SshKeygenSigner(path).sign(PAYLOAD, NAMESPACE)
    assert f"ssh-add {path}" in caught.value.hint
    assert not asked.exists()


AT_A_TERMINAL = """
import fcntl, os, sys, termios
from pathlib import Path
from medperf_cli.adapters.keys.ssh_keygen import SshKeygenSigner
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
signer = SshKeygenSigner(Path(sys.argv[1]), interactive=True)
os.write(1, signer.sign(b"schema: cube/1\\n", sys.argv[2]))
"""


def test_a_passphrase_is_asked_for_at_the_terminal(tmp_path: Path) -> None:
    path = stock_key(tmp_path / "key", PASSPHRASE)
    ours, theirs = os.openpty()
    command = [sys.executable, "-c", AT_A_TERMINAL, str(path), NAMESPACE]
    with subprocess.Popen(command, stdin=theirs, stderr=theirs, stdout=subprocess.PIPE) as child:
        os.close(theirs)
        seen = b""
        while b"passphrase" not in seen:
            seen += os.read(ours, 1024)
        os.write(ours, f"{PASSPHRASE}\n".encode())
        armor = child.communicate(timeout=20)[0]
    os.close(ours)
    assert verify(PAYLOAD, armor, NAMESPACE).text == public_text(path)


def program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_no_ssh_keygen_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = stock_key(tmp_path / "key")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigurationError, match="program 'ssh-keygen' was not found") as caught:
        SshKeygenSigner(path).sign(PAYLOAD, NAMESPACE)
    assert "install OpenSSH" in caught.value.hint
    with pytest.raises(ConfigurationError, match="program 'ssh-keygen' was not found"):
        generate(tmp_path / "new", "mgh")


def test_an_ssh_keygen_from_before_it_could_sign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = stock_key(tmp_path / "key")
    program(tmp_path / "ssh-keygen", "echo 'unknown option -- Y' >&2; exit 1")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigurationError, match="`ssh-keygen` is too old"):
        SshKeygenSigner(path).sign(PAYLOAD, NAMESPACE)


def test_an_ssh_keygen_that_waits_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = stock_key(tmp_path / "key")
    program(tmp_path / "ssh-keygen", "exec sleep 60")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(ssh_keygen, "_TIMEOUT", 0.3)
    with pytest.raises(ConfigurationError, match="did not finish"):
        SshKeygenSigner(path).sign(PAYLOAD, NAMESPACE)


def test_what_ssh_keygen_gives_back_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = stock_key(tmp_path / "key")
    over_other_bytes = SshKeygenSigner(path).sign(b"other bytes", NAMESPACE)
    by_another_key = member_key("mgh").sign(PAYLOAD, NAMESPACE)
    program(tmp_path / "ssh-keygen", f"exec cat {tmp_path}/sig")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    (tmp_path / "sig").write_bytes(over_other_bytes)
    with pytest.raises(ConfigurationError, match="cannot be used: signature was not made over these bytes"):
        SshKeygenSigner(path).sign(PAYLOAD, NAMESPACE)
    (tmp_path / "sig").write_bytes(by_another_key)
    with pytest.raises(ConfigurationError, match="two different keys"):
        SshKeygenSigner(path).sign(PAYLOAD, NAMESPACE)
