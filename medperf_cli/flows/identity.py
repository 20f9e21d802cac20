"""Who acts: the member and the key that the settings name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medperf_cli.adapters.store.settings import Settings
from medperf_cli.core.names import is_name
from medperf_cli.errors import ConfigurationError, UsageError

if TYPE_CHECKING:
    from medperf_cli.adapters.keys.ssh_keygen import SshKeygenSigner


def me(settings: Settings) -> str:
    """The member this profile acts as (raises ConfigurationError)."""
    if settings.member is None:
        raise ConfigurationError(
            "no member is chosen: nobody would be responsible for what is sent",
            hint="register with `medperf member register NAME`, or `medperf profile set member NAME`",
        )
    return settings.member


def my_id(settings: Settings, name: str) -> str:
    """The id of something of mine, by its name (or by the id itself).

    Raises:
        UsageError: it is not a name.
        ConfigurationError: no member is chosen.

    """
    who = me(settings)
    last = name.removeprefix(f"{who}/")
    if not is_name(last):
        raise UsageError(
            f"'{name}' is not a name: 2 to 32 of a-z, 0-9 and single inner hyphens",
            hint=f"the id becomes '{who}/NAME'",
        )
    return f"{who}/{last}"


def signer(settings: Settings, *, interactive: bool) -> SshKeygenSigner:
    """The signing key of this profile (raises ConfigurationError)."""
    from medperf_cli.adapters.keys.ssh_keygen import SshKeygenSigner  # noqa: PLC0415 - start-up time of lists

    if settings.key is None:
        raise ConfigurationError(
            "no key is chosen to sign with", hint="make one with `medperf key new`, or `medperf key use FILE`"
        )
    if not settings.key.exists():
        raise ConfigurationError(
            f"key file '{settings.key}' does not exist", hint="choose another with `medperf key use FILE`"
        )
    return SshKeygenSigner(settings.key, interactive=interactive)
