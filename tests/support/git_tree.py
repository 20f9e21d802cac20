"""Git's tree ids computed from a mapping of paths to bytes, so that stories in memory have real ids."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping


def _object(kind: bytes, data: bytes) -> bytes:
    return hashlib.sha1(kind + b" " + str(len(data)).encode() + b"\0" + data, usedforsecurity=False).digest()


def tree_id(files: Mapping[str, bytes]) -> str:
    """The id that git gives a folder with these files (all of mode 100644)."""
    return _tree({tuple(path.split("/")): data for path, data in files.items()}).hex()


def _tree(files: Mapping[tuple[str, ...], bytes]) -> bytes:
    entries: list[tuple[str, bytes]] = []
    folders: dict[str, dict[tuple[str, ...], bytes]] = {}
    for (head, *rest), data in files.items():
        if rest:
            folders.setdefault(head, {})[tuple(rest)] = data
        else:
            entries.append((head, b"100644 " + head.encode() + b"\0" + _object(b"blob", data)))
    for name, inner in folders.items():
        entries.append((name + "/", b"40000 " + name.encode() + b"\0" + _tree(inner)))
    return _object(b"tree", b"".join(data for _, data in sorted(entries)))
