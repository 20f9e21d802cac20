"""Signatures under a new root: whose count under the root it replaces, whose under itself."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from medperf_cli.core.entities.root import Admins, Root
from medperf_cli.core.lifecycle.standing import Lifecycle
from medperf_cli.core.names import EntityPath, SignaturePath
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


def tally(
    old: Admins,
    path: EntityPath,
    root: Root,
    files: Mapping[str, bytes],
    registry: str,
    *,
    keys: Keys | None = None,
) -> Tally:
    """Count the signatures of a root.

    Under the root in force only the keys it names count. Under the new one an admin of both may sign with
    either key: the old one vouches for the new one, which the admin's member file holds.

    Args:
        old: the admins of the root in force; at genesis those of this one.
        path: where it stands.
        root: the root, parsed from these bytes.
        files: its bytes and those of its signatures, by path; others are passed over.
        registry: the registry's id.
        keys: the keys of an admin that are valid; None leaves open whether one was revoked, as at genesis.

    """
    signed: set[tuple[str, str]] = set()
    faults = []
    for signature in _signatures(path, files):
        try:
            signer = _signer(signature, files, _pairs(old) | _pairs(root.admins), registry)
            if keys is not None and signer[1] not in keys(signer[0]):
                raise NotTrustedError(f"the key of admin '{signer[0]}' is not a valid key of that member")
            signed.add(signer)
        except SignatureError as error:
            faults.append((signature, error.message))
    both = {admin for admin, _ in _pairs(root.admins)}
    staying = {(admin, key) for admin, key in _pairs(old) if admin in both}
    return Tally(
        frozenset(admin for admin, _ in signed & _pairs(old)),
        frozenset(admin for admin, _ in signed & (_pairs(root.admins) | staying)),
        tuple(faults),
    )


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
    stem = f"{path.stem}."
    names = [text[len(stem) : -len(".sig")] for text in files if text.startswith(stem)]
    return [SignaturePath(path, name) for name in sorted(names) if f"{stem}{name}.sig" in files]


def _pairs(admins: Admins) -> set[tuple[str, str]]:
    return {(admin.member, admin.key) for admin in admins.members}


def _signer(
    signature: SignaturePath, files: Mapping[str, bytes], allowed: set[tuple[str, str]], registry: str
) -> tuple[str, str]:
    """The admin and key that made a signature of a root.

    Raises:
        SignatureError: malformed, not over these bytes, or by a key that neither root names for this admin.

    """
    admin = signature.admin or ""
    key = signing_key(signature.entity, files[str(signature.entity)], files[str(signature)], registry)
    if (admin, key) not in allowed:
        raise NotTrustedError(f"'{admin}' is not an admin with this key")
    return admin, key


def valid_keys(state: Lifecycle) -> Keys:
    """The public keys with which members may sign now; none of who is no member in force."""

    def keys(name: str) -> tuple[str, ...]:
        member = state.member_in_force(name)
        return () if member is None else member.valid_keys

    return keys
