"""What stands in a git tree, read strictly; each entry is made when it is asked for.

A folder of thousands of members changes with each of them, and a check looks up one name in it.
"""

from __future__ import annotations

import functools
import re
import stat
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from typing_extensions import override

from medperf_cli.errors import IntegrityError

FILE, TREE = "100644", "040000"
_ENTRY = {
    digits: re.compile(rb"(\d+) ([^/\0]+)\0(.{%d})|.+" % (digits // 2), re.DOTALL) for digits in (40, 64)
}
"""One entry of a tree, by the number of hex digits of an object id: mode, name, id.

Where none is, everything that follows is taken at once, or a tree of digits would be searched for days.
"""
_NEVER = (b"", b".", b"..")
"""Names that no entry has; the empty one is what follows where no entry is."""

_Raw = tuple[bytes, bytes, bytes]
"""Mode, name and id as they stand in the tree."""


class TreeEntry(NamedTuple):
    """One name in a tree; `mode` as git prints it (six octal digits)."""

    mode: str
    oid: str


class Entries(Mapping[bytes, TreeEntry]):
    """The entries of one tree by name."""

    __slots__ = ("_raw",)

    def __init__(self, raw: Mapping[bytes, _Raw] | None = None) -> None:
        self._raw = raw or {}

    @override
    def __getitem__(self, name: bytes) -> TreeEntry:
        mode, _, oid = self._raw[name]
        return tuple.__new__(TreeEntry, (_canonical(mode), oid.hex()))

    def find(self, name: bytes) -> TreeEntry | None:
        """The entry of that name; as `get`, without the way through an error."""
        return self[name] if name in self._raw else None

    @override
    def __contains__(self, name: object) -> bool:
        return name in self._raw

    @override
    def __iter__(self) -> Iterator[bytes]:
        return iter(self._raw)

    @override
    def __len__(self) -> int:
        return len(self._raw)

    @property
    def folders(self) -> dict[bytes, str]:
        """The ids of the trees among them, by name."""
        return {name: oid.hex() for mode, name, oid in self._raw.values() if _canonical(mode) == TREE}

    def differing(self, other: Entries) -> set[bytes]:
        """The names whose entries are not written the same in both trees."""
        return {name for _, name, _ in set(self._raw.values()) ^ set(other._raw.values())}


def parse_tree(data: bytes, oid: str) -> Entries:
    """Read a tree object.

    Raises:
        IntegrityError: it is not one that git itself would write (double or odd names, out of order, zeros
            before a mode, cut short): programs would not agree about what stands in it.

    """
    found: list[_Raw] = _ENTRY[len(oid)].findall(data)
    entries = {entry[1]: entry for entry in found}
    if len(entries) != len(found) or any(name in entries for name in _NEVER):
        raise _malformed(oid)
    try:
        folders = {mode for mode in {mode for mode, _, _ in found} if _canonical(mode) == TREE}
    except (ValueError, OverflowError):
        raise _malformed(oid) from None
    order = [name + b"/" if mode in folders else name for mode, name, _ in found]
    if order != sorted(order):
        raise _malformed(oid)
    return Entries(entries)


@functools.lru_cache(maxsize=256)
def _canonical(text: bytes) -> str:
    """The mode as git itself reads odd ones of old repositories (`canon_mode`), but for zeros before it."""
    if text.startswith(b"0"):
        raise ValueError(text)
    mode = int(text, 8)
    if stat.S_ISREG(mode):
        return "100755" if mode & 0o100 else FILE
    if stat.S_ISLNK(mode):
        return "120000"
    return TREE if stat.S_ISDIR(mode) else "160000"


def serialize_tree(entries: Mapping[bytes, TreeEntry]) -> bytes:
    """The bytes of a tree object, entries in git's order."""

    def order(item: tuple[bytes, TreeEntry]) -> bytes:
        return item[0] + (b"/" if item[1].mode == TREE else b"")

    lines = (
        entry.mode.lstrip("0").encode() + b" " + name + b"\0" + bytes.fromhex(entry.oid)
        for name, entry in sorted(entries.items(), key=order)
    )
    return b"".join(lines)


def _malformed(oid: str) -> IntegrityError:
    return IntegrityError(f"git tree '{oid}' is malformed")
