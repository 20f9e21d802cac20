"""Rules about signatures: by the right member, with a key valid in base."""

from __future__ import annotations

from collections.abc import Iterator

from medperf_cli.core import sshsig
from medperf_cli.core.check.rules.table import Fault, rule
from medperf_cli.core.check.submission import Submission
from medperf_cli.core.entities.decision import Decision
from medperf_cli.core.entities.header import Entity
from medperf_cli.core.entities.member import Member
from medperf_cli.core.entities.root import Root
from medperf_cli.core.lifecycle.requirement import Role
from medperf_cli.core.names import EntityPath, Kind, signature_path
from medperf_cli.errors import SignatureError


def allowed_keys(submission: Submission, path: EntityPath, entity: Entity) -> frozenset[str]:
    """The public keys that may sign a file: what a key is, base says."""
    if isinstance(entity, Member):
        return _member_keys(submission, path, entity)
    valid = _in_force(submission, path.signer or "")
    if isinstance(entity, Decision) and entity.authority and entity.authority.entity.kind is Kind.ROOT:
        root = submission.before.reader.typed(entity.authority.entity, Root)
        admins = () if root is None else root.admins.members
        return valid.intersection(a.key for a in admins if a.member == path.signer)
    return valid


def _in_force(submission: Submission, name: str) -> frozenset[str]:
    member = submission.before.member_in_force(name)
    return frozenset() if member is None else frozenset(member.valid_keys)


def _member_keys(submission: Submission, path: EntityPath, member: Member) -> frozenset[str]:
    """Version 1: a key it holds. Later: one in force; where admins decide, a new one too (all lost)."""
    if path.version == 1:
        return frozenset(member.valid_keys)
    old = _in_force(submission, path.id)
    return old.union(member.valid_keys) if submission.after.role(path) is Role.ADMINS else old


@rule("SIG001", "a file is signed by the responsible member with a key valid in base", genesis=True)
def signed(submission: Submission) -> Iterator[Fault]:
    """The path says who must sign; the registry before the change says with which keys.

    A decision as admin is signed with the key the root names for that admin, while it is not revoked.
    """
    if submission.root is None:
        return
    for path, entity in submission.entities.items():
        if path.signer is None or submission.armor(str(signature_path(path))) is None:
            continue
        try:
            key = submission.signing_key(signature_path(path))
        except SignatureError as error:
            yield Fault(path, error.message, "sign the file again")
            continue
        allowed = allowed_keys(submission, path, entity)
        if not allowed:
            message = f"'{path.signer}' is not a member in force with a key for this"
            yield Fault(path, message, "register the member and have it approved first")
        elif key not in allowed:
            fingerprint = sshsig.parse_public_key(key).fingerprint
            message = f"key {fingerprint} is not a valid key of '{path.signer}'"
            yield Fault(path, message, "sign with a key the registry knows, or have yours added")
