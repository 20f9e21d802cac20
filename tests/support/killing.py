"""Kills a sync at each of its steps, in processes of its own, and says what was left each time.

`python -m tests.support.killing` reads what to do (a `Plan`) from standard input, as JSON. Steps are what can
leave something behind: statements to SQLite, files put in place or removed, programs started.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medperf_cli.adapters.store.settings import load
from medperf_cli.errors import MedperfError
from medperf_cli.flows.deps import Deps
from medperf_cli.flows.reading import replay
from medperf_cli.flows.reading import sync as sync_module
from medperf_cli.flows.reading.add_registry import add_registry
from medperf_cli.flows.reading.sync import sync
from tests.support.dump import dump
from tests.support.office import NEXT_DAY, Talk


class Killer:
    """Counts steps, and kills this process, and what it started, before step number `at`."""

    def __init__(self, at: int) -> None:
        self.at, self.steps = at, 0

    def step(self) -> None:
        self.steps += 1
        if self.steps == self.at:
            os.killpg(0, signal.SIGKILL)

    def before(self, done: Callable[..., Any]) -> Callable[..., Any]:
        def stepped(*args: Any, **named: Any) -> Any:
            self.step()
            return done(*args, **named)

        return stepped

    def watch(self) -> None:
        """Put a step before whatever changes the disk."""
        killer = self

        class Watched(sqlite3.Connection):
            def execute(self, *args: Any) -> sqlite3.Cursor:
                killer.step()
                return super().execute(*args)

            def executemany(self, *args: Any) -> sqlite3.Cursor:
                killer.step()
                return super().executemany(*args)

            def executescript(self, *args: Any) -> sqlite3.Cursor:
                killer.step()
                return super().executescript(*args)

        connect = sqlite3.connect
        sqlite3.connect = lambda *a, **n: connect(*a, **{**n, "factory": Watched})  # type: ignore[assignment]
        for module, name in ((os, "replace"), (os, "rename"), (os, "unlink"), (os, "fsync")):
            setattr(module, name, self.before(getattr(module, name)))
        start = subprocess.Popen.__init__

        def started(popen: Any, *args: Any, **named: Any) -> None:
            killer.step()
            start(popen, *args, **named)
            killer.step()  # and once it runs

        subprocess.Popen.__init__ = started  # type: ignore[method-assign]


def deps_of(home: Path) -> Deps:
    settings = load({"MEDPERF_HOME": str(home)}, home)
    return Deps(settings, lambda: NEXT_DAY, Talk(), lambda _: True, interactive=False)


def in_child(work: Callable[[], object]) -> int:
    """Run `work` in a process group of its own; how it ended (0 well, 1 with an error, -9 killed)."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.setpgid(0, 0)
            work()
            code = 0
        except MedperfError as error:
            sys.stderr.write(f"{type(error).__name__}: {error.message}\n")
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


@dataclass(frozen=True)
class Plan:
    """What is killed, and how often.

    `points` is how many steps, spread over all of them; `aside` writes a copy of the index, as many changes
    do; `add` is the address and root of a registry to add, instead of a sync; `whole` is the state before the
    index was damaged, which whoever reads next may make anew from the mirror.
    """

    home: str
    scratch: str
    points: int
    aside: bool = False
    add: tuple[str, str] | None = None
    whole: Any = None

    def work(self, home: Path) -> None:
        """The work in question."""
        if self.add is None:
            sync(deps_of(home))
        else:
            add_registry(deps_of(home), *self.add)

    def killed(self, home: Path, at: int) -> int:
        """Do the work, killed before step `at`; the number of steps is written if it is not reached."""

        def work() -> None:
            killer = Killer(at)
            killer.watch()
            self.work(home)
            self.steps.write_text(str(killer.steps))

        return in_child(work)

    @property
    def steps(self) -> Path:
        return Path(self.scratch) / "steps"

    @contextlib.contextmanager
    def copied(self) -> Iterator[Path]:
        """A copy of the home, for one kill."""
        with tempfile.TemporaryDirectory(dir=self.scratch) as folder:
            yield Path(shutil.copytree(self.home, Path(folder) / "home", symlinks=True))

    def run(self) -> dict[str, Any]:
        """What each kill left, and whether the next try ended well with the right state."""
        with self.copied() as copy:
            before = dump(copy)
        with self.copied() as copy:
            assert self.killed(copy, -1) == 0
            after = dump(copy)
        total = int(self.steps.read_text())
        count = min(total, self.points)
        chosen = sorted({1 + (total - 1) * i // max(1, count - 1) for i in range(count)})
        found = [self.one(at, before, after) for at in chosen]
        return {"steps": total, "changes": before != after, "killed": found}

    def one(self, at: int, before: Any, after: Any) -> dict[str, Any]:
        """One kill."""
        with self.copied() as copy:
            code = self.killed(copy, at)
            left = dump(copy)
            again = in_child(lambda: self.work(copy))
            now = dump(copy)
        silent = isinstance(before, str) and isinstance(left, str)  # no answer before, and none now
        old = left == before or silent or json.loads(json.dumps(left)) == self.whole
        state = "old" if old else "new" if left == after else f"neither: {left}"[:500]
        return {"at": at, "code": code, "left": state, "again": again, "right": now == after}


def main(plan: Plan) -> dict[str, Any]:
    replay._WORTH_WORKERS = 10**9  # workers are killed by a test of their own
    sync_module._FEW = 0 if plan.aside else sync_module._FEW
    return plan.run()


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(Plan(**json.load(sys.stdin)))))
