"""A registry with several admins, hosted, and what they do to its root."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from medperf_cli.core.entities.parsing import emit_entity, validate
from medperf_cli.core.names import EntityPath, Kind, signature_path
from medperf_cli.flows.submitting.desk import at_desk
from medperf_cli.flows.submitting.publish import Published
from medperf_cli.flows.submitting.renew_root import NextRoot, renew_root
from medperf_cli.flows.submitting.review import approve, merge
from tests.support.acting import keys
from tests.support.hosting import Hosted, hosted
from tests.support.keys import member_key
from tests.support.office import Office, office
from tests.support.world import World, genesis, member_file

TRIO = ("ada", "bea", "carl")
TWO = EntityPath(Kind.ROOT, "", 2)


def board(
    folder: Path, *joined: str, admins: tuple[str, ...] = TRIO, threshold: int = 2, **root: Any
) -> Hosted:
    """A registry of these admins, and members who joined with their approval."""
    host = hosted(folder, 1, genesis(admins, threshold, **root))
    for name in joined:
        join(host, name, *admins[:threshold])
    return host


def join(host: Hosted, name: str, *by: str) -> None:
    added = member_file(host.world, name)
    enter_approved(host, added, f"members/{name}/1.yml", *by)


def next_keys(host: Hosted, name: str, *by: str, held: tuple[str, ...], lost: tuple[str, ...] = ()) -> None:
    """The next version of a member, with these keys, approved by admins."""
    state = host.world.state
    path = state.in_force(Kind.MEMBER, name)
    member = state.reader.member(path)
    assert path is not None
    assert member is not None
    about = {"name": member.name, "type": member.type, "contact": member.contact}
    fields: dict[str, Any] = {**about, "keys": _as_before(name, keys(*held, revoked=lost))}
    added = host.world.write(Kind.MEMBER, name, path.version + 1, **fields)
    enter_approved(host, added, f"members/{name}/{path.version + 1}.yml", *by)


def _as_before(name: str, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**key, "label": "first key"} if key["label"] == name else key for key in found]


def enter_approved(host: Hosted, added: dict[str, bytes], subject: str, *by: str) -> None:
    root = str(host.world.state.reader.root_path)
    votes = [host.world.decide(admin, subject, authority=root, added=added) for admin in by]
    host.enter({p: d for part in (added, *votes) for p, d in part.items()})


def renew(who: Office, **wanted: Any) -> Published:
    return renew_root(who.deps, NextRoot(**wanted))


def sign(who: Office, request: str | None) -> Published:
    with at_desk(who.deps) as desk:
        return approve(desk, request or "", "approved")


def merged(who: Office, request: str | None) -> Published:
    with at_desk(who.deps) as desk:
        return merge(desk, request or "", "approved")


def with_key(who: Office, name: str) -> Office:
    """The same member at another key."""
    found = replace(who)
    found.sign_as(name)
    return found


def offices(host: Hosted, *names: str) -> list[Office]:
    return [office(host, name) for name in names]


def take_main(host: Hosted) -> None:
    """Let the world of a host hold what was merged through its hooks."""
    with host.store() as store:
        snapshot = store.snapshot(host.main())
        found = {path: snapshot.get(path) or b"" for path in snapshot.list("")}
        tree = store.registry_tree(host.main())
    host.world.files = found
    if tree and (not host.world.trees or host.world.trees[0] != tree):
        host.world.trees.insert(0, tree)


def new_root(world: World, *admins: str, threshold: int = 2, version: int = 2, **fields: object) -> bytes:
    given = {
        "title": "Taken over",
        "format": 1,
        "minimum_tool": "0.1.0",
        "admins": {
            "threshold": threshold,
            "members": [{"member": a, "key": member_key(a).public_text} for a in admins or TRIO],
        },
        "limits": {},
        "expires": "2040-01-01T00:00:00Z",
    }
    return emit_entity(validate(Kind.ROOT, world.document(Kind.ROOT, "", version, **{**given, **fields})))


def armor(
    world: World, data: bytes, admin: str, *, key: str | None = None, path: EntityPath = TWO
) -> dict[str, bytes]:
    """The signature of an admin (or of whoever has `key`) over a root."""
    made = member_key(key or admin).sign(data, path.namespace(world.registry))
    return {str(signature_path(path, admin)): made}
