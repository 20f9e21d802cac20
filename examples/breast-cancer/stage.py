"""The stage of the demo: people with homes of their own, commands shown as they would type them."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MEDPERF = Path(sys.executable).with_name("medperf")
_MADE_HERE = ".made-by-the-demo"
"""A stage is removed as a whole, so it is told from any other folder."""
_SHOWN = 6
_LEFT_OUT = ("MEDPERF_", "GIT_", "SSH_AUTH_SOCK")


class SceneError(Exception):
    """A command of the story did not do what the story says."""


@dataclass
class Stage:
    """A folder with everything the demo makes, and the people in it."""

    root: Path
    verbose: bool = False
    colour: bool = field(default_factory=sys.stdout.isatty)

    def clear(self) -> None:
        """Make the stage anew (raises SceneError as `remove`)."""
        self.remove()
        self.root.mkdir(parents=True)
        (self.root / _MADE_HERE).touch()

    def remove(self) -> None:
        """Remove what an earlier run left.

        Raises:
            SceneError: the folder holds something that no run of this made.

        """
        ours = (self.root / _MADE_HERE).is_file() or not (self.root.exists() and any(self.root.iterdir()))
        if not ours:
            raise SceneError(f"'{self.root}' was not made by the demo: move it away, or name another stage")
        shutil.rmtree(self.root, ignore_errors=True)

    def heading(self, text: str) -> None:
        """Begin a scene."""
        print(f"\n{self._style('1;36', text)}", flush=True)

    def tell(self, text: str) -> None:
        """Say what happens and why."""
        print(f"  {text}", flush=True)

    def act(self, who: str, text: str, *arguments: str | Path, expect: int = 0) -> str:
        """Let somebody run `medperf`; returns what it printed on stdout.

        Raises:
            SceneError: it did not end with the exit code `expect`.

        """
        typed = ["medperf", *(self._short(argument) for argument in arguments)]
        print(f"\n  {self._style('1', who)}: {text}")
        print(f"  {self._style('32', f'{who} $')} {shlex.join(typed)}", flush=True)
        done = self._run([str(MEDPERF), *map(str, arguments)], who)
        self._show(done.stderr, done.stdout)
        if done.returncode != expect:
            raise SceneError(f"exit code {done.returncode}, expected {expect}:\n{done.stderr}{done.stdout}")
        return done.stdout

    def ask(self, who: str, *arguments: str) -> Any:
        """What a `--json` command prints, unseen by the audience."""
        done = self._run([str(MEDPERF), *arguments, "--json"], who)
        if done.returncode != 0:
            raise SceneError(done.stderr)
        return json.loads(done.stdout)

    def stock(self, text: str, *argument_lists: Sequence[str], into: Path | None = None) -> str:
        """Run a stock command (or a pipe of two: file into program) in the stage's folder, shown in full."""
        command, *feed = argument_lists
        shown = shlex.join(command) + (f" < {shlex.join(feed[0])}" if feed else "")
        shown += f" > {into}" if into else ""
        print(f"\n  {text}\n  {self._style('32', '$')} {shown}", flush=True)
        given = (self.root / feed[0][0]).read_bytes() if feed else None
        done = subprocess.run(command, input=given, capture_output=True, cwd=self.root, check=False)
        if done.returncode != 0:
            raise SceneError(done.stderr.decode(errors="replace"))
        if into:
            (self.root / into).write_bytes(done.stdout)
            return ""
        text = done.stdout.decode(errors="replace")
        print("".join(f"    {line}\n" for line in text.splitlines()), end="", flush=True)
        return text

    def _run(self, command: Sequence[str], who: str) -> subprocess.CompletedProcess[str]:
        home = self.root / who
        home.mkdir(exist_ok=True)
        kept = {k: v for k, v in os.environ.items() if not k.startswith(_LEFT_OUT)}
        env = {**kept, "HOME": str(home), "MEDPERF_HOME": str(home / ".medperf")}
        return subprocess.run(command, env=env, cwd=self.root, capture_output=True, text=True, check=False)

    def _show(self, talk: str, data: str) -> None:
        lines = talk.splitlines() + data.splitlines()
        cut = lines if self.verbose or len(lines) <= 2 * _SHOWN else [*lines[:_SHOWN], "", *lines[-_SHOWN:]]
        for line in cut:
            hidden = f"... {len(lines) - 2 * _SHOWN} more lines of the exact files"
            print(f"    {self._style('2', line if line or cut is lines else hidden)}")
        sys.stdout.flush()

    def _short(self, argument: str | Path) -> str:
        """Paths as seen from the stage, so that a command can be typed again there."""
        return os.path.relpath(argument, self.root) if isinstance(argument, Path) else argument

    def _style(self, code: str, text: str) -> str:
        return f"\033[{code}m{text}\033[0m" if self.colour else text
