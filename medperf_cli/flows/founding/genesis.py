"""The files of a registry's first commit: root 1, and what each admin that it names signs."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from medperf_cli.adapters.keys.base import Signer
from medperf_cli.core.entities.parsing import emit_entity, parse, validate
from medperf_cli.core.entities.recorded import RECORDABLE
from medperf_cli.core.entities.root import FORMAT, Root
from medperf_cli.core.names import (
    GITATTRIBUTES,
    GITATTRIBUTES_BYTES,
    REGISTRY_DIR,
    EntityPath,
    Kind,
    is_name,
    signature_path,
)
from medperf_cli.errors import UsageError
from medperf_cli.flows.deps import TOOL_VERSION, Deps
from medperf_cli.flows.identity import signer
from medperf_cli.flows.keys import public_key_text

ROOT = EntityPath(Kind.ROOT, "", 1)
NONE = "none"


@dataclass(frozen=True)
class Person:
    """Who an admin is for people: a name (empty: the member's), and a role mailbox."""

    name: str
    contact: str


@dataclass(frozen=True)
class Charter:
    """What the first root says, as whoever founds the registry types it.

    `admins` are the founder, `NAME`, and the others, each `NAME=KEYFILE.pub`. `threshold` is how many of
    them decide together; with one admin it may be left out. `recorder` is the file of the merge bot's public
    key; then recorded approvals suffice for `recorded_kinds`, for all kinds that can be recorded if none is
    named, for none if `none` is.
    """

    title: str
    admins: Sequence[str]
    person: Person
    years: int = 5
    threshold: int | None = None
    recorder: Path | None = None
    recorded_kinds: Sequence[str] = field(default=())

    @property
    def founder(self) -> str:
        """The first admin that is named without a key."""
        return next((word for word in self.admins if "=" not in word), "")


def genesis_files(deps: Deps, charter: Charter) -> dict[str, bytes]:
    """What the founder writes and signs, by path below `registry/`: the whole first commit if nobody else is.

    Raises:
        UsageError: something is missing or makes no sense.
        DocumentError: a field is wrong, by name.
        ConfigurationError: no key is chosen, or it cannot sign.

    """
    _expect_founder(charter)
    who = signer(deps.settings, interactive=deps.interactive)
    admins = _admins(charter, who.public_key.text)
    root = validate(Kind.ROOT, {**_root(deps, charter), "admins": admins, **_recorder(charter, admins)})
    assert isinstance(root, Root)  # noqa: S101 - what kind it is was asked for
    data = emit_entity(root)
    files = {GITATTRIBUTES: GITATTRIBUTES_BYTES, str(ROOT): data}
    return files | admin_files(root, data, charter.founder, charter.person, who)


def admin_files(root: Root, data: bytes, admin: str, person: Person, who: Signer) -> dict[str, bytes]:
    """What one admin adds: its signature of the root (`data`), and itself as a member, signed.

    Raises:
        DocumentError: name or contact cannot stand in a member file.
        ConfigurationError: the key cannot sign.

    """
    path = EntityPath(Kind.MEMBER, admin, 1)
    fields = {
        "schema": "member/1",
        "registry": root.registry,
        "id": admin,
        "version": 1,
        "name": person.name or admin,
        "type": "person",
        "contact": person.contact,
        "keys": [{"key": who.public_key.text, "label": "first key"}],
    }
    member = emit_entity(validate(Kind.MEMBER, fields))
    return {
        str(path): member,
        str(signature_path(path)): who.sign(member, path.namespace(root.registry)),
        str(signature_path(ROOT, admin)): who.sign(data, ROOT.namespace(root.registry)),
    }


def root_of(data: bytes) -> Root:
    """Root 1 as its file says it (raises DocumentError)."""
    root = parse(ROOT, data)
    assert isinstance(root, Root)  # noqa: S101 - the path says what it is
    return root


def paths_of(root: Root) -> dict[str, tuple[str, ...]]:
    """The files that each admin adds to the first commit, by admin."""
    found: dict[str, tuple[str, ...]] = {}
    for admin in root.admins.members:
        path = EntityPath(Kind.MEMBER, admin.member, 1)
        signature = signature_path(ROOT, admin.member)
        found[admin.member] = (str(path), str(signature_path(path)), str(signature))
    return found


def unsigned(root: Root, files: Mapping[str, bytes]) -> tuple[str, ...]:
    """The admins who have not added all that they must, in the root's order."""
    return tuple(name for name, paths in paths_of(root).items() if not files.keys() >= set(paths))


def preview(path: Path, beside: Collection[str], files: Mapping[str, bytes]) -> str:
    """What is about to be made in a folder: the names of all files, and the root, which is for ever."""
    names = sorted({*beside, *(f"{REGISTRY_DIR}/{name}" for name in files)})
    body = "".join(f"  {line}\n" for line in files[str(ROOT)].decode().splitlines())
    listed = "".join(f"  {name}\n" for name in names)
    return f"A registry in '{path}':\n{listed}--- {REGISTRY_DIR}/{ROOT}\n{body}"


def _expect_founder(charter: Charter) -> None:
    if not charter.founder or not charter.person.contact:
        raise UsageError(
            "a registry begins with an admin", hint="add --admin NAME and --contact MAILBOX; that is you"
        )
    if sum("=" not in word for word in charter.admins) > 1:
        raise UsageError(
            "only one admin is you: the others need their public keys",
            hint="write --admin NAME=KEYFILE.pub for each of the others",
        )
    if charter.years < 1:
        raise UsageError("a root holds for a year at least", hint="give --years 1 or more")
    if charter.recorded_kinds and charter.recorder is None:
        raise UsageError(
            "nobody would record approvals", hint="add --recorder KEYFILE.pub, the merge bot's key"
        )


def _admins(charter: Charter, mine: str) -> dict[str, Any]:
    named = [_named(word, mine) for word in charter.admins]
    for index, text in enumerate(("admin", "key")):
        every = [pair[index] for pair in named]
        twice = next((one for one in every if every.count(one) > 1), None)
        if twice is not None:
            name = next(pair[0] for pair in named if pair[index] == twice)
            raise UsageError(
                f"the {text} of '{name}' is named twice", hint="each admin is another person, with a key"
            )
    if charter.threshold is None and len(named) > 1:
        raise UsageError(
            f"how many of the {len(named)} admins decide together?", hint="add --threshold NUMBER, such as 2"
        )
    threshold = 1 if charter.threshold is None else charter.threshold
    if not 1 <= threshold <= len(named):
        raise UsageError(
            f"{threshold} of {len(named)} admins cannot decide together",
            hint="name another --threshold, or more admins: --admin NAME=KEYFILE.pub",
        )
    return {"threshold": threshold, "members": [{"member": name, "key": key} for name, key in named]}


def _named(word: str, mine: str) -> tuple[str, str]:
    name, given, file = word.partition("=")
    if not is_name(name):
        raise UsageError(
            f"'{name[:60]}' is not a member's name",
            hint="a name is 2 to 32 of a-z, 0-9 and single inner hyphens",
        )
    return name, public_key_text(Path(file)) if given else mine


def _root(deps: Deps, charter: Charter) -> dict[str, Any]:
    return {
        "schema": "root/1",
        "registry": secrets.token_hex(16),
        "version": 1,
        "title": charter.title,
        "format": FORMAT,
        "minimum_tool": TOOL_VERSION,
        "limits": {},
        "expires": _expires(deps, charter.years),
    }


def _recorder(charter: Charter, admins: Mapping[str, Any]) -> dict[str, Any]:
    if charter.recorder is None:
        return {}
    key = public_key_text(charter.recorder)
    if key in {admin["key"] for admin in admins["members"]}:
        raise UsageError(
            f"'{charter.recorder}' is the key of an admin",
            hint="whoever runs the bot would be that admin: make a key for the bot alone",
        )
    kinds = charter.recorded_kinds or sorted(str(kind) for kind in RECORDABLE)
    return {"recorder": {"key": key}, "recorded_kinds": [kind for kind in kinds if kind != NONE]}


def _expires(deps: Deps, years: int) -> str:
    try:
        expires = deps.clock().astimezone(dt.UTC) + dt.timedelta(days=365 * years)
    except OverflowError:
        raise UsageError("no calendar goes that far", hint="give fewer --years") from None
    return expires.strftime("%Y-%m-%dT%H:%M:%SZ")
