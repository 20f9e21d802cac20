"""Signing the first root of a registry that is being founded, as one of the admins it names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from medperf_cli.adapters.files import write_atomic
from medperf_cli.adapters.store.settings import save
from medperf_cli.core.entities.root import Root
from medperf_cli.core.lifecycle.reader import sha256
from medperf_cli.core.names import REGISTRY_DIR
from medperf_cli.core.ssh_keys import parse_public_key
from medperf_cli.errors import ConfigurationError, IntegrityError, UsageError
from medperf_cli.flows.deps import Deps
from medperf_cli.flows.founding.found_on_forge import read_genesis
from medperf_cli.flows.founding.genesis import Person, admin_files, root_of, unsigned
from medperf_cli.flows.identity import signer
from medperf_cli.flows.reading.registry import ROOT_ONE


@dataclass(frozen=True)
class Cosigned:
    """What an admin added to the draft in `folder`, and whom it still waits for."""

    folder: Path
    admin: str
    files: tuple[str, ...]
    root: str
    waiting: tuple[str, ...]


def cosign(deps: Deps, path: Path, person: Person) -> Cosigned | None:
    """Show the first root, sign it and one's own member file, and put both beside it; None on no.

    Whose signature it is says the key: the root names it for one admin.

    Args:
        deps: the world.
        path: the draft: a founder's working tree, or its folder `registry`.
        person: who the admin is for people.

    Raises:
        UsageError: there is no draft, or no mailbox is given.
        ConfigurationError: the key is none of those the root names.
        DocumentError: the root or what is said of the person is not valid.

    """
    folder = _draft(path)
    files = read_genesis(folder)
    data, root = files[ROOT_ONE], root_of(files[ROOT_ONE])
    who = signer(deps.settings, interactive=deps.interactive)
    admin = next((a.member for a in root.admins.members if a.key == who.public_key.text), None)
    if admin is None:
        raise ConfigurationError(
            f"this root names no admin with key '{deps.settings.key}' ({who.public_key.fingerprint})",
            hint="choose yours with `medperf key use FILE`, or give its .pub file to the founder anew",
        )
    if not person.contact:
        raise UsageError("a member needs a mailbox", hint="add --contact MAILBOX, one of a role")
    if not deps.confirm(_preview(root, data, admin)):
        return None
    added = admin_files(root, data, admin, person, who)
    _expect_inside(folder, added)
    for name, content in added.items():
        write_atomic(folder / name, content, parents=True)
    save(deps.settings, {"member": admin})
    names = tuple(f"{REGISTRY_DIR}/{name}" for name in added)
    return Cosigned(folder, admin, names, f"sha256:{sha256(data)}", unsigned(root, {**files, **added}))


def _draft(path: Path) -> Path:
    for folder in (path / REGISTRY_DIR, path):
        if (folder / ROOT_ONE).is_file():
            return folder
    raise UsageError(
        f"there is no draft of a registry in '{path}'",
        hint="name the folder that the founder sent: root/1.yml lies in it, or in its folder registry",
    )


def _expect_inside(folder: Path, names: Iterable[str]) -> None:
    """See that a draft sent by somebody leads to no other place on this machine (raises IntegrityError)."""
    for name in names:
        if not (folder / name).parent.resolve().is_relative_to(folder.resolve()):
            raise IntegrityError(
                f"'{name}' in this draft leads out of it", hint="ask who sent it for plain files"
            )


def _preview(root: Root, data: bytes, admin: str) -> str:
    admins = "".join(
        f"  {a.member}, with key {parse_public_key(a.key).fingerprint}\n" for a in root.admins.members
    )
    body = "".join(f"  {line}\n" for line in data.decode().splitlines())
    return (
        f"You sign, as admin '{admin}', the first root of '{root.title}' (sha256:{sha256(data)}).\n"
        f"{root.admins.threshold} of these admins decide together:\n{admins}"
        f"--- {REGISTRY_DIR}/{ROOT_ONE}\n{body}"
    )
