"""Joining a registry, and changing one's keys."""

from __future__ import annotations

from typing import Any

from medperf_cli.adapters.store.settings import save
from medperf_cli.core.names import Kind
from medperf_cli.errors import NetworkError, UsageError
from medperf_cli.flows.deps import Deps
from medperf_cli.flows.identity import signer
from medperf_cli.flows.submitting.desk import at_desk
from medperf_cli.flows.submitting.logins import my_login
from medperf_cli.flows.submitting.publish import Published, publish


def member_fields(deps: Deps, *, name: str, kind: str, contact: str, label: str) -> dict[str, Any]:
    """Everything of a member's first version but the header; the key is the profile's."""
    key = signer(deps.settings, interactive=deps.interactive).public_key.text
    keys = [{"key": key, "label": label}]
    return {"name": name, "type": kind, "contact": contact, "keys": keys}


def register(
    deps: Deps, member: str, *, name: str, kind: str, contact: str, label: str, login: bool = False
) -> Published:
    """Ask to become a member, and act as it from now on; with `login` the forge's account is named too.

    Raises:
        UsageError: the name is taken by somebody with other keys.
        ConfigurationError, TokenError: a login is wanted, as `my_login`.

    """
    fields = member_fields(deps, name=name, kind=kind, contact=contact, label=label)
    with at_desk(deps) as desk:
        current = desk.state.in_force(Kind.MEMBER, member)
        known = desk.reader().member(current)
        if known is not None and fields["keys"][0]["key"] not in known.valid_keys:
            raise UsageError(f"member '{member}' exists, with other keys", hint="choose another name")
        if known is None:
            if login:
                fields["logins"] = [my_login(desk)]
            desk.composer.add(Kind.MEMBER, member, fields)
        try:
            done = publish(desk, f"member {member} asks to join")
        except NetworkError:
            save(deps.settings, {"member": member})  # signed, and kept in the outbox
            raise
    if done.sent or done.kept or known is not None:
        save(deps.settings, {"member": member})
    return done
