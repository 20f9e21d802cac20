"""What is run on behalf of a command, told to whoever asked to be (`--verbose`); shared by all adapters."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence

_LISTENERS: list[Callable[[str], None]] = []

# A password may hold an @ itself: all of the authority up to the last one goes. A scheme is looked for
# only where a word begins: a remote's line of one long word would be read again from each of its letters.
_USER = re.compile(r"(?<![a-z0-9+.-])([a-z0-9+.-]+://)[^/\s]*@", re.IGNORECASE)
_SECRET = re.compile(
    r"((?:token|secret|passw(?:or)?d|pwd|key|credential|signature|sig)=)[^&\s'\"]+", re.IGNORECASE
)


def without_secrets(text: str) -> str:
    """A text whose addresses name no user and no password, and give no tokens."""
    return _SECRET.sub(r"\1...", _USER.sub(r"\1", text))


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
