"""Who acts: the member and the key that the settings name."""

from __future__ import annotations

from medperf_cli.adapters.keys.ssh_keygen import SshKeygenSigner
from medperf_cli.adapters.store.settings import Settings
from medperf_cli.errors import ConfigurationError


def me(settings: Settings) -> str:
    """The member this profile acts as (raises ConfigurationError)."""
    if settings.member is None:
        raise ConfigurationError(
            "no member is chosen: nobody would be responsible for what is sent",
            hint="register with `medperf member register NAME`, or `medperf profile set member NAME`",
        )
    return settings.member


def signer(settings: Settings, *, interactive: bool) -> SshKeygenSigner:
    """The signing key of this profile (raises ConfigurationError)."""
    if settings.key is None:
        raise ConfigurationError(
            "no key is chosen to sign with", hint="make one with `medperf key new`, or `medperf key use FILE`"
        )
    if not settings.key.exists():
        raise ConfigurationError(
            f"key file '{settings.key}' does not exist", hint="choose another with `medperf key use FILE`"
        )
    return SshKeygenSigner(settings.key, interactive=interactive)
