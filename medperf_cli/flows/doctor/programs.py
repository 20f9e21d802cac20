"""Checks of the programs that are used: Python, git, OpenSSH."""

from __future__ import annotations

import platform
import re
import subprocess
import sys

from medperf_cli.adapters.store import git
from medperf_cli.flows.doctor.finding import Finding, World, fail, ok, warn

_PYTHON = (3, 11)
_OPENSSH = (8, 2)
_SECONDS = 5.0


def python(_world: World) -> Finding:
    """Python is new enough."""
    found = f"Python {platform.python_version()} in '{sys.prefix}'"
    return ok(found) if sys.version_info >= _PYTHON else fail(found, "install Python 3.11 or newer")


def git_program(_world: World) -> Finding:
    """Git is there and new enough (raises ConfigurationError otherwise)."""
    git.require_git()
    return ok(f"git {'.'.join(map(str, git.version()))}")


def openssh(_world: World) -> Finding:
    """`ssh-keygen` is there, and from an OpenSSH that signs files."""
    if _output("ssh-keygen", "-?") is None:
        return fail(
            "program 'ssh-keygen' was not found, or does not answer",
            "install OpenSSH 8.2 or newer (Debian: openssh-client)",
        )
    said = _output("ssh", "-V") or ""
    found = re.search(r"OpenSSH_(\d+)\.(\d+)", said)
    if found is None:
        return warn("the version of OpenSSH cannot be told", "see that `ssh -V` says 8.2 or newer")
    version = (int(found[1]), int(found[2]))
    text = f"OpenSSH {version[0]}.{version[1]}"
    return (
        ok(text) if version >= _OPENSSH else fail(f"{text} is too old to sign files", "install 8.2 or newer")
    )


def agent(world: World) -> Finding:
    """Whether an ssh-agent answers; only keys that live in one need it."""
    if not world.environ.get("SSH_AUTH_SOCK"):
        return ok("no ssh-agent (only keys in an agent or with a passphrase need one)")
    said = _output("ssh-add", "-l")
    if said is None or "Could not open" in said or "Error connecting" in said:
        return warn("SSH_AUTH_SOCK is set, and no ssh-agent answers there", "start one: `eval $(ssh-agent)`")
    keys = [line for line in said.splitlines() if re.match(r"\d+ SHA256:", line)]
    return ok(f"ssh-agent answers with {len(keys)} key{'s' if len(keys) != 1 else ''}")


def _output(*argv: str) -> str | None:
    """What a program says on both streams; None where it is missing or does not end."""
    try:
        done = subprocess.run(
            argv,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout + done.stderr
