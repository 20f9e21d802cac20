"""Which forge hosts a registry; a bare git repository for now."""

from __future__ import annotations

from medperf_cli.adapters.forge.bare_git import BareGit
from medperf_cli.adapters.forge.base import Forge
from medperf_cli.adapters.store.index_rows import Meta
from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.flows.hosting.upstream import Remembered, Upstream


def forge_of(store: GitStore, meta: Meta) -> Forge:
    """The forge of the registry that `store` mirrors."""
    return BareGit(Upstream(store, meta.url, meta.registry))


def remembered_forge(store: GitStore, meta: Meta) -> Forge:
    """The same as it was at the last contact, for reading without the network."""
    return BareGit(Remembered(store, meta.url, meta.registry))
