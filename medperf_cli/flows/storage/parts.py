"""The parts of `~/.medperf` as a table: what each is, whether it may be removed, and how large it is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medperf_cli.adapters.store import switch
from medperf_cli.adapters.store.locks import exclusive
from medperf_cli.adapters.store.settings import Settings
from medperf_cli.errors import ConflictError
from medperf_cli.flows.deps import Deps

_SECONDS = 5.0
_AGAIN = "run the same command again, or move it elsewhere"
_WAIT = "wait until it has finished, then run the same command again"


@dataclass(frozen=True)
class Part:
    """One entry of the folder: what it is, and what comes of removing it; `movable` parts may be large."""

    name: str
    what: str
    removable: str
    movable: bool = False


PARTS = (
    Part("profiles", "settings", "then choose registry, member and key again"),
    Part("keys", "keys that sign", "never without a copy"),
    Part(
        "registries",
        "verified copies of registries, outbox",
        "the index; all of it forgets what was verified",
    ),
    Part("assets", "images, weights, demo data", "yes; fetched again", movable=True),
    Part("data", "salts, prepared data of real patients", "never the salt", movable=True),
    Part("runs", "runs and their results; of real patients", "then cells are run again", movable=True),
    Part("tests", "records of tests, data they prepared; of real patients", "yes"),
    Part("demo", "prepared demo data", "yes"),
    Part("laid-out", "unpacked files of cubes", "yes"),
    Part("scratch", "folders of tasks under way", "when nothing runs"),
    Part("hashes.sqlite", "SHA-256 of files that did not change", "yes"),
)
MOVABLE = tuple(part.name for part in PARTS if part.movable)


@dataclass(frozen=True)
class Amount:
    """Bytes and number of files of something on disk; what cannot be read counts nothing."""

    size: int
    files: int


def amount(path: Path) -> Amount:
    """How much a file or folder holds; links inside are not followed, the path itself may be one."""
    if path.is_file():
        return Amount(path.stat().st_size, 1)
    size = files = 0
    for parent, _, names in os.walk(path):
        for name in names:
            try:
                size += os.lstat(os.path.join(parent, name)).st_size  # noqa: PTH118 - many files, so quickly
            except OSError:
                continue  # gone meanwhile
            files += 1
    return Amount(size, files)


def listed(settings: Settings) -> list[dict[str, Any]]:
    """One row per part that is there: path (where it really stands), bytes, files, what, may it go."""
    rows = []
    for part in PARTS:
        path = settings.home / part.name
        if not os.path.lexists(path):
            continue
        there = amount(path)
        gone = path.is_symlink() and not path.exists()
        rows.append(
            {
                "part": part.name,
                "path": str(path.resolve()),
                "bytes": there.size,
                "files": there.files,
                "is": "NOT THERE: its disk is not mounted?" if gone else part.what,
                "may be removed": part.removable,
            }
        )
    return rows


def cut_short(home: Path) -> str:
    """What is said of a move that did not end, whose copy may hold data of patients; empty for none."""
    move = switch.read(home)
    return "" if move is None else f"moving '{move.part}' to '{move.destination}' was cut short: {_AGAIN}"


@contextmanager
def idle(deps: Deps, what: str) -> Iterator[None]:
    """While the block runs no task is under way here, and none can begin.

    Raises:
        ConflictError: a task runs, on this machine or, where the folder is shared, on another one.

    """
    from medperf_cli.adapters.executor.spool import Spool  # noqa: PLC0415 - `storage ls` needs none

    settings = deps.settings
    with exclusive(settings.scratch / "lock", what, wait=_SECONDS):
        for folder in sorted(settings.scratch.glob("command-*")):
            if is_held(folder / "lock"):
                raise ConflictError(f"a command is running cubes in '{folder}'", hint=_WAIT)
        spool = Spool(settings.home, clock=deps.clock)
        for key in spool.cells():
            for attempt in spool.attempts(key)[-1:]:
                if spool.is_busy(attempt):
                    raise ConflictError(
                        f"'{attempt.folder}' is being run by {spool.holder(attempt)}", hint=_WAIT
                    )
        yield


def is_held(lock: Path) -> bool:
    """Whether a process holds a lock file at this moment (raises ConfigurationError)."""
    if not lock.exists():
        return False
    try:
        with exclusive(lock, "looking"):
            return False
    except ConflictError:
        return True
