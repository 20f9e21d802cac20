"""A forge's token: where it is looked for, and how git is given it; shared by the adapters that need one.

It comes from the environment, a file, or git's own credential helper, never from a flag; it is given to the
host of the registry's address and to nobody else, never in an argument list, an address or a log.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from medperf_cli.errors import TokenError

VARIABLE = "MEDPERF_FORGE_TOKEN"
PUSH_VARIABLE = "MEDPERF_PUSH_TOKEN"
"""Another token for git alone: a merge bot's CI comments as itself, and pushes as who may push to main."""
OURS = frozenset({VARIABLE, PUSH_VARIABLE})
"""No other program has a use for these, so none is given them."""
_VENDORS = {
    "github.com": ("GITHUB_TOKEN", "GH_TOKEN"),
    "gitlab.com": ("GITLAB_TOKEN",),
    "codeberg.org": ("FORGEJO_TOKEN", "GITEA_TOKEN"),
}
_SERVERS = {"GITHUB_SERVER_URL": ("GITHUB_TOKEN",), "CI_SERVER_URL": ("GITLAB_TOKEN",)}
"""Variables in which a forge's own CI names itself, and the tokens that are its."""
_LOCAL = ("127.0.0.1", "::1", "localhost")
_SECONDS = 20.0
_HELPER = (
    '!f() { test "$1" = get || exit 0; '
    "printf 'username=%s\\npassword=%s\\n' medperf \"$_MEDPERF_TOKEN\"; }; f"
)


@dataclass(frozen=True)
class Token:
    """A token, and where it was found (for people); the text is not shown."""

    text: str = field(repr=False)
    source: str


def find_token(url: str, environ: Mapping[str, str], file: Path | None = None) -> Token | None:
    """The token for a registry's address, from the environment or a file; None where there is none.

    Args:
        url: the registry's address.
        environ: the environment.
        file: a file that holds a token in its first line, as a setting names it.

    Raises:
        TokenError: the file cannot be read, or others may read it.

    """
    for name in token_variables(url, environ):
        if environ.get(name, "").strip():
            return Token(environ[name].strip(), f"variable {name}")
    return None if file is None else Token(_read(file), f"file '{file}'")


def token_variables(url: str, environ: Mapping[str, str]) -> tuple[str, ...]:
    """The variables in which a token for an address is looked for, the first wins."""
    host = host_of(url)
    return tuple(dict.fromkeys((VARIABLE, *_VENDORS.get(host, ()), *_own_server(host, environ))))


def token_for(url: str, file: Path | None) -> Token | None:
    """The same, from this process's environment (raises TokenError)."""
    return find_token(url, os.environ, file)


def token_for_git(url: str, token: Token | None) -> Token | None:
    """The token git is given: one of its own where the environment has it, else the same."""
    own = os.environ.get(PUSH_VARIABLE, "").strip()
    return Token(own, f"variable {PUSH_VARIABLE}") if own and host_of(url) else token


def asked_of_git(url: str) -> Token | None:
    """The token that git's credential helpers hold for an https address; nobody is asked."""
    split = urlsplit(url)
    if split.scheme != "https" or not split.hostname:
        return None
    host = f"{split.hostname}:{split.port}" if split.port else split.hostname
    asked = f"protocol=https\nhost={host}\npath={split.path.lstrip('/')}\n\n"
    silent = {"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "", "SSH_ASKPASS": "", "GCM_INTERACTIVE": "never"}
    environment = {**os.environ, **silent}
    try:
        done = subprocess.run(
            ["git", "credential", "fill"],
            input=asked.encode(),
            capture_output=True,
            env=environment,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = done.stdout.decode("utf-8", "replace").splitlines() if done.returncode == 0 else []
    found = next((line.removeprefix("password=") for line in lines if line.startswith("password=")), "")
    return Token(found, "git's credential helper") if found else None


def given_to_git(url: str, token: Token | None) -> dict[str, str]:
    """The environment in which git finds a token for an address, after its own helpers have none.

    Only for https (or this machine): over anything else a token could be read on the way.
    """
    split = urlsplit(url)
    plain = split.scheme == "http" and split.hostname in _LOCAL
    if token is None or not (split.scheme == "https" or plain) or split.username:
        return {}
    count = int(os.environ.get("GIT_CONFIG_COUNT", "0") or 0)
    site = f"{split.scheme}://{split.netloc}"
    return {
        "GIT_CONFIG_COUNT": str(count + 1),
        f"GIT_CONFIG_KEY_{count}": f"credential.{site}.helper",
        f"GIT_CONFIG_VALUE_{count}": _HELPER,
        "_MEDPERF_TOKEN": token.text,
    }


def host_of(url: str) -> str:
    """The host in an address, lower case; empty for a path."""
    if "://" in url:
        return (urlsplit(url).hostname or "").lower()
    head, colon, _ = url.partition(":")
    return head.rpartition("@")[2].lower() if colon and "/" not in head else ""


def _own_server(host: str, environ: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(
        n
        for server, names in _SERVERS.items()
        if host and host_of(environ.get(server, "")) == host
        for n in names
    )


def _read(file: Path) -> str:
    try:
        if file.stat().st_mode & 0o077:
            raise TokenError(
                f"token file '{file}' may be read by others", hint=f"chmod 600 '{file}', then run it again"
            )
        text = file.read_text("utf-8").split("\n")[0].strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise TokenError(f"cannot read token file '{file}': {reason.lower()}") from None
    if not text:
        raise TokenError(f"token file '{file}' is empty", hint="its first line is the token")
    return text
