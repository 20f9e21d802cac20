"""A member's own keys: adding a new one, and revoking one."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medperf_cli.adapters.keys.ssh_keygen import SshKeygenSigner
from medperf_cli.core.entities.member import Member
from medperf_cli.core.names import EntityPath, Kind
from medperf_cli.core.sshsig import parse_public_key
from medperf_cli.errors import ConfigurationError, UnknownIdError, UsageError
from medperf_cli.flows.deps import Deps
from medperf_cli.flows.identity import me, signer
from medperf_cli.flows.submitting.composer import content
from medperf_cli.flows.submitting.desk import Desk, at_desk
from medperf_cli.flows.submitting.publish import Published, publish


@dataclass(frozen=True)
class Rotation:
    """What became of the request, the new key's file, and the fingerprint of the one that signed."""

    done: Published
    new: Path
    old: str


def rotate_key(deps: Deps, new: Path | None, old: Path | None, label: str, *, lost: bool = False) -> Rotation:
    """Ask the admins to add a key to my member; the old one signs that.

    Args:
        deps: the world; its settings' key is the old one, or the new one if only `old` is given.
        new: the new key's file.
        old: the old key's file.
        label: what the new key is called.
        lost: I hold no key that is valid: the new one signs, and those before are revoked as lost.

    Raises:
        UsageError: it is not said which key is new, that one is mine already, or `old` is given and lost.
        ConfigurationError: a key cannot be read, or the old one is no valid key of mine.

    """
    file = _new_file(deps, new, old, lost=lost)
    added = SshKeygenSigner(file, interactive=deps.interactive).public_key.text
    key = (file if lost else old or deps.settings.key or file).expanduser().absolute()
    signing = dataclasses.replace(deps, settings=dataclasses.replace(deps.settings, key=key))
    fingerprint = signer(signing.settings, interactive=deps.interactive).public_key.fingerprint
    with at_desk(signing) as desk:
        path, member = _me(desk)
        if added in {k.key for k in member.keys}:
            raise UsageError(
                f"key '{file}' is one of '{path.id}' already", hint="sign with it: `medperf key use FILE`"
            )
        fields = content(member)
        if lost:
            _revoke_all(deps, fields["keys"])
        fields["keys"] = [*fields["keys"], {"key": added, "label": label}]
        desk.composer.add(Kind.MEMBER, path.id, fields)
        return Rotation(publish(desk, f"member {path.id} adds a key"), file, fingerprint)


def _new_file(deps: Deps, new: Path | None, old: Path | None, *, lost: bool) -> Path:
    if lost and old:
        raise UsageError("a key that is lost signs nothing", hint="leave out --old, or --lost")
    file = (new or deps.settings.key) if new or old or lost else None
    if file is None:
        raise UsageError(
            "which key is the new one?",
            hint="name its file; or make it with `medperf key new --file FILE`, then name the old with --old",
        )
    file = file.expanduser().absolute()
    if not file.exists():
        raise ConfigurationError(f"there is no key file '{file}'", hint="make one with `medperf key new`")
    return file


def revoke_key(deps: Deps, which: str | None, reason: str, since: str | None) -> tuple[Published, int]:
    """Say that a key of mine signs nothing any more; that is my own act. Gives how many valid keys are left.

    Args:
        deps: the world.
        which: the key's fingerprint (or its beginning) or file; None is the key in use.
        reason: `retired`, `lost` or `compromised`.
        since: since when, as 2026-01-31 or 2026-01-31T12:00:00Z; None is now.

    Raises:
        UnknownIdError: no key of mine, or more than one, is meant.
        UsageError: it is revoked already, or `since` is no time.

    """
    with at_desk(deps) as desk:
        path, member = _me(desk)
        fingerprint = _fingerprint(deps, which)
        prints = {parse_public_key(k.key).fingerprint: k for k in member.keys}
        fits = [found for found in prints if found.startswith(fingerprint)]
        if len(fits) != 1:
            raise UnknownIdError(
                f"'{which or fingerprint}' means {len(fits)} keys of '{path.id}'",
                hint=f"its keys are: {', '.join(prints)}",
            )
        key = prints[fits[0]]
        if key.revoked is not None:
            raise UsageError(f"key {fits[0]} was revoked already ({key.revoked.reason})")
        fields = content(member)
        for item in fields["keys"]:
            if item["key"] == key.key:
                item["revoked"] = {"reason": reason, "since": _time(deps, since)}
        desk.composer.add(Kind.MEMBER, path.id, fields)
        left = len(member.valid_keys) - 1
        if not left:
            deps.talk.say(
                f"this leaves '{path.id}' without a valid key; the admins can let it have a new one:"
                " `medperf member rotate-key NEW --lost`"
            )
        return publish(desk, f"member {path.id} revokes a key"), left


def _revoke_all(deps: Deps, keys: list[dict[str, Any]]) -> None:
    for key in keys:
        key.setdefault("revoked", {"reason": "lost", "since": deps.now()})


def _me(desk: Desk) -> tuple[EntityPath, Member]:
    who = me(desk.deps.settings)
    path = desk.state.in_force(Kind.MEMBER, who)
    member = desk.reader().member(path)
    if path is None or member is None:
        raise ConfigurationError(
            f"'{who}' is not a member of this registry, or not any more",
            hint="register with `medperf member register`",
        )
    return path, member


def _fingerprint(deps: Deps, which: str | None) -> str:
    if which is None or not which.startswith("SHA256:"):
        file = deps.settings.key if which is None else Path(which).expanduser()
        if file is None or not file.is_file():
            raise UsageError(
                f"'{which}' is neither a fingerprint nor a key file"
                if file is not None
                else "no key is chosen",
                hint="`medperf member view` shows a member's keys; a fingerprint begins with SHA256:",
            )
        return SshKeygenSigner(file, interactive=deps.interactive).public_key.fingerprint
    return which


def _time(deps: Deps, since: str | None) -> str:
    given: Any = since or deps.now()
    return f"{given}T00:00:00Z" if len(given) == len("2026-01-31") else str(given)
