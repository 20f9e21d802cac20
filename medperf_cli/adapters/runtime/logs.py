"""A container's log as a file of bounded size, and its last lines."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

_TAIL_BYTES = 64 * 1024
_READ_BYTES = 16 * 1024
_LINE = 500


class CappedLog:
    """Writes at most `cap` bytes: the beginning as it comes, and the very end when the log is closed.

    What falls between is left out, and a line in the file says how much: errors stand at the end.
    """

    def __init__(self, path: Path, cap: int) -> None:
        self._tail_room = min(_TAIL_BYTES, cap // 4)
        self._head_room = cap - self._tail_room
        self._tail = bytearray()
        self._left_out = 0
        path.parent.mkdir(parents=True, exist_ok=True)
        # A symlink in this place would let an earlier task choose which file is overwritten.
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        self._file = os.fdopen(os.open(path, flags, 0o600), "wb", buffering=0)

    def write(self, chunk: bytes) -> None:
        """Take what the container wrote (raises OSError when the disk is full)."""
        head, rest = chunk[: self._head_room], chunk[self._head_room :]
        if head:
            self._file.write(head)
            self._head_room -= len(head)
        self._tail += rest
        excess = len(self._tail) - self._tail_room
        if excess > 0:
            del self._tail[:excess]
            self._left_out += excess

    def __enter__(self) -> Self:
        """Nothing more than `with` needs."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write the end and close."""
        with self._file:
            if self._left_out:
                self._file.write(f"\n[medperf: {self._left_out} bytes left out here]\n".encode())
            self._file.write(self._tail)


def last_lines(path: Path, count: int = 10) -> tuple[str, ...]:
    """The last non-empty lines of a log, safe to print: control characters escaped, long lines cut.

    Empty when the log is missing or empty.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _READ_BYTES))
            text = file.read(_READ_BYTES).decode("utf-8", "replace")
    except OSError:
        return ()
    lines = [_printable(line) for line in text.splitlines() if line.strip()]
    return tuple(lines[-count:])


def _printable(line: str) -> str:
    """Escape what could steer a terminal; the log is hostile."""
    return "".join(c if c.isprintable() or c == "\t" else repr(c)[1:-1] for c in line[:_LINE])
