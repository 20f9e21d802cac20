"""How text from a cube is quoted in a message: short, and with nothing a terminal would obey."""

from __future__ import annotations

_MAX_SHOWN = 60


def shown(text: str) -> str:
    """`text` as printable ASCII, cut to 60 characters."""
    cut = text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 3] + "..."
    return cut.encode("unicode_escape").decode("ascii")
