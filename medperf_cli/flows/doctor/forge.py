"""The check of who hosts the registry in use, and whose token is sent there."""

from __future__ import annotations

from medperf_cli.adapters.credentials import token_variables
from medperf_cli.adapters.forge.address import ForgeAddress
from medperf_cli.errors import TokenError
from medperf_cli.flows.doctor.finding import Finding, World, fail, ok, warn
from medperf_cli.flows.hosting.connecting import asking, hosted_address, token_found
from medperf_cli.flows.reading.verified_index import reading


def forge(world: World) -> Finding:
    """The forge knows the token that is found for it, as sending needs (raises NetworkError)."""
    settings = world.deps.settings
    if settings.registry is None:
        return ok("nothing to ask")
    with reading(settings) as (_, meta):
        pass
    address = hosted_address(settings, meta.url)
    if address is None:
        return _bare(meta.url, meta.address, settings.forge)
    named = f"{address.vendor} on {address.host}"
    if world.offline:
        return ok(f"{named}, not asked (--offline)")
    token = token_found(settings, meta.url, address)
    if token is None:
        return warn(f"{named}: no token, so nothing can be sent", _where(world, meta.url, address))
    try:
        account = asking(address, token).whoami()
    except TokenError as error:
        return fail(f"{named}: {error.message} (found in {token.source})", _where(world, meta.url, address))
    return ok(f"{named}: the token in {token.source} is that of '{account.login}'")


def _bare(url: str, shown: str, setting: str) -> Finding:
    if setting == "auto" and url.startswith(("http://", "https://")):
        return warn(
            f"'{shown}' is taken for a bare git repository: its host's name does not say whose forge it is",
            "`medperf profile set forge github` (or gitlab, forgejo, bare)",
        )
    return ok("a bare git repository: no account, no token for a web interface")


def _where(world: World, url: str, address: ForgeAddress) -> str:
    variables = " or ".join(token_variables(url, world.environ))
    return (
        f"make one in {address.host}'s settings, and put it into {variables}, or into a file of yours alone:"
        " `medperf profile set forge_token_file FILE`, or where git keeps credentials; reading needs none"
    )
