"""Which forge hosts a registry."""

from __future__ import annotations

from medperf_cli.adapters.forge.bare_git import BareGit
from medperf_cli.adapters.forge.base import Forge, Requests
from medperf_cli.adapters.forge.by_refs import ByRefs
from medperf_cli.adapters.forge.hosted import Hosted
from medperf_cli.adapters.store.index_rows import Meta
from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.adapters.store.settings import Settings
from medperf_cli.flows.hosting.connecting import remembered, upstream_of
from medperf_cli.flows.hosting.hosted_upstream import HostedUpstream


def forge_of(settings: Settings, store: GitStore, meta: Meta) -> Forge:
    """The forge of the registry that `store` mirrors (raises TokenError, ConfigurationError)."""
    upstream = upstream_of(settings, store, meta.url, meta.registry)
    return Hosted(upstream.api, upstream) if isinstance(upstream, HostedUpstream) else BareGit(upstream)


def remembered_forge(settings: Settings, store: GitStore, meta: Meta) -> Requests:
    """Its requests as they were at the last contact, for reading without the network."""
    return ByRefs(remembered(settings, store, meta.url, meta.registry))
