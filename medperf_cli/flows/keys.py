"""Choosing the key that signs: a new one, a file, or one in an agent."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medperf_cli.adapters.keys.ssh_keygen import SshKeygenSigner, generate
from medperf_cli.adapters.store.settings import save
from medperf_cli.core.ssh_keys import parse_public_key
from medperf_cli.errors import ConfigurationError, MedperfError, UsageError
from medperf_cli.flows.deps import Deps


@dataclass(frozen=True)
class ChosenKey:
    """A key file and its fingerprint."""

    file: Path
    fingerprint: str


def new_key(deps: Deps, file: Path | None, label: str, *, interactive: bool) -> ChosenKey:
    """Make an Ed25519 key and use it (raises ConfigurationError; nothing is ever overwritten)."""
    path = (file or deps.settings.home / "keys" / "id_ed25519").expanduser().absolute()
    public = generate(path, label, interactive=interactive)
    save(deps.settings, {"key": path})
    return ChosenKey(path, public.fingerprint)


def use_key(deps: Deps, file: Path) -> ChosenKey:
    """Use an existing key (raises ConfigurationError where it cannot be read)."""
    path = file.expanduser().absolute()
    if not path.exists():
        raise ConfigurationError(f"there is no key file '{path}'", hint="make one with `medperf key new`")
    public = SshKeygenSigner(path, interactive=deps.interactive).public_key
    save(deps.settings, {"key": path})
    return ChosenKey(path, public.fingerprint)


def public_key_text(file: Path) -> str:
    """The public key in a file, as registry files write it (raises UsageError where there is none)."""
    try:
        return parse_public_key(" ".join(file.expanduser().read_text("utf-8").split()[:2])).text
    except (OSError, UnicodeDecodeError, MedperfError):
        raise UsageError(f"'{file}' is not the file of a public SSH key", hint="it ends in .pub") from None


def known_keys(deps: Deps) -> list[dict[str, Any]]:
    """Keys below the settings' folder and `~/.ssh`, and the one in use."""
    folders = (deps.settings.home / "keys", Path.home() / ".ssh")
    files = {f.with_suffix("") for folder in folders if folder.is_dir() for f in folder.glob("*.pub")}
    if deps.settings.key is not None:
        files.add(deps.settings.key)
    return [_row(deps, file) for file in sorted(files)]


def _row(deps: Deps, file: Path) -> dict[str, Any]:
    try:
        public = SshKeygenSigner(file, interactive=False).public_key
    except MedperfError as error:
        return {"file": str(file), "type": None, "fingerprint": f"({error.message})", "in_use": False}
    used = deps.settings.key == file
    return {"file": str(file), "type": public.type, "fingerprint": public.fingerprint, "in_use": used}
