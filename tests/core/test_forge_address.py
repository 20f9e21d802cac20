"""Which forge an address belongs to; a token goes to that host and to nobody else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from medperf_cli.adapters.credentials import Token, find_token, given_to_git, host_of
from medperf_cli.adapters.forge.address import forge_address
from medperf_cli.adapters.forge.api import Vendor
from medperf_cli.adapters.store.settings import FORGES
from medperf_cli.errors import ConfigurationError, TokenError

KNOWN = {
    "https://github.com/org/registry.git": ("github", "github.com", "org/registry", "https://api.github.com"),
    "git@github.com:org/registry.git": ("github", "github.com", "org/registry", "https://api.github.com"),
    "ssh://git@github.example.org/org/registry": (
        *("github", "github.example.org", "org/registry", "https://github.example.org/api/v3"),
    ),
    "https://gitlab.example.org:8443/a/b/c.git": (
        *("gitlab", "gitlab.example.org", "a/b/c", "https://gitlab.example.org:8443"),
    ),
    "https://codeberg.org/org/registry": ("forgejo", "codeberg.org", "org/registry", "https://codeberg.org"),
}
BARE = [
    "/srv/registry.git",
    "file:///srv/registry.git",
    "ssh://host.example.org/srv/r.git",
    "host:r.git",
    ".",
]


@pytest.mark.parametrize("url", KNOWN)
def test_a_known_forge_is_told_by_its_host(url: str) -> None:
    found = forge_address(url)
    assert found is not None
    assert (found.vendor, found.host, found.repository, found.api) == KNOWN[url]


@pytest.mark.parametrize("url", BARE)
def test_anything_else_is_a_bare_repository(url: str) -> None:
    assert forge_address(url) is None


def test_a_setting_says_whose_an_unknown_host_is() -> None:
    url = "https://git.example.org/org/registry.git"
    assert forge_address(url) is None
    found = forge_address(url, "gitlab", "https://api.example.org/")
    assert found is not None
    assert (found.vendor, found.api) == (Vendor.GITLAB, "https://api.example.org")
    assert forge_address("https://github.com/org/registry", "bare") is None
    assert set(FORGES) == {"auto", "bare", *Vendor}


@pytest.mark.parametrize(
    "url", ["/srv/registry.git", "https://github.com/alone", "https://github.com/a/../b"]
)
def test_an_address_that_names_no_repository_is_told(url: str) -> None:
    with pytest.raises(ConfigurationError, match="names no repository"):
        forge_address(url, "github")


def test_a_vendors_own_variable_is_for_its_own_host_only() -> None:
    environ = {"GITHUB_TOKEN": "secret"}
    found = find_token("https://github.com/org/r", environ)
    assert found is not None
    assert (found.text, found.source) == ("secret", "variable GITHUB_TOKEN")
    assert "secret" not in repr(found)
    assert find_token("https://github.evil.example/org/r", environ) is None
    own = {**environ, "GITHUB_SERVER_URL": "https://github.example.org"}
    assert find_token("git@github.example.org:org/r", own) is not None


def test_a_token_file_is_read_if_nobody_else_may(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("secret\nmore\n")
    file.chmod(0o644)
    with pytest.raises(TokenError, match="may be read by others"):
        find_token("https://github.com/o/r", {}, file)
    file.chmod(0o600)
    assert find_token("https://github.com/o/r", {}, file) == Token("secret", f"file '{file}'")
    file.write_text("\n")
    with pytest.raises(TokenError, match="is empty"):
        find_token("https://github.com/o/r", {}, file)
    with pytest.raises(TokenError, match="cannot read"):
        find_token("https://github.com/o/r", {}, tmp_path / "none")


def test_git_is_given_it_for_that_site_alone_and_never_in_the_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    given = given_to_git("https://git.example.org:8443/o/r.git", Token("secret", "x"))
    assert given["GIT_CONFIG_KEY_1"] == "credential.https://git.example.org:8443.helper"
    assert given["GIT_CONFIG_COUNT"] == "2"
    assert "secret" not in given["GIT_CONFIG_VALUE_1"]
    for url in ("http://git.example.org/o/r", "https://me:pw@git.example.org/o/r", "git@x:o/r", os.sep):
        assert given_to_git(url, Token("secret", "x")) == {}


def test_the_host_of_every_sort_of_address() -> None:
    assert [host_of(u) for u in ("https://A.example:1/x", "git@b:o/r", "/c", "d/e:f", "")] == [
        *("a.example", "b", "", "", ""),
    ]


@pytest.mark.parametrize("vendor", ["gitlab", "forgejo"])
def test_a_site_may_be_below_a_path(vendor: str) -> None:
    found = forge_address("https://example.org/git/org/registry.git", vendor, "https://example.org/git")
    assert found is not None
    assert (found.repository, found.api) == ("org/registry", "https://example.org/git")
    with pytest.raises(ConfigurationError, match="names no repository"):
        forge_address("https://example.org/git/alone.git", vendor, "https://example.org/git")
