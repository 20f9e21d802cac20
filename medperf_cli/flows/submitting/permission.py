"""Whether this profile may publish now; asked before long work, and before anything is shown or signed."""

from __future__ import annotations

from collections.abc import Iterable

from medperf_cli.core.names import EntityPath, Kind
from medperf_cli.errors import ConfigurationError, PolicyError
from medperf_cli.flows.identity import me, signer
from medperf_cli.flows.submitting.desk import Desk


def expect_allowed(desk: Desk, paths: Iterable[EntityPath] = ()) -> None:
    """See that the root has not expired, and that the chosen key is one of the chosen member.

    A new root is exempt from the first. A member's version that brings the key it is signed with is exempt
    from the second: the first one, and one that keeps no key of before, since all are lost. Admins decide.

    Args:
        desk: the open registry.
        paths: what would be published; nothing while that is not written yet.

    Raises:
        PolicyError: the root has expired.
        ConfigurationError: no member or key is chosen, or they do not belong together.

    """
    found = set(paths)
    if not found or any(path.kind is not Kind.ROOT for path in found):
        _expect_current(desk)
    if not found or any(not _brings_key(desk, path) for path in found):
        _expect_key(desk)


def _brings_key(desk: Desk, path: EntityPath) -> bool:
    if path.kind is not Kind.MEMBER or path.version == 1:
        return path.kind is Kind.MEMBER
    old, new = desk.state.member_in_force(path.id), desk.composer.after.reader.member(path)
    if old is None or new is None:
        return False
    return bool(new.valid_keys) and not set(new.valid_keys).intersection(old.valid_keys)


def _expect_current(desk: Desk) -> None:
    expires = desk.reader().root.expires
    if expires < desk.deps.now():
        raise PolicyError(
            f"the registry's root expired on {expires}: nothing is published under it",
            hint="an admin renews it: `medperf registry renew-root`; `ls`, `view` and `verify` still work",
        )


def _expect_key(desk: Desk) -> None:
    settings = desk.deps.settings
    who = me(settings)
    key = signer(settings, interactive=desk.deps.interactive).public_key
    member = desk.state.member_in_force(who)
    if member is None:
        raise ConfigurationError(
            f"'{who}' is not a member of this registry, or not yet",
            hint="register with `medperf member register`; `medperf review ls` says whom a request waits for",
        )
    revoked = next((k.revoked for k in member.keys if k.key == key.text), None)
    if revoked is not None:
        raise ConfigurationError(
            f"key '{settings.key}' ({key.fingerprint}) of member '{who}' is revoked"
            f" ({revoked.reason}, since {revoked.since}): it signs nothing any more",
            hint="choose a valid key with `medperf key use FILE`; without one, ask for another:"
            " `medperf member rotate-key NEW --lost`",
        )
    if key.text not in member.valid_keys:
        raise ConfigurationError(
            f"key '{settings.key}' ({key.fingerprint}) is not a valid key of member '{who}'",
            hint="choose another with `medperf key use FILE` (`medperf member view` shows the member's keys);"
            " if all are lost: `medperf member rotate-key NEW --lost`",
        )
