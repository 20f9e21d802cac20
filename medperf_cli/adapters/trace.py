"""What is run on behalf of a command, told to whoever asked to be (`--verbose`); shared by all adapters."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence

_LISTENERS: list[Callable[[str], None]] = []


def listen(listener: Callable[[str], None] | None) -> None:
    """Tell `listener` from now on, and nobody else; None tells nobody."""
    _LISTENERS[:] = [listener] if listener else []


def ran(argv: Sequence[str]) -> None:
    """A process is started; the line may hold a stranger's words and credentials in addresses."""
    if _LISTENERS:
        asked(f"run {shlex.join(argv)}")


def asked(text: str) -> None:
    """Something else is asked for, such as a download."""
    for listener in _LISTENERS:
        listener(text)
