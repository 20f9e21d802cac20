"""Protecting main of a hosted registry through the forge's web interface, as far as that goes."""

from __future__ import annotations

from collections.abc import Sequence

from medperf_cli.adapters.forge.api import ForgeApi, Vendor
from medperf_cli.adapters.store.remote import head_of
from medperf_cli.adapters.trace import without_secrets
from medperf_cli.errors import ConfigurationError, UsageError
from medperf_cli.flows.deps import Deps
from medperf_cli.flows.founding.workflows import CHECK
from medperf_cli.flows.hosting.connecting import connected, hosted_address

_SECONDS = 30.0
CHECKS = {
    Vendor.GITHUB: CHECK,
    Vendor.GITLAB: "pipeline",
    Vendor.FORGEJO: f"{CHECK} / {CHECK} (pull_request)",
}
"""What must have passed before a merge in the page, as each vendor calls it: GitLab requires whole pipelines,
Forgejo names workflow, job and event."""


def protect(deps: Deps, url: str, bots: frozenset[str]) -> Sequence[str] | None:
    """Set the rules of main after asking; returns what is left to be done by hand, None on no.

    Args:
        deps: the world.
        url: the registry's address on a hosted forge.
        bots: who alone may push: logins, apps, deploy keys.

    Raises:
        UsageError: no bot is named, or main was not pushed yet.
        ConfigurationError: it is a bare repository.
        TokenError: the token may not do this.
        UnknownIdError, NetworkError: there is no such repository, or the forge does not answer.

    """
    if not bots:
        raise UsageError(
            "nobody could merge", hint="add --bot NAME, the merge bot's login, app or deploy key"
        )
    address = hosted_address(deps.settings, url)
    if address is None:
        raise ConfigurationError(
            f"'{without_secrets(url)}' is on no hosted forge: a bare repository's hooks protect it",
            hint="where it stands: `medperf registry init --bare`; or `medperf profile set forge VENDOR`",
        )
    api, token = connected(deps.settings, url, address)
    if head_of(url, seconds=_SECONDS, token=token) is None:
        raise UsageError(
            "there is no main to protect yet: its rules would refuse the first push",
            hint="push it first: `git push --set-upstream origin main` in the registry's working tree",
        )
    return set_rules(deps, api, address.vendor, bots)


def set_rules(deps: Deps, api: ForgeApi, vendor: Vendor, bots: frozenset[str]) -> Sequence[str] | None:
    """The same on a forge that is spoken to already."""
    names, check = ", ".join(sorted(bots)), CHECKS[vendor]
    text = (
        f"On {api.host}, main of '{api.repository}' will have these rules, in place of what it has:\n"
        "  nothing enters but by a request; no force push, no deletion; merge commits may enter\n"
        f"  '{check}' must have passed, owners of code must approve what touches theirs\n"
        f"  pushing past all that may: {names}\n"
    )
    if not deps.confirm(text):
        return None
    return api.protect(frozenset({check}), bots)
