"""Kills a submission between its steps, in processes of its own, repeats it, and says what there is then.

`python -m tests.support.killing_submit` reads a `Plan` from standard input, as JSON: an author's home, the
bare repository, what to do, and where to kill. Both folders are put back before each kill.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.core.requests import MAIN, PULLS
from medperf_cli.flows.hosting import upstream
from medperf_cli.flows.reading.registry import Place
from medperf_cli.flows.submitting import outbox
from medperf_cli.flows.submitting.desk import at_desk
from medperf_cli.flows.submitting.members import register
from medperf_cli.flows.submitting.review import approve
from medperf_cli.flows.submitting.submit_cube import submit_cube
from tests.support.killing import deps_of, in_child
from tests.support.office import CubeFolder


def kill(*_: object) -> None:
    """End this process and all that it started, as a power cut would."""
    os.killpg(0, signal.SIGKILL)


def before(done: Callable[..., Any]) -> Callable[..., Any]:
    """Be killed when `done` is called."""
    del done
    return kill


def after(done: Callable[..., Any]) -> Callable[..., Any]:
    """Be killed when `done` has returned."""

    def stepped(*args: Any, **named: Any) -> None:
        done(*args, **named)
        kill()

    return stepped


def while_pushing(start: Callable[..., Any]) -> Callable[..., Any]:
    """Be killed once `git push` runs."""

    def started(popen: Any, argv: Any, *args: Any, **named: Any) -> None:
        start(popen, argv, *args, **named)
        if "push" in argv:
            kill()

    return started


POINTS: dict[str, tuple[Any, str, Callable[..., Any]]] = {
    "after signing": (outbox, "keep", before),
    "after the record": (outbox, "keep", after),
    "while it is pushed": (subprocess.Popen, "__init__", while_pushing),
    "after the push": (upstream, "push", after),
    "before cleaning": (outbox, "forget_files", before),
    "while cleaning": (outbox, "forget", before),
}
"""What is replaced in the killed process, and by what."""


def arm(point: str) -> None:
    """Be killed at a point from now on."""
    module, name, wrap = POINTS[point]
    setattr(module, name, wrap(getattr(module, name)))


@dataclass(frozen=True)
class Plan:
    """What is done, by whom, where, and at which points it is killed."""

    home: str
    host: str
    scratch: str
    act: str
    request: str
    points: list[str]

    def work(self) -> None:
        """The command in question."""
        deps = deps_of(Path(self.home))
        if self.act == "submit":
            files = CubeFolder(Path(self.home) / "cube").files()
            given = {"type": "model"}
            submit_cube(deps, "grove", files, share=None, operational=False, given=given)
        elif self.act == "join":
            register(deps, "eve", name="Eve", kind="person", contact="desk@example.org", label="k")
        else:
            with at_desk(deps) as desk:
                approve(desk, self.request, "looked at it")

    def one(self, point: str) -> dict[str, Any]:
        """One kill, what it left, and what there is after the same command again."""
        self.put_back()

        def killed() -> None:
            arm(point)
            self.work()

        code = in_child(killed)
        kept = self.signed()
        again = in_child(self.work)
        return {"point": point, "code": code, "kept": kept, "again": again, **self.state()}

    def put_back(self) -> None:
        for folder, name in ((self.home, "home"), (self.host, "host")):
            shutil.rmtree(folder)
            shutil.copytree(Path(self.scratch) / name, folder, symlinks=True)

    def signed(self) -> dict[str, str]:
        """What was signed by now: in the outbox, or on its way."""
        (copy,) = (Path(self.home) / "registries").iterdir()
        loose = {str(p.relative_to(copy / "outbox")): p for p in (copy / "outbox").rglob("*.*")}
        return {name: path.read_text() for name, path in loose.items()}

    def state(self) -> dict[str, Any]:
        """Merges and open requests of the host, what main or they hold, and what waits at home."""
        (copy,) = (Path(self.home) / "registries").iterdir()
        with GitStore(Path(self.host)) as store:
            main, pulls = store.rev(MAIN) or "", store.refs(PULLS)
            held = dict(store.change(store.parent(main), main).added)
            for commit in pulls.values():
                held |= store.change(store.parent(commit), commit).added
            merges = len(store.first_parents(main))
        waiting = [item.id for item in outbox.items(Place(copy))]
        files = {path: data.decode() for path, data in held.items()}
        return {"merges": merges, "pulls": sorted(pulls), "held": files, "waiting": waiting}

    def run(self) -> list[dict[str, Any]]:
        """Each kill."""
        for folder, name in ((self.home, "home"), (self.host, "host")):
            shutil.copytree(folder, Path(self.scratch) / name, symlinks=True)
        return [self.one(point) for point in self.points]


if __name__ == "__main__":
    sys.stdout.write(json.dumps(Plan(**json.load(sys.stdin)).run()))
