"""The length-prefixed fields of SSH (RFC 4251 section 5), read without tolerance."""

from __future__ import annotations

from collections.abc import Iterator

from medperf_cli.errors import SignatureError


def string(data: bytes) -> bytes:
    """Prefix with the length as uint32."""
    return len(data).to_bytes(4) + data


def shown(data: bytes) -> str:
    """Quote bytes that somebody else wrote, for a message."""
    return ascii(data[:80].decode("latin-1"))


class Reader:
    """Reads fields one after the other; whoever is done calls `end`."""

    def __init__(self, data: bytes, what: str) -> None:
        self._data = data
        self._at = 0
        self._what = what

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes."""
        end = self._at + size
        if end > len(self._data):
            raise SignatureError(f"{self._what} is cut short")
        taken = self._data[self._at : end]
        self._at = end
        return taken

    def number(self) -> int:
        """Return the next uint32."""
        return int.from_bytes(self.take(4))

    def string(self) -> bytes:
        """Return the next string."""
        return self.take(self.number())

    def strings(self) -> Iterator[bytes]:
        """Yield strings up to the end."""
        while self._at < len(self._data):
            yield self.string()

    def end(self) -> None:
        """Check that nothing is left."""
        if self._at != len(self._data):
            raise SignatureError(f"{self._what} has bytes left over at its end")


def positive(mpint: bytes, what: str) -> int:
    """Read the content of an mpint, which must be positive and without needless zeros."""
    value = int.from_bytes(mpint)
    if not value or mpint != value.to_bytes(value.bit_length() // 8 + 1):
        # `to_bytes` leaves room for the sign bit, and for nothing more.
        raise SignatureError(f"{what} has a number that is not positive and minimal")
    return value
