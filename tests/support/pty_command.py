"""The installed command at a real terminal: what it draws, with a size, keys and signals."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

MEDPERF = str(Path(sys.executable).with_name("medperf"))
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07")


class AtTerminal:
    """`medperf …` whose stdin, stdout and stderr are one terminal of `columns` times `lines`."""

    def __init__(self, *words: str, env: Mapping[str, str], columns: int = 100, lines: int = 30) -> None:
        self._own, theirs = pty.openpty()
        self.resize(columns, lines)
        self.raw = ""
        self.process = subprocess.Popen(
            [MEDPERF, *words],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, "TERM": "xterm-256color", **env},
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - no threads here
        )
        os.close(theirs)

    @property
    def text(self) -> str:
        """All that was drawn, one thing after another, without what moves the cursor."""
        return _CONTROL.sub("", self.raw)

    def resize(self, columns: int, lines: int) -> None:
        """Make the window another size."""
        fcntl.ioctl(self._own, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def until(self, word: str, seconds: float = 60) -> str:
        """Read until a word was drawn (fails the test when that does not happen)."""
        end = time.monotonic() + seconds
        while word not in self.text:
            assert time.monotonic() < end, f"no '{word}' in {self.text[-2000:]}"
            if not self._read():
                assert word in self.text, self.text[-2000:]
        return self.text

    def press_ctrl_c(self) -> None:
        """As the user would."""
        os.write(self._own, b"\x03")

    def hang_up(self) -> None:
        """Close the terminal, as a lost connection does."""
        os.close(self._own)
        self._own = -1

    def ended(self, seconds: float = 60) -> int:
        """Read to the end; the exit code."""
        end = time.monotonic() + seconds
        while self._read():
            assert time.monotonic() < end, self.text[-2000:]
        return self.process.wait(timeout=seconds)

    def _read(self) -> bool:
        """Whether there may be more."""
        if not select.select([self._own], [], [], 0.2)[0]:
            return True
        try:
            data = os.read(self._own, 65536)
        except OSError:  # the other side is closed
            return False
        self.raw += data.decode("utf-8", "replace")
        return bool(data)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        if self._own >= 0:
            os.close(self._own)
