"""Founding a registry: root 1 and its first admin, signed, in a bare repository with hooks."""

from __future__ import annotations

import datetime as dt
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.adapters.store.settings import save
from medperf_cli.core.entities.parsing import emit_entity, validate
from medperf_cli.core.entities.root import FORMAT
from medperf_cli.core.lifecycle.reader import sha256
from medperf_cli.core.names import (
    GITATTRIBUTES,
    GITATTRIBUTES_BYTES,
    EntityPath,
    Kind,
    is_name,
    signature_path,
)
from medperf_cli.errors import ConfigurationError, UsageError
from medperf_cli.flows.deps import TOOL_VERSION, Deps
from medperf_cli.flows.hosting.init_bare import init_bare, install_hooks, pinned_root
from medperf_cli.flows.identity import signer
from medperf_cli.flows.reading.registry import ROOT_ONE


@dataclass(frozen=True)
class Founding:
    """What a registry begins with: one admin, threshold 1; others join by a later root."""

    path: Path
    title: str
    admin: str
    name: str
    contact: str
    years: int
    shared: bool


def found_registry(deps: Deps, founding: Founding, *, bare: bool) -> str:
    """Make the repository and return the root's fingerprint (`sha256:…`).

    Raises:
        UsageError: an option is missing or wrong.
        ConfigurationError: no key is chosen, or the folder cannot be used.

    """
    if not bare:
        raise UsageError("say where the registry is hosted", hint="add --bare for a bare git repository")
    if not is_name(founding.admin) or not founding.contact:
        raise UsageError(
            "a registry begins with an admin", hint="add --admin NAME and --contact MAILBOX; that is you"
        )
    files = genesis_files(deps, founding)
    init_bare(founding.path, files, clock=deps.clock, shared=founding.shared)
    save(deps.settings, {"member": founding.admin})
    return f"sha256:{sha256(files[ROOT_ONE])}"


def genesis_files(deps: Deps, founding: Founding) -> dict[str, bytes]:
    """The files of the first commit, signed."""
    who = signer(deps.settings, interactive=deps.interactive)
    registry, key = secrets.token_hex(16), who.public_key.text
    expires = deps.clock().astimezone(dt.UTC) + dt.timedelta(days=365 * founding.years)
    root = {
        "title": founding.title,
        "format": FORMAT,
        "minimum_tool": TOOL_VERSION,
        "admins": {"threshold": 1, "members": [{"member": founding.admin, "key": key}]},
        "limits": {},
        "expires": expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    member = {
        "name": founding.name,
        "type": "person",
        "contact": founding.contact,
        "keys": [{"key": key, "label": "first key"}],
    }
    files = {GITATTRIBUTES: GITATTRIBUTES_BYTES}
    for path, fields in (
        (EntityPath(Kind.ROOT, "", 1), root),
        (EntityPath(Kind.MEMBER, founding.admin, 1), member),
    ):
        data = _bytes(path, registry, fields)
        files[str(path)] = data
        files[str(signature_path(path, founding.admin))] = who.sign(data, path.namespace(registry))
    return files


def _bytes(path: EntityPath, registry: str, fields: dict[str, Any]) -> bytes:
    header = {"schema": f"{path.kind}/1", "registry": registry, "version": path.version}
    if path.id:
        header["id"] = path.id
    return emit_entity(validate(path.kind, {**header, **fields}))


def renewed_hooks(path: Path) -> bool:
    """Write the hooks of a registry that stands at `path` again; False where there is none.

    Raises:
        ConfigurationError: something else stands there, or it cannot be written.

    """
    if not path.is_dir() or not any(path.iterdir()):
        return False
    if not (path / "HEAD").is_file() or not _is_registry(path):
        raise ConfigurationError(f"'{path}' is not empty, and no registry", hint="name a new folder")
    install_hooks(path)
    return True


def _is_registry(path: Path) -> bool:
    with GitStore(path) as store:
        return pinned_root(store) is not None
