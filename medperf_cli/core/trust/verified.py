"""Verified entities: made in one function, from the file's own bytes, by keys the caller trusts."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from medperf_cli.core import sshsig
from medperf_cli.core.entities.header import Entity
from medperf_cli.core.entities.parsing import parse
from medperf_cli.core.names import EntityPath
from medperf_cli.errors import NotTrustedError


@dataclass(frozen=True)
class Verified:
    """An entity whose signature was checked, and the key (public key text) that made it."""

    path: EntityPath
    entity: Entity
    key: str


def signing_key(path: EntityPath, payload: bytes, armor: bytes, registry: str) -> str:
    """Return the public key text that signed `payload` in the namespace of its path.

    Raises:
        SignatureError: malformed, made for another kind or registry, or not over these bytes.

    """
    return sshsig.verify(payload, armor, path.namespace(registry)).text


def verify(
    path: EntityPath, payload: bytes, armor: bytes, *, registry: str, keys: Collection[str]
) -> Verified:
    """Check a file against its signature and the keys that may sign it, then parse it.

    Args:
        path: where the file stands; gives namespace and identity.
        payload: the file's own bytes.
        armor: the bytes of the signature beside it.
        registry: the id of the registry, from the pinned root.
        keys: public key texts that may sign this file.

    Raises:
        SignatureError: the signature does not fit the bytes.
        NotTrustedError: it does, but the key is none of `keys`.
        DocumentError: the bytes are not a valid entity.

    """
    key = signing_key(path, payload, armor, registry)
    if key not in keys:
        fingerprint = sshsig.parse_public_key(key).fingerprint
        raise NotTrustedError(f"key {fingerprint} may not sign '{path}'")
    return Verified(path, parse(path, payload), key)
