"""Long lists through `PAGER`, as git shows them."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys

_USUAL = "less"
_OPTIONS = "FRX"
"""Of `less`: end at once if it fits after all, let colour through, leave the screen as it is."""


def paged(text: str) -> bool:
    """Show text that does not fit on the terminal; False if it fits, or no pager is wanted or there."""
    argv = _pager()
    if not argv or _lines(text) < shutil.get_terminal_size().lines:
        return False
    environ = {"LESS": _OPTIONS, "LV": "-c", **os.environ}
    sys.stdout.flush()
    try:
        process = subprocess.Popen(argv, stdin=subprocess.PIPE, env=environ)
    except OSError:
        return False
    # Ctrl-C is for the pager: it may stop a search there, and must not leave it alone with the terminal.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with contextlib.suppress(BrokenPipeError):  # whoever reads has seen enough
            process.communicate(text.encode("utf-8", "backslashreplace"))
        process.wait()
    finally:
        signal.signal(signal.SIGINT, before)
    return True


def _pager() -> list[str]:
    """The command line of the pager; empty where none is wanted."""
    try:
        argv = shlex.split(os.environ.get("PAGER", _USUAL))
    except ValueError:
        return []
    return [] if argv == ["cat"] or (argv and not shutil.which(argv[0])) else argv


def _lines(text: str) -> int:
    """How many lines of the terminal it fills, long ones wrapped."""
    columns = max(1, shutil.get_terminal_size().columns)
    return sum(1 + max(0, len(line) - 1) // columns for line in text.splitlines())
