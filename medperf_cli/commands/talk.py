"""Writing to stderr: where nobody can read it any more, neither work nor an exit code fails for that."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TextIO


def speak(text: str) -> None:
    """Write to stderr at once; when the terminal is gone, or the disk behind it is full, to nowhere."""
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError:
        forget(sys.stderr)


def forget(stream: TextIO) -> None:
    """Let a stream that cannot be written lead to nowhere: at exit Python would try to write the rest."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
