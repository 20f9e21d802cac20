"""A member's accounts on the registry's forge: only whom the registry knows can approve in its page."""

from __future__ import annotations

from typing import Any

from medperf_cli.core.names import Kind
from medperf_cli.errors import ConfigurationError, UsageError
from medperf_cli.flows.deps import Deps
from medperf_cli.flows.hosting.connecting import connected, hosted_address
from medperf_cli.flows.identity import me
from medperf_cli.flows.submitting.composer import content
from medperf_cli.flows.submitting.desk import Desk, at_desk
from medperf_cli.flows.submitting.publish import Published, publish


def my_login(desk: Desk) -> dict[str, Any]:
    """The account whose token this is, as a member file names it: a rename does not change its number.

    Raises:
        ConfigurationError: the registry is hosted on bare git, where there are no accounts.
        TokenError: there is no token, or it is not valid.

    """
    address = hosted_address(desk.deps.settings, desk.meta.url)
    if address is None:
        raise ConfigurationError(
            f"'{desk.meta.address}' is on no hosted forge: there are no logins",
            hint="decide by signing: `medperf review approve`",
        )
    api, _ = connected(desk.deps.settings, desk.meta.url, address)
    account = api.whoami()
    return {"forge": api.host, "login": account.login, "number": account.number}


def add_login(deps: Deps) -> Published:
    """Ask the admins to let my member file name the account whose token this is.

    Raises:
        UsageError: it is named already.
        ConfigurationError: I am no member, or the registry is on bare git.
        TokenError: as `my_login`.

    """
    with at_desk(deps) as desk:
        who = me(deps.settings)
        member = desk.reader().member(desk.state.in_force(Kind.MEMBER, who))
        if member is None:
            raise ConfigurationError(
                f"'{who}' is not a member of this registry, or not any more",
                hint="register with `medperf member register`",
            )
        login = my_login(desk)
        if (login["forge"], login["number"]) in {(x.forge, x.number) for x in member.logins}:
            raise UsageError(
                f"login '{login['login']}' is one of '{who}' already", hint=f"see `medperf member view {who}`"
            )
        fields = content(member)
        fields["logins"] = [*fields["logins"], login]
        desk.composer.add(Kind.MEMBER, who, fields)
        return publish(desk, f"member {who} adds a login")
