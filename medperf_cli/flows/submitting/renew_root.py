"""The next version of the root: who decides, until when it holds, and by which rules."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from medperf_cli.core.entities.root import FORMAT, Root
from medperf_cli.core.names import Kind, is_name
from medperf_cli.core.ssh_keys import parse_public_key
from medperf_cli.errors import UsageError
from medperf_cli.flows.deps import Deps
from medperf_cli.flows.keys import public_key_text
from medperf_cli.flows.submitting.composer import content
from medperf_cli.flows.submitting.desk import Desk, at_desk
from medperf_cli.flows.submitting.publish import Published, publish
from medperf_cli.flows.submitting.sign_root import changes_of, expect_admin, new_root, sign_root, signed_by

NONE = "none"
"""Takes the recorder, or all recorded kinds, away."""
YEARS = 5
"""How long a root holds when nothing is said."""
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")


@dataclass(frozen=True)
class NextRoot:
    """What the next root says otherwise; None and empty keep what the root in force says.

    `admins` are members who become admins or get another key, each `NAME` or `NAME=FINGERPRINT`; `without`
    are those who stop being one. `expires` is a day or a time, UTC; else it holds `years` from today on; with
    neither, `YEARS` from today on, or a day longer than the root in force where that is later.
    `recorder` is the file of a public key, or `none`.
    """

    years: int | None = None
    expires: str | None = None
    title: str | None = None
    admins: Sequence[str] = ()
    without: Sequence[str] = ()
    threshold: int | None = None
    format: int | None = None
    minimum_tool: str | None = None
    recorder: str | None = None
    recorded_kinds: Sequence[str] = ()
    limits: Mapping[str, int] = field(default_factory=dict)


def renew_root(deps: Deps, wanted: NextRoot) -> Published:
    """Write the next root, show what it changes, sign it, and ask the other admins for their signatures.

    Raises:
        UsageError: I am no admin, or what is wanted makes no sense.
        DocumentError: a field of the new root is wrong, by name.
        ChangeRejectedError: the check rejects it, by more than signatures that are still missing.

    """
    with at_desk(deps) as desk:
        path = desk.composer.add(Kind.ROOT, "", _fields(desk, wanted))
        found = new_root(desk.composer.change)
        if found is None:
            return publish(desk, "the root as it is")
        expect_admin(desk, found[1])
        for line in changes_of(desk, desk.composer.change):
            deps.talk.say(line)
        done = publish(desk, f"root {path.version}: {_title(desk, found[1])}")
        return _signed_too(desk, done)


def _signed_too(desk: Desk, done: Published) -> Published:
    """Who asks for exactly what another admin asked for signs that request."""
    if not done.sent or done.merged or done.request is None:
        return done
    request = desk.forge.read(done.request)
    mine = signed_by(desk, request, desk.deps.settings.member or "")
    return done if mine else sign_root(desk, request)


def _title(desk: Desk, new: Root) -> str:
    old = desk.reader().root
    names = [{a.member for a in root.admins.members} for root in (old, new)]
    if names[0] != names[1] or old.admins.threshold != new.admins.threshold:
        return f"{new.admins.threshold} of {len(names[1])} admins, until {new.expires[:10]}"
    return f"until {new.expires[:10]}"


def _fields(desk: Desk, wanted: NextRoot) -> dict[str, Any]:
    fields = content(desk.reader().root)
    plain = {"title": wanted.title, "format": wanted.format, "minimum_tool": wanted.minimum_tool}
    fields |= {name: value for name, value in plain.items() if value is not None}
    fields["expires"] = _expires(desk, wanted)
    fields["admins"] = _admins(desk, wanted)
    fields["limits"] = {**fields["limits"], **wanted.limits}
    if wanted.format is not None and wanted.format > FORMAT:
        raise UsageError(f"this tool knows formats up to {FORMAT}", hint="a newer tool may know more")
    if wanted.recorded_kinds:
        fields["recorded_kinds"] = [kind for kind in wanted.recorded_kinds if kind != NONE]
    if wanted.recorder == NONE:
        fields.pop("recorder", None)
    elif wanted.recorder is not None:
        fields["recorder"] = {"key": public_key_text(Path(wanted.recorder))}
    return fields


def _expires(desk: Desk, wanted: NextRoot) -> str:
    old = desk.reader().root.expires
    expires = _until(desk, wanted, old)
    if expires <= max(old, desk.deps.now()):
        raise UsageError(
            f"the new root would hold until {expires}: that is not later than today and than {old}",
            hint="name a later day with --expires, or more years with --years",
        )
    return expires


def _until(desk: Desk, wanted: NextRoot, old: str) -> str:
    """Midnight of a day, so that the same command later that day writes the same root.

    A root must hold longer than the one before. Who says nothing about that gets at least a day more: a
    registry may get more admins on the day on which it was founded.
    """
    if wanted.expires is not None:
        return f"{wanted.expires}T00:00:00Z" if _DAY.match(wanted.expires) else wanted.expires
    today = desk.deps.clock().astimezone(dt.UTC).date()
    try:
        day = today + dt.timedelta(days=365 * (YEARS if wanted.years is None else wanted.years))
        if wanted.years is None:
            day = max(day, dt.date.fromisoformat(old[:10]) + dt.timedelta(days=1))
    except OverflowError:
        raise UsageError("no calendar goes that far", hint="name an earlier day with --expires") from None
    return f"{day:%Y-%m-%d}T00:00:00Z"


def _admins(desk: Desk, wanted: NextRoot) -> dict[str, Any]:
    """The admins of the next root: each with the key named, the one before, or the only one there is."""
    old = desk.reader().root.admins
    kept: dict[str, str | None] = {a.member: a.key for a in old.members if a.member not in wanted.without}
    stray = next((name for name in wanted.without if name not in {a.member for a in old.members}), None)
    if stray is not None:
        raise UsageError(f"'{stray}' is no admin", hint="`medperf registry view` shows the admins")
    given = dict(_named(word) for word in wanted.admins)
    members = [
        {"member": name, "key": _key(desk, name, given.get(name), kept.get(name))}
        for name in dict.fromkeys([*kept, *given])
    ]
    threshold = old.threshold if wanted.threshold is None else wanted.threshold
    if threshold > len(members):
        raise UsageError(
            f"{threshold} of {len(members)} admins cannot decide together",
            hint="name another --threshold, or more admins",
        )
    return {"threshold": threshold, "members": members}


def _named(word: str) -> tuple[str, str]:
    name, _, fingerprint = word.partition("=")
    if not is_name(name):
        raise UsageError(f"'{name[:60]}' is not a member's name", hint="write NAME, or NAME=SHA256:...")
    return name, fingerprint


def _key(desk: Desk, name: str, fingerprint: str | None, before: str | None) -> str:
    """The key that signs for an admin: it must be a valid one of that member's file.

    Args:
        desk: the open registry.
        name: the member.
        fingerprint: the beginning of the key's fingerprint; empty is the only valid key, None the old one.
        before: the key under the root in force.

    """
    member = desk.state.member_in_force(name)
    if member is None:
        raise UsageError(f"'{name}' is no member in force", hint="an admin is a member first")
    valid = {parse_public_key(key).fingerprint: key for key in member.valid_keys}
    if fingerprint is None and before in valid.values():
        return str(before)
    fits = [shown for shown in valid if shown.startswith(fingerprint or "")]
    if len(fits) != 1:
        shown = ", ".join(valid) or "none"
        raise UsageError(
            f"which key signs for admin '{name}'? its valid keys are: {shown}",
            hint=f"say it with --admin {name}=SHA256:...",
        )
    return valid[fits[0]]
