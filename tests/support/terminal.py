"""A terminal of somebody: the command line in process, with what it printed and how it ended."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from medperf_cli.main import run


@dataclass(frozen=True)
class Done:
    """What a command left: its exit code, its data, its talk."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    def failed(self, exit_code: int, code: str, *words: str) -> Done:
        """See that it failed so: exit code, code, words, a next step, and no traceback."""
        assert self.code == exit_code, self
        assert f"error {code}: " in self.err, self.err
        assert "\n  next: " in self.err, self.err
        assert "Traceback" not in self.err
        for word in words:
            assert word in self.err, self.err
        return self

    def ok(self, *words: str) -> Done:
        """See that it succeeded, and said or printed these words."""
        assert self.code == 0, self.err
        for word in words:
            assert word in self.out + self.err, self
        return self


class Keyboard(io.StringIO):
    """Standard input with somebody at it."""

    def isatty(self) -> bool:
        return True


@dataclass
class Terminal:
    """Types `medperf …` with a home; without `typing` nobody sits there."""

    home: Path
    patch: pytest.MonkeyPatch
    capture: pytest.CaptureFixture[str]

    def __call__(self, *words: object, typing: str | None = None) -> Done:
        self.patch.setenv("MEDPERF_HOME", str(self.home))
        self.patch.setattr(
            "sys.stdin", io.TextIOWrapper(io.BytesIO()) if typing is None else Keyboard(typing)
        )
        self.capture.readouterr()
        code = run([str(word) for word in words])
        out, err = self.capture.readouterr()
        return Done(code, out, err)

    def at(self, home: Path) -> Terminal:
        """The same terminal, used by somebody else."""
        return Terminal(home, self.patch, self.capture)
