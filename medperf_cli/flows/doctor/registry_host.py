"""All checks of whoever hosts a registry: a hosted forge, or a bare repository."""

from __future__ import annotations

from collections.abc import Callable

from medperf_cli.adapters.credentials import token_for
from medperf_cli.errors import UsageError
from medperf_cli.flows.deps import Deps
from medperf_cli.flows.doctor import bare_host, hosted_main, hosted_rules
from medperf_cli.flows.doctor.checkup import Checked, checked_all
from medperf_cli.flows.doctor.finding import Finding
from medperf_cli.flows.doctor.hosting import SECONDS, Hosting, hosting
from medperf_cli.flows.hosting.connecting import connected, hosted_address
from medperf_cli.flows.reading.registry import place
from medperf_cli.flows.reading.verified_index import reading

_BRANCH: dict[str, Callable[[Hosting], Finding]] = {"branch": hosted_main.branch, "root": hosted_main.root}
HOSTED = {
    **_BRANCH,
    "token": hosted_rules.token,
    "rules": hosted_rules.protected,
    "requests": hosted_rules.requests,
    "check": hosted_rules.required_check,
    "force push": hosted_rules.force_push,
    "deletion": hosted_rules.deletion,
    "merge commits": hosted_rules.merge_commits,
    "pushers": hosted_rules.pushers,
    "code owners": hosted_rules.code_owners,
    "owners file": hosted_main.owners,
    "workflows": hosted_main.workflows,
}
"""Name and function of the checks on a hosted forge, in the order they are shown."""
BARE = {
    **_BRANCH,
    "hooks": bare_host.hooks,
    "python": bare_host.python,
    "settings": bare_host.settings,
    "permissions": bare_host.permissions,
}
"""The same for a bare repository."""


def host_checkup(
    deps: Deps, url: str | None, root: str | None = None, bots: frozenset[str] = frozenset()
) -> list[Checked]:
    """Compare what hosts a registry with what it needs; each check stands for itself.

    Args:
        deps: the world.
        url: the registry's address; None is the one in use.
        root: `sha256:…` of its root 1; None is what is pinned here, if the address is that of the one in use.
        bots: who may push to main (logins, apps, deploy keys); empty where that is not known.

    Raises:
        ConfigurationError: no address is given and no registry is in use; or what speaks to its forge is
            missing.
        UsageError: `root` is no fingerprint.

    """
    where, pinned = _chosen(deps, url)
    expected = pinned if root is None else _digest(root)
    address = hosted_address(deps.settings, where)
    if address is None:
        token = token_for(where, deps.settings.forge_token_file)
        return checkup_of(hosting(deps, where, None, token, expected=expected))
    api, token = connected(deps.settings, where, address)
    return checkup_of(hosting(deps, where, (address, api), token, expected=expected, bots=bots))


def checkup_of(world: Hosting) -> list[Checked]:
    """All checks that fit a host."""
    return checked_all(world, BARE if world.address is None else HOSTED, seconds=SECONDS)


def _chosen(deps: Deps, url: str | None) -> tuple[str, str | None]:
    """The address, and the digest of the root that is pinned for it here."""
    if url is None:
        place(deps.settings)
    elif deps.settings.registry is None:
        return url, None
    with reading(deps.settings) as (_, meta):
        pass
    return (meta.url, meta.root_sha256) if url in (None, meta.url) else (url or "", None)


def _digest(root: str) -> str:
    digest = root.removeprefix("sha256:").lower()
    if len(digest) != 64 or set(digest) - set("0123456789abcdef"):  # noqa: PLR2004 - hex digits of SHA-256
        raise UsageError(f"'{root}' is not a fingerprint", hint="give --root sha256:<64 hex digits>")
    return digest
