"""A round of the merge bot in a working copy of its own, from nothing but an address and a fingerprint."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from medperf_cli.adapters.keys.base import Signer
from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.adapters.trace import without_secrets
from medperf_cli.errors import ConfigurationError, IntegrityError
from medperf_cli.flows.deps import Deps
from medperf_cli.flows.hosting.connecting import connected, hosted_address
from medperf_cli.flows.hosting.hosted_bot import HostedBot, Round
from medperf_cli.flows.hosting.hosted_status import Status
from medperf_cli.flows.hosting.hosted_upstream import HostedUpstream
from medperf_cli.flows.reading.add_registry import add_registry
from medperf_cli.flows.reading.registry import Place, opened, place


def run_hosted(
    deps: Deps, url: str, root: str | None, words: Callable[[Status], str], signer: Signer | None = None
) -> Round:
    """Make one round over the open requests of a registry on a hosted forge.

    Args:
        deps: the world; the home of its settings holds the working copy, which is made where there is none.
        url: the registry's address on the forge.
        root: `sha256:...` of `root/1.yml`; without it what the working copy is pinned to, else it is asked.
        words: how a status reads.
        signer: the recorder's key, where approvals in the page are to be recorded.

    Raises:
        ConfigurationError: the address is of no hosted forge.
        IntegrityError: the registry begins with another root; and all that `HostedBot.run_once` raises.

    """
    address = hosted_address(deps.settings, url)
    if address is None:
        raise ConfigurationError(
            f"'{without_secrets(url)}' is on no hosted forge that is known by its name",
            hint="say whose it is: `medperf profile set forge github`, gitlab or forgejo; the bot of a bare "
            "repository is given its folder",
        )
    deps = _at_work(deps, url, root)
    registry = deps.settings.registry or ""
    with GitStore(place(deps.settings).mirror) as store:
        api, token = connected(deps.settings, url, address)
        upstream = HostedUpstream(store, url, registry, api, token=token, thorough=True)
        return HostedBot(deps, store, upstream, words, signer).run_once()


def _at_work(deps: Deps, url: str, root: str | None) -> Deps:
    """The same world with the registry in use that an address names; its copy is made if need be."""
    for pin in sorted((deps.settings.home / "registries").glob("*/pin.json")):
        known = opened(Place(pin.parent))
        if known.url != url:
            continue
        if root is not None and root.removeprefix("sha256:").lower() != known.root_sha256:
            raise IntegrityError(
                f"the registry at '{pin.parent}' is pinned to root sha256:{known.root_sha256}, not to that",
                hint="ask its admins for the fingerprint; for another registry name another folder",
            )
        registry = known.registry
        break
    else:
        registry = add_registry(deps, url, root).registry
    return dataclasses.replace(deps, settings=dataclasses.replace(deps.settings, registry=registry))
