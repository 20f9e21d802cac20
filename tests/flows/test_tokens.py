"""Tokens, attacked: no other host, no other program and no error gets to see one."""

from __future__ import annotations

from pathlib import Path

import pytest

from medperf_cli.adapters.forge import gitlab
from medperf_cli.adapters.forge.address import ForgeAddress, forge_address
from medperf_cli.adapters.keys import ssh_keygen
from medperf_cli.adapters.store.git import printable
from medperf_cli.adapters.store.settings import Settings
from medperf_cli.adapters.trace import without_secrets
from medperf_cli.errors import ConfigurationError
from medperf_cli.flows.hosting.connecting import connected, hosted_address
from tests.support.hosting import Hosted

SECRET = "s3cret"  # noqa: S105 - what must not be found


@pytest.mark.parametrize("named", ["GITHUB_TOKEN", "MEDPERF_FORGE_TOKEN"])
def test_a_web_interface_on_another_host_gets_no_token_of_the_repositorys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    """A profile's `forge_api` stays when another registry comes into use; what is meant for us does count."""
    given: list[str | None] = []
    monkeypatch.setenv(named, SECRET)
    monkeypatch.setattr(gitlab, "connect", lambda _, token: given.append(token))
    url = "https://github.com/org/registry.git"
    settings = Settings(home=tmp_path, forge="gitlab", forge_api="https://git.hospital.example")
    address = hosted_address(settings, url)
    assert isinstance(address, ForgeAddress)
    _, for_git = connected(settings, url, address)
    assert given == [SECRET if named == "MEDPERF_FORGE_TOKEN" else None]
    assert for_git
    assert for_git.text == SECRET


def test_a_local_remotes_hook_and_ssh_keygen_get_no_token(
    host: Hosted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MEDPERF_FORGE_TOKEN", "MEDPERF_PUSH_TOKEN"):
        monkeypatch.setenv(name, SECRET)
    hook = host.path / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\nenv\nexit 1\n")
    said = host.member().push(f"{host.main()}:refs/heads/other").remote
    assert any(line.startswith("PATH=") for line in said)
    assert SECRET not in "".join(said)
    program = tmp_path / "ssh-keygen"
    program.write_text("#!/bin/sh\n/usr/bin/env\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    told = ssh_keygen._run(["-y"], tmp_path / "key", interactive=False)
    assert b"PATH=" in told
    assert SECRET.encode() not in told


def test_a_password_in_an_address_is_not_repeated_by_the_error_about_it() -> None:
    with pytest.raises(ConfigurationError) as told:
        forge_address(f"https://me:{SECRET}@github.com/alone", "github")
    assert SECRET not in told.value.message


@pytest.mark.parametrize("before", ["", "see ", "'", "1", "x-", "a://", "(", "é"])
def test_an_address_is_found_wherever_it_stands(before: str) -> None:
    assert without_secrets(f"{before}https://me:{SECRET}@host/x") == f"{before}https://host/x"


def test_a_line_of_one_long_word_is_read_once() -> None:
    """Squared, a remote that sends a few of them would keep every command busy for hours."""
    for word in ("a" * 1_000_000, f"a://{'x' * 1_000_000}"):
        assert printable(f"{word} https://me:{SECRET}@host/x") == f"{word} https://host/x"
