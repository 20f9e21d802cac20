"""Adding my signature as admin to a new root that waits for them."""

from __future__ import annotations

from medperf_cli.adapters.forge.base import Request
from medperf_cli.core.check.engine import check
from medperf_cli.core.check.waiting_root import barred
from medperf_cli.core.entities.root import Root
from medperf_cli.core.lifecycle.root_changes import root_changes
from medperf_cli.core.names import EntityPath, Kind, signature_path
from medperf_cli.core.snapshot import Change
from medperf_cli.core.ssh_keys import parse_public_key
from medperf_cli.errors import ConfigurationError, UsageError
from medperf_cli.flows.hosting.request_commits import parsed_root, rebased
from medperf_cli.flows.identity import me, signer
from medperf_cli.flows.submitting.desk import Desk
from medperf_cli.flows.submitting.outbox import Sort
from medperf_cli.flows.submitting.permission import expect_allowed
from medperf_cli.flows.submitting.publish import (
    ChangeRejectedError,
    Published,
    gathered_at,
    hand_over,
    waits_for,
)
from medperf_cli.flows.submitting.sending import about


def new_root(change: Change) -> tuple[EntityPath, Root] | None:
    """The root that a request asks for, if it is one."""
    path = next((path for path in change.entities if path.kind is Kind.ROOT), None)
    root = None if path is None else parsed_root(path, change.added[str(path)])
    return None if path is None or root is None else (path, root)


def changes_of(desk: Desk, change: Change) -> list[str]:
    """What the new root of a request changes against the one in force, in plain words; nothing without."""
    found = new_root(change)
    return [] if found is None else root_changes(desk.reader().root, found[1])


def signed_by(desk: Desk, request: Request, member: str) -> bool:
    """Whether a member's signature stands in a request for a new root, or beside it."""
    commit = request.decisions.get(member)
    own = desk.store.change(request.base, request.head).signatures
    beside = desk.store.change(request.head, commit).signatures if commit else []
    return any(s.entity.kind is Kind.ROOT and s.admin == member for s in (*own, *beside))


def sign_root(desk: Desk, request: Request) -> Published:
    """Show what a new root changes, sign it, and deliver the signature beside the request.

    Raises:
        UsageError: I am an admin of neither root.
        ConfigurationError: my key is not the one that a root names for me.
        ChangeRejectedError: the root is not lawful, whoever signs it.

    """
    own = desk.store.change(request.base, request.head)
    found = new_root(own)
    if found is None:
        raise UsageError(f"request '{request.id}' holds no root that can be read")
    path, root = found
    who = me(desk.deps.settings)
    if signed_by(desk, request, who):
        waits = waits_for(gathered_at(desk, request).report)
        return Published(request.id, (), sent=False, merged=False, waiting=waits)
    expect_allowed(desk, [path])
    expect_admin(desk, root)
    _refuse(rebased(desk.composer.snapshot, own))
    if not desk.deps.confirm(_preview(desk, request, path, own)):
        return Published(request.id, (str(path),), sent=False, merged=False)
    files = _signature(desk, path, own.added[str(path)])
    _refuse(rebased(desk.composer.snapshot, own, files))
    item = about(desk, Sort.DECISION, request, who, files)
    return hand_over(desk, item, lambda done: gathered_at(desk, done).report, request)


def expect_admin(desk: Desk, new: Root) -> None:
    """See that I am an admin of the root in force or of `new`, with the key that one of them names.

    Raises:
        UsageError: I am an admin of neither.
        ConfigurationError: my key is another one.

    """
    who, settings = me(desk.deps.settings), desk.deps.settings
    both = (*desk.reader().root.admins.members, *new.admins.members)
    named = {admin.key for admin in both if admin.member == who}
    if not named:
        raise UsageError(
            f"'{who}' is an admin of neither root: only admins sign a new one",
            hint="`medperf registry view` shows the admins",
        )
    if signer(settings, interactive=desk.deps.interactive).public_key.text not in named:
        prints = " or ".join(sorted(parse_public_key(key).fingerprint for key in named))
        raise ConfigurationError(
            f"key '{settings.key}' is not the one that signs for '{who}' as admin: {prints}",
            hint="choose it with `medperf key use FILE`; if it is lost, the other admins renew the root",
        )


def _signature(desk: Desk, path: EntityPath, payload: bytes) -> dict[str, bytes]:
    key = signer(desk.deps.settings, interactive=desk.deps.interactive)
    name = str(signature_path(path, me(desk.deps.settings)))
    return {name: key.sign(payload, path.namespace(desk.meta.registry))}


def _refuse(change: Change) -> None:
    findings = barred(check(change))
    if findings:
        raise ChangeRejectedError(findings)


def _preview(desk: Desk, request: Request, path: EntityPath, change: Change) -> str:
    """What is to be signed: the difference in words, then the exact file."""
    body = "".join(f"  {line}\n" for line in change.added[str(path)].decode().splitlines())
    lines = "".join(f"  {line}\n" for line in changes_of(desk, change))
    return (
        f"Your signature as admin under this root will be sent to {desk.meta.address}"
        f" (request {request.id}).\nIt changes:\n{lines}--- registry/{path}\n{body}"
    )
