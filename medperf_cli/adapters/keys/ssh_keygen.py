"""Signing through OpenSSH's `ssh-keygen`: key files, keys in ssh-agent, security keys; and new keys."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from medperf_cli.adapters import trace
from medperf_cli.adapters.credentials import OURS
from medperf_cli.core import sshsig
from medperf_cli.core.sshsig import PublicKey, parse_public_key
from medperf_cli.errors import ConfigurationError, SignatureError

_TIMEOUT = 120
"""Seconds; long enough to touch a security key or to confirm in an agent's window."""

_COMPLAINTS = (
    (
        "permissions",
        "others may read key file '{file}', so OpenSSH does not use it",
        "run `chmod 600 {file}`; if others could have copied it, make a new key: `medperf key new`",
    ),
    (
        "passphrase",
        "key '{file}' needs its passphrase, and nobody can be asked here",
        "load it into ssh-agent first: `ssh-add {file}`",
    ),
    (
        "no private key found",
        "no private key that can be read for '{file}', neither in a file beside it nor in ssh-agent",
        "load the key into ssh-agent with `ssh-add`, or name the private key's file",
    ),
    (
        "doesn't match",
        "key file '{file}' and its '.pub' are two different keys",
        "write the right one: `ssh-keygen -y -f {file} > {file}.pub`",
    ),
    (
        "agent refused",
        "ssh-agent refused to sign with '{file}'",
        "confirm in the agent's window, or touch the security key",
    ),
    (
        "option --",
        "`ssh-keygen` is too old: it cannot sign files",
        "install OpenSSH 8.2 or newer",
    ),
)
"""What `ssh-keygen` says (in lower case, part of it), what we say, and the next step."""


@dataclass(frozen=True)
class SshKeygenSigner:
    """Signs by running `ssh-keygen -Y sign`.

    `key_file` is a private key, or a `.pub` whose private key lies beside it or is in ssh-agent (an agent
    that has the key is preferred to the file). Only where `interactive` is set may a passphrase or a PIN
    be asked for, at the terminal; elsewhere a key that needs one is an error at once.
    """

    key_file: Path
    interactive: bool = False

    @cached_property
    def public_key(self) -> PublicKey:
        """The public half, from the `.pub` file or else from the private key's file."""
        public_file = self.key_file.with_name(f"{self.key_file.name.removesuffix('.pub')}.pub")
        if public_file.is_file():
            text = _read(public_file)
        else:
            _read(self.key_file)
            command = ("-y", "-f", str(self.key_file), *_no_passphrase(self.interactive))
            text = _run(command, self.key_file, interactive=self.interactive).decode("ascii", "replace")
        try:
            return parse_public_key(" ".join(text.split()[:2]))
        except SignatureError as error:
            raise ConfigurationError(f"key '{self.key_file}': {error.message}", hint=error.hint) from None

    def sign(self, payload: bytes, namespace: str) -> bytes:
        """Sign, and check the signature as every reader will; see `Signer.sign`."""
        expected = self.public_key
        command = ("-Y", "sign", "-q", "-f", str(self.key_file), "-n", namespace)
        armor = _run(command, self.key_file, payload, interactive=self.interactive)
        try:
            signer = sshsig.verify(payload, armor, namespace)
        except SignatureError as error:
            raise ConfigurationError(
                f"key '{self.key_file}' cannot be used: {error.message}", hint=error.hint
            ) from None
        if signer != expected:
            raise _explain(self.key_file, "key doesn't match")
        return armor


def generate(path: Path, label: str, *, interactive: bool = False) -> PublicKey:
    """Make an ed25519 key: the private file (mode 0600) at `path`, the public one beside it.

    Args:
        path: where the private key goes; nothing may stand there.
        label: one line, kept in both files as the comment.
        interactive: let `ssh-keygen` ask for a passphrase at the terminal; otherwise there is none.

    Raises:
        ConfigurationError: a file is there already, the folder cannot be written, or the tool is missing.

    """
    for taken in (path, path.with_name(f"{path.name}.pub")):
        if taken.exists() or taken.is_symlink():
            raise ConfigurationError(
                f"'{taken}' exists, and a key is never overwritten",
                hint="choose another file, or move that one away",
            )
    if not label.isprintable():
        raise ConfigurationError("the label of a key must be one line", hint="leave out control characters")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(path.parent, error) from None
    _run(
        ("-q", "-t", "ed25519", "-C", label, "-f", str(path), *(() if interactive else ("-N", ""))),
        path,
        interactive=interactive,
    )
    return SshKeygenSigner(path).public_key


def _no_passphrase(interactive: bool) -> tuple[str, ...]:  # noqa: FBT001 - the one argument it is about
    return () if interactive else ("-P", "")


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise _unusable(file, error) from None


def _unusable(file: Path, error: OSError) -> ConfigurationError:
    reason = (error.strerror or "cannot be read").lower()
    return ConfigurationError(
        f"'{file}': {reason}", hint="name another file, or make a key: `medperf key new`"
    )


def _run(arguments: Sequence[str], file: Path, stdin: bytes = b"", *, interactive: bool) -> bytes:
    """Run `ssh-keygen` and return what it printed.

    It asks at the terminal or nowhere: a window program might wait for ever where nobody looks. Without
    a person it gets a session without terminal, so that it cannot ask there either.
    """
    asking = {
        "SSH_ASKPASS_REQUIRE": os.environ.get("SSH_ASKPASS_REQUIRE", "never") if interactive else "never"
    }
    trace.ran(["ssh-keygen", *arguments])
    try:
        done = subprocess.run(
            ["ssh-keygen", *arguments],
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=None if interactive else subprocess.PIPE,
            env={k: v for k, v in os.environ.items() if k not in OURS} | {"LC_ALL": "C"} | asking,
            start_new_session=not interactive,
            timeout=None if interactive else _TIMEOUT,
            check=False,
        )
    except FileNotFoundError:
        raise ConfigurationError(
            "program 'ssh-keygen' was not found", hint="install OpenSSH 8.2 or newer (Debian: openssh-client)"
        ) from None
    except subprocess.TimeoutExpired:
        raise ConfigurationError(
            f"`ssh-keygen` did not finish with key '{file}' in {_TIMEOUT} seconds",
            hint="touch the security key when it blinks, or confirm in the agent's window",
        ) from None
    if done.returncode:
        raise _explain(file, (done.stderr or b"").decode("utf-8", "replace"))
    return done.stdout


def _explain(file: Path, said: str) -> ConfigurationError:
    for needle, message, hint in _COMPLAINTS:
        if needle in said.lower():
            return ConfigurationError(message.format(file=file), hint=hint.format(file=file))
    last = said.strip().rpartition("\n")[2].strip() or "see its own message above"
    return ConfigurationError(f"`ssh-keygen` cannot use key '{file}': {last}", hint="name another key file")
