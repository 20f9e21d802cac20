"""The stage of the demo: people with homes of their own, commands shown as they would type them."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, TextIO, cast

from story.asked import Asked, Done

MEDPERF = Path(sys.executable).with_name("medperf")
_MADE_HERE = ".made-by-the-demo"
"""A stage is removed as a whole, so it is told from any other folder."""
_HEAD, _TAIL = 3, 4
_LEFT_OUT = ("MEDPERF_", "GIT_", "SSH_AUTH_SOCK")
_AT_ONCE = 3
"""People who act at the same time; with more, a small machine only waits."""


class SceneError(Exception):
    """A command of the story did not do what the story says."""


def _acting(step: Callable[[Stage, str], None], who: str, stage: Stage) -> None:
    """A step of one person, as a scene."""
    step(stage, who)


@dataclass
class Stage:
    """A folder with everything the demo makes, and the people in it.

    `head` and `tail` lines of a command's output are shown, all where `verbose`. `out` is what the audience
    sees. `spent` holds (seconds, command) of every command, to find the slow ones.
    """

    root: Path
    verbose: bool = False
    head: int = _HEAD
    tail: int = _TAIL
    colour: bool = field(default_factory=sys.stdout.isatty)
    out: TextIO = field(default_factory=lambda: sys.stdout)
    spent: list[tuple[float, str]] = field(default_factory=list)

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
        """Begin an act."""
        self._print(f"\n{self._style('1;36', text)}")

    def tell(self, text: str) -> None:
        """Say what happens and why."""
        self._print(f"  {text}")

    def wrong(self, number: int, text: str) -> None:
        """Announce one of the things that go wrong."""
        self._print(f"\n  {self._style('1;33', f'({number}) {text}')}")

    def act(
        self, who: str, text: str, *arguments: str | Path, expect: int = 0, **variables: str | Path
    ) -> str:
        """Let somebody run `medperf`, in the environment `variables` besides their own.

        Returns:
            What it printed on stdout; where it was to fail, what it said on stderr.

        Raises:
            SceneError: it did not end with the exit code `expect`.

        """
        self._typed(who, text, *arguments, **variables)
        done = self._run(who, arguments, variables)
        return self._told(done, expect)

    def ask(self, who: str, *arguments: str) -> Any:
        """What a `--json` command prints, unseen by the audience."""
        done = self._run(who, [*arguments, "--json"], {})
        if done.returncode != 0:
            raise SceneError(done.stderr)
        return json.loads(done.stdout)

    def quietly(self, *command: str, digest: bool = False) -> str:
        """What a stock command prints in the stage's folder, or its SHA-256; unseen by the audience."""
        done = subprocess.run(command, capture_output=True, cwd=self.root, check=False)
        if done.returncode != 0:
            raise SceneError(done.stderr.decode(errors="replace"))
        return hashlib.sha256(done.stdout).hexdigest() if digest else done.stdout.decode()

    def in_full(self) -> Stage:
        """The same stage, with all output of every command."""
        return replace(self, verbose=True)

    def beginning(self, lines: int) -> Stage:
        """The same stage, with the first lines of every command's output."""
        return replace(self, head=lines, tail=0)

    def together(self, *scenes: Callable[[Stage], None]) -> None:
        """Play scenes of different people at the same time; each is shown whole, in the given order."""
        self._together(scenes, lambda _: True)

    def alike(self, step: Callable[[Stage, str], None], people: Sequence[str]) -> None:
        """Let several people do the same at the same time; only the first is shown, unless all is."""
        scenes = [partial(_acting, step, who) for who in people]
        self._together(scenes, lambda number: self.verbose or number == 0)
        if not self.verbose and len(people) > 1:
            self.tell(f"\n  {', '.join(people[1:])}: the same")

    def _together(self, scenes: Sequence[Callable[[Stage], None]], shown: Callable[[int], bool]) -> None:
        stages = [replace(self, out=io.StringIO()) for _ in scenes]
        with ThreadPoolExecutor(min(_AT_ONCE, os.cpu_count() or 1)) as pool:
            played = [pool.submit(scene, stage) for scene, stage in zip(scenes, stages, strict=True)]
            for number, (future, stage) in enumerate(zip(played, stages, strict=True)):
                error = future.exception()
                if shown(number) or error is not None:
                    self.out.write(cast("io.StringIO", stage.out).getvalue())
                    self.out.flush()
                if error is not None:
                    raise error

    def at_once(
        self, text: str, *commands: tuple[str, Sequence[str | Path]], seconds: float = 60
    ) -> list[Done]:
        """Let several people run a `medperf` that asks before it sends, and answer all of them in one moment.

        Raises:
            SceneError: one of them did not come to its question.

        """
        asked = [
            Asked([str(MEDPERF), *map(str, arguments)], self.environment(who, {}), self.root)
            for who, arguments in commands
        ]
        until = time.monotonic() + seconds
        while not all(one.waits() for one in asked) and time.monotonic() < until:
            time.sleep(0.02)
        answered = [one.answer("y") for one in asked]
        found = [one.done() for one in asked]
        for (who, arguments), done in zip(commands, found, strict=True):
            self._typed(who, text, *arguments)
            preview, asked_for, end = done.stderr.partition("Go ahead?")
            self._lines([*preview.splitlines()[:2], "...", *f"{asked_for}{end}".splitlines()])
            self._ended(done)
        if not all(answered):
            raise SceneError("a command did not come to its question")
        return found

    def kill_when(
        self, who: str, text: str, *arguments: str | Path, ready: Callable[[int], bool], seconds: float = 120
    ) -> None:
        """Run `medperf` and kill it with SIGKILL as soon as `ready`, which is given its process id, says so.

        Raises:
            SceneError: it ended before, or `ready` never said so.

        """
        self._typed(who, text, *arguments)
        process = self._start(who, arguments, {})
        until = time.monotonic() + seconds
        while process.poll() is None and time.monotonic() < until and not ready(process.pid):
            time.sleep(0.02)
        process.kill()
        stdout, stderr = process.communicate()
        done = Done(process.args, process.returncode, stdout, stderr)
        self._show(done)
        if done.returncode != -signal.SIGKILL:
            raise SceneError(f"it ended with {done.returncode} before it could be killed:\n{stderr}")
        self._print(f"    {self._style('31', f'kill -KILL {process.pid}: exit code 137')}")

    def shell(self, who: str, text: str, script: str, expect: int = 0, said: str = "") -> str:
        """Let somebody run stock commands in a shell, in the stage's folder, shown in full.

        Returns:
            What it printed on stdout and stderr.

        Raises:
            SceneError: it did not end with the exit code `expect`, or without the word `said`.

        """
        self._print(f"\n  {self._style('1', who)}: {text}")
        for line in script.strip().splitlines():
            self._print(f"  {self._style('32', f'{who} $')} {line}")
        environment = self.environment(who, {})
        done = subprocess.run(
            ["/bin/sh", "-e", "-c", script],
            env=environment,
            cwd=self.root,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        self._told(done, expect)
        if said not in done.stdout + done.stderr:
            raise SceneError(f"it did not speak of {said}:\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def _typed(self, who: str, text: str, *arguments: str | Path, **variables: str | Path) -> None:
        assigned = [f"{name}={shlex.quote(self.short(value))}" for name, value in variables.items()]
        typed = shlex.join(["medperf", *(self.short(argument) for argument in arguments)])
        self._print(f"\n  {self._style('1', who)}: {text}")
        self._print(f"  {self._style('32', f'{who} $')} {' '.join([*assigned, typed])}")

    def _told(self, done: Done, expect: int) -> str:
        self._show(done, failed=expect != 0)
        if done.returncode != expect:
            raise SceneError(f"exit code {done.returncode}, expected {expect}:\n{done.stderr}{done.stdout}")
        return done.stdout if expect == 0 else done.stderr

    def _run(self, who: str, arguments: Sequence[str | Path], variables: dict[str, str | Path]) -> Done:
        began = time.monotonic()
        process = self._start(who, arguments, variables)
        stdout, stderr = process.communicate()
        self.spent.append((time.monotonic() - began, " ".join([who, *map(str, arguments)])))
        return Done(process.args, process.returncode, stdout, stderr)

    def _start(
        self, who: str, arguments: Sequence[str | Path], variables: dict[str, str | Path]
    ) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(MEDPERF), *map(str, arguments)],
            env=self.environment(who, variables),
            cwd=self.root,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )

    def environment(self, who: str, variables: dict[str, str | Path]) -> dict[str, str]:
        """Somebody's own environment: a home, and nothing of the machine's that would change what they do."""
        home = self.root / who
        home.mkdir(exist_ok=True)
        kept = {k: v for k, v in os.environ.items() if not k.startswith(_LEFT_OUT)}
        own = {"HOME": str(home), "MEDPERF_HOME": str(home / ".medperf")}
        return {**kept, **own, **{name: str(value) for name, value in variables.items()}}

    def _show(self, done: Done, *, failed: bool = False) -> None:
        lines = done.stderr.splitlines() + done.stdout.splitlines()
        left_out = len(lines) - self.head - self.tail
        if not (self.verbose or failed) and left_out > 0:
            lines = [*lines[: self.head], f"... {left_out} more lines", *lines[self.head + left_out :]]
        self._lines(lines)
        if failed:
            self._ended(done)

    def _ended(self, done: Done) -> None:
        if done.returncode:
            self._print(f"    {self._style('31', f'exit code {done.returncode}')}")

    def _lines(self, lines: Sequence[str]) -> None:
        for line in lines:
            self._print(f"    {self._style('2', line)}")

    def short(self, argument: str | Path) -> str:
        """Paths as seen from the stage, so that a command can be typed again there."""
        return os.path.relpath(argument, self.root) if isinstance(argument, Path) else argument

    def _style(self, code: str, text: str) -> str:
        return f"\033[{code}m{text}\033[0m" if self.colour else text

    def _print(self, text: str) -> None:
        self.out.write(f"{text}\n")
        self.out.flush()
