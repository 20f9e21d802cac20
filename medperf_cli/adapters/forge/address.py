"""Which forge an address belongs to, where its web interface is, and how a repository is called there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from medperf_cli.adapters.forge.api import Vendor
from medperf_cli.errors import ConfigurationError

BARE = "bare"
_KNOWN = {"github": Vendor.GITHUB, "gitlab": Vendor.GITLAB}
_KNOWN |= dict.fromkeys(("forgejo", "gitea", "codeberg"), Vendor.FORGEJO)
_SCP = re.compile(r"(?:[^@/\s]+@)?([A-Za-z0-9.-]+):(?!/)(.+)\Z")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)+\Z")


@dataclass(frozen=True)
class ForgeAddress:
    """A repository on a hosted forge.

    `host` is the name without a port, as members' logins say it; `api` the web interface's base, without a
    slash at the end (GitHub: `https://api.github.com`, GitLab and Forgejo: the site itself).
    """

    vendor: Vendor
    host: str
    repository: str
    api: str

    @property
    def secure(self) -> bool:
        """Whether a token sent there cannot be read on the way."""
        split = urlsplit(self.api)
        return split.scheme == "https" or split.hostname in ("127.0.0.1", "::1", "localhost")


def forge_address(url: str, forge: str = "auto", api: str | None = None) -> ForgeAddress | None:
    """Read a registry's address; None where it is a bare git repository.

    Args:
        url: any address git understands (`https://host/owner/name.git`, `git@host:owner/name.git`, a path).
        forge: a vendor, `bare`, or `auto`, which goes by the host's name (such as `gitlab.example.org`).
        api: the web interface's base where it is not the vendor's usual one.

    Raises:
        ConfigurationError: `forge` names a hosted forge, and the address no repository on one.

    """
    if forge == BARE:
        return None
    host, port, path, scheme = _parts(url)
    vendor = _guessed(host) if forge == "auto" else Vendor(forge)
    name = path.strip("/").removesuffix(".git")
    if vendor is None or (forge == "auto" and not _NAME.match(name)):
        return None
    if not host or not _NAME.match(name):
        raise ConfigurationError(
            f"'{url}' names no repository on a {vendor} forge",
            hint="an address is like https://host/owner/name.git; or `medperf profile set forge bare`",
        )
    return ForgeAddress(vendor, host, name, (api or _usual(vendor, host, port, scheme)).rstrip("/"))


def _parts(url: str) -> tuple[str, int | None, str, str]:
    """Host ('' for a path on this machine), port of a web address, path, and scheme."""
    if "://" not in url:
        match = None if Path(url).exists() else _SCP.match(url)
        return (match[1].lower(), None, match[2], "ssh") if match else ("", None, url, "file")
    try:
        split = urlsplit(url)
        port = split.port if split.scheme in ("http", "https") else None
    except ValueError:
        return "", None, url, ""
    return (split.hostname or "").lower(), port, split.path, split.scheme


def _guessed(host: str) -> Vendor | None:
    return next((vendor for word, vendor in _KNOWN.items() if word in host.split(".")), None)


def _usual(vendor: Vendor, host: str, port: int | None, scheme: str) -> str:
    if vendor is Vendor.GITHUB and host == "github.com":
        return "https://api.github.com"
    site = f"{'http' if scheme == 'http' else 'https'}://{host}{f':{port}' if port else ''}"
    return f"{site}/api/v3" if vendor is Vendor.GITHUB else site
