"""Signatures under a new root: whose count under the root it replaces, whose under itself."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from medperf_cli.core.entities.root import Admins, Root
from medperf_cli.core.lifecycle.standing import Lifecycle
from medperf_cli.core.names import EntityPath, SignaturePath, parse_signature_path
from medperf_cli.core.trust.verified import signing_key
from medperf_cli.errors import NotTrustedError, SignatureError


@dataclass(frozen=True)
class Tally:
    """The admins whose signature counts under the root in force and under the new one.

    `faults` are signatures that count under neither, each with the reason.
    """

    replaced: frozenset[str]
    itself: frozenset[str]
    faults: tuple[tuple[SignaturePath, str], ...]


@dataclass(frozen=True)
class Missing:
    """That `count` more of these members must sign, because a root (`whose`) requires it."""

    whose: str
    count: int
    members: tuple[str, ...]


Keys = Callable[[str], Collection[str]]
"""The public keys with which a member may sign."""
MadeBy = Callable[[SignaturePath], str]
"""The public key that made a signature; raises SignatureError for one that is not over the file's bytes."""


def tally(
    old: Admins, root: Root, signatures: Iterable[SignaturePath], made_by: MadeBy, *, keys: Keys | None = None
) -> Tally:
    """Count the signatures of a root.

    Under the root in force only the keys it names count. Under the new one an admin of both may sign with
    either key: the old one vouches for the new one, which the admin's member file holds.

    Args:
        old: the admins of the root in force; at genesis those of this one.
        root: the root.
        signatures: those over it.
        made_by: the key that made one (raises SignatureError).
        keys: the keys of an admin that are valid; None leaves open whether one was revoked, as at genesis.

    """
    allowed, signed, faults = pairs(old) | pairs(root.admins), set[tuple[str, str]](), []
    for signature in signatures:
        try:
            signed.add(admin_key(signature, made_by(signature), allowed, keys))
        except SignatureError as error:
            faults.append((signature, error.message))
    both = {admin for admin, _ in pairs(root.admins)}
    staying = {(admin, key) for admin, key in pairs(old) if admin in both}
    return Tally(
        frozenset(admin for admin, _ in signed & pairs(old)),
        frozenset(admin for admin, _ in signed & (pairs(root.admins) | staying)),
        tuple(faults),
    )


def tally_of(
    old: Root, path: EntityPath, root: Root, files: Mapping[str, bytes], *, keys: Keys | None = None
) -> Tally:
    """The same for signatures among `files` (bytes by path), in the registry of the root in force, `old`."""

    def made_by(signature: SignaturePath) -> str:
        return signing_key(path, files[str(path)], files[str(signature)], old.registry)

    return tally(old.admins, root, _signatures(path, files), made_by, keys=keys)


def missing(found: Tally, old: Admins, new: Admins) -> list[Missing]:
    """Who must still sign, for each of the two roots that is short of signatures."""
    parts = (("it replaces", old, found.replaced), ("it names", new, found.itself))
    return [
        Missing(whose, admins.threshold - len(signed), _left(admins, signed))
        for whose, admins, signed in parts
        if len(signed) < admins.threshold
    ]


def _left(admins: Admins, signed: frozenset[str]) -> tuple[str, ...]:
    return tuple(sorted({admin.member for admin in admins.members} - signed))


def _signatures(path: EntityPath, files: Mapping[str, bytes]) -> list[SignaturePath]:
    found = (parse_signature_path(text) for text in files if text.endswith(".sig"))
    return sorted(signature for signature in found if signature.entity == path)


def pairs(admins: Admins) -> set[tuple[str, str]]:
    """Each admin with the key that signs for it."""
    return {(admin.member, admin.key) for admin in admins.members}


def admin_key(
    signature: SignaturePath, key: str, allowed: set[tuple[str, str]], keys: Keys | None
) -> tuple[str, str]:
    """The admin and key of a signature, if they are allowed and the key is valid (raises NotTrustedError)."""
    admin = signature.admin or ""
    if (admin, key) not in allowed:
        raise NotTrustedError(f"'{admin}' is not an admin with this key")
    if keys is not None and key not in keys(admin):
        raise NotTrustedError(f"the key of admin '{admin}' is not a valid key of that member")
    return admin, key


def valid_keys(state: Lifecycle) -> Keys:
    """The public keys with which members may sign now; none of who is no member in force."""

    def keys(name: str) -> tuple[str, ...]:
        member = state.member_in_force(name)
        return () if member is None else member.valid_keys

    return keys
