"""A command that asks before it goes on, answered at a terminal of its own."""

from __future__ import annotations

import os
import pty
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

Done = subprocess.CompletedProcess[str]


class Asked:
    """A running `medperf` at a terminal of its own, which waits for an answer to its question."""

    def __init__(self, command: Sequence[str], environment: dict[str, str], folder: Path) -> None:
        self._terminal, theirs = pty.openpty()
        self._said = tempfile.NamedTemporaryFile("w+")  # noqa: SIM115 - closed by `done`
        self._process = subprocess.Popen(
            command,
            env=environment,
            cwd=folder,
            stdin=theirs,
            stdout=self._said,
            stderr=self._said,
        )
        os.close(theirs)

    def waits(self) -> bool:
        """Whether it has asked."""
        return "Go ahead?" in self._text() or self._process.poll() is not None

    def answer(self, text: str) -> bool:
        """Type an answer; False if it has not asked, or has ended."""
        if self._process.poll() is not None or "Go ahead?" not in self._text():
            self._process.kill()
            return False
        os.write(self._terminal, f"{text}\n".encode())
        return True

    def done(self) -> Done:
        """Wait for its end; what it said is in `stderr`."""
        code = self._process.wait()
        text = self._text()
        os.close(self._terminal)
        self._said.close()
        return Done(self._process.args, code, "", text)

    def _text(self) -> str:
        return Path(self._said.name).read_text(encoding="utf-8", errors="replace")
