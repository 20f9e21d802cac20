"""From a registry's address to who hosts it: a bare repository, or a forge's web interface with a token."""

from __future__ import annotations

import importlib

from medperf_cli.adapters.credentials import Token, asked_of_git, token_for, token_for_git
from medperf_cli.adapters.forge.address import ForgeAddress, forge_address
from medperf_cli.adapters.forge.api import ForgeApi
from medperf_cli.adapters.forge.patience import Patient
from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.adapters.store.settings import Settings
from medperf_cli.errors import ConfigurationError, TokenError
from medperf_cli.flows.hosting.hosted_upstream import HostedRemembered, HostedUpstream
from medperf_cli.flows.hosting.upstream import Remembered, Upstream


def hosted_address(settings: Settings, url: str) -> ForgeAddress | None:
    """The repository on a hosted forge that an address names; None for a bare repository."""
    return forge_address(url, settings.forge, settings.forge_api)


def connected(settings: Settings, url: str, address: ForgeAddress) -> tuple[ForgeApi, Token | None]:
    """A forge's web interface, asked patiently, and the token for git.

    Raises:
        TokenError: the token's file cannot be read, or the token would be readable on the way.
        ConfigurationError: the libraries for hosted forges are not installed.

    """
    token = token_for(url, settings.forge_token_file)
    if token is None:
        token = asked_of_git(f"https://{address.host}/{address.repository}.git")
    if token is not None and not address.secure:
        raise TokenError(
            f"'{address.api}' is not https: the token from {token.source} could be read on the way",
            hint="use the forge's https address; `medperf profile set forge_api https://...`",
        )
    try:
        vendor = importlib.import_module(f"medperf_cli.adapters.forge.{address.vendor}")
        api: ForgeApi = vendor.connect(address, token and token.text)
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"python package '{error.name}' is missing, which speaks to {address.vendor}",
            hint="pip install 'medperf-registry[forges]'",
        ) from None
    return Patient(api), token_for_git(url, token)


def upstream_of(
    settings: Settings, store: GitStore, url: str, registry: str, *, thorough: bool = False
) -> Upstream:
    """A clone's upstream, whoever hosts it (raises as `connected`)."""
    address = hosted_address(settings, url)
    if address is None:
        return Upstream(store, url, registry, token=token_for(url, settings.forge_token_file))
    api, token = connected(settings, url, address)
    return HostedUpstream(store, url, registry, api, token=token, thorough=thorough)


def remembered(settings: Settings, store: GitStore, url: str, registry: str) -> Remembered:
    """The same as it was at the last contact."""
    hosted = hosted_address(settings, url) is not None
    return (HostedRemembered if hosted else Remembered)(store, url, registry)
