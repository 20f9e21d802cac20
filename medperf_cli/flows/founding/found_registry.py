"""Founding a registry on bare git: root 1 and its one admin, signed, in a bare repository with hooks."""

from __future__ import annotations

from pathlib import Path

from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.adapters.store.settings import save
from medperf_cli.core.lifecycle.reader import sha256
from medperf_cli.errors import ConfigurationError, UsageError
from medperf_cli.flows.deps import Deps
from medperf_cli.flows.founding.genesis import Charter, genesis_files, preview
from medperf_cli.flows.founding.init_bare import init_bare, install_hooks, pinned_root
from medperf_cli.flows.reading.registry import ROOT_ONE


def found_registry(
    deps: Deps, path: Path, charter: Charter, *, shared: bool, dry_run: bool = False
) -> str | None:
    """Make the bare repository and return the root's fingerprint (`sha256:…`); None on a dry run.

    Raises:
        UsageError: an option is missing or wrong, or several admins are named.
        ConfigurationError: no key is chosen, or the folder cannot be used.

    """
    if len(charter.admins) > 1:
        raise UsageError(
            "a bare registry is founded by one admin",
            hint="the others become members, then admins: `medperf registry renew-root --admin NAME`",
        )
    files = genesis_files(deps, charter)
    if dry_run:
        deps.confirm(preview(path, (), files))
        return None
    init_bare(path, files, clock=deps.clock, shared=shared)
    save(deps.settings, {"member": charter.founder})
    return f"sha256:{sha256(files[ROOT_ONE])}"


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
