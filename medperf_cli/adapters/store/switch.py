"""Putting a folder of `~/.medperf` on another disk, with a symlink where it was; a kill loses nothing.

A symlink, not a setting: settings belong to one profile, while the folders belong to all, and a disk that
is not mounted leaves a link that leads nowhere. Work then stops, instead of beginning anew on the wrong disk
with a new salt. What is under way stands in a journal: a folder and a link cannot change places in one step.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from medperf_cli.adapters.files import sync_folder, write_atomic, writing
from medperf_cli.adapters.store.locks import exclusive
from medperf_cli.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_JOURNAL = "storage-move.json"
_SECONDS = 60.0
_TEXTS = ("part", "source", "destination")


@dataclass(frozen=True)
class Move:
    """One part on its way, from where to where; while `switching` its place may be empty.

    `copy` is the inode of the folder where the copy grows: another home may use the same disk.
    """

    part: str
    source: str
    destination: str
    switching: bool = False
    copy: int = 0


def journal(home: Path) -> Path:
    """The file that says what is being moved; there is none when nothing is."""
    return home / _JOURNAL


def draft(destination: Path) -> Path:
    """Where the copy grows before it is complete: beside its place, on the same file system."""
    return destination.with_name(f".{destination.name}.unfinished")


def is_copy(move: Move, path: Path) -> bool:
    """Whether the copy that a move made stands at `path`, and not another home's, or anything else."""
    try:
        info = path.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(info.st_mode) and info.st_ino == move.copy


def set_aside(home: Path, part: str) -> Path:
    """What stood at home before, until it is removed."""
    return home / f".{part}.moved"


@contextlib.contextmanager
def moving(home: Path) -> Iterator[None]:
    """One move at a time (raises ConflictError)."""
    with exclusive(home / "storage.lock", "moving storage"):
        yield


def read(home: Path) -> Move | None:
    """The move that is under way or was cut short (raises ConfigurationError where its record is damaged)."""
    file = journal(home)
    try:
        found = json.loads(file.read_bytes())
        part, source, destination = (str(found[name]) for name in _TEXTS)
        return Move(part, source, destination, found["switching"] is True, int(found.get("copy", 0)))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, LookupError) as error:
        raise ConfigurationError(
            f"the record of a move of storage is damaged: '{file}'",
            hint="see with `ls -la` in its folder where the parts stand, put links right, then remove it",
        ) from error


def write(home: Path, move: Move) -> None:
    """Say what is under way (raises ConfigurationError)."""
    write_atomic(journal(home), (json.dumps(dataclasses.asdict(move), indent=1) + "\n").encode("utf-8"))


def switch(home: Path, move: Move) -> None:
    """Let the part lead to the complete copy (raises ConfigurationError); if killed, see `settle`."""
    place, destination = home / move.part, home / move.destination
    with writing(place):
        if destination == place:
            write(home, dataclasses.replace(move, switching=True))
            place.unlink()
            draft(destination).rename(place)
        elif place.is_symlink():
            _link(place, destination)
        else:
            write(home, dataclasses.replace(move, switching=True))
            place.rename(set_aside(home, move.part))
            _link(place, destination)
        sync_folder(home)
    write(home, dataclasses.replace(move, switching=False))


def settle(home: Path) -> None:
    """Finish the one step of a move that must not be left half done, if a process was killed in it.

    Every command calls this before it looks at storage. While a copy grows there is nothing to do.

    Raises:
        ConfigurationError: the record is damaged, or the disk refuses.

    """
    if not os.path.lexists(journal(home)):
        return
    move = read(home)
    if move is None or not move.switching:
        return
    with exclusive(home / "storage.lock", "settling a move of storage", wait=_SECONDS):
        move = read(home)
        if move is None or not move.switching:
            return
        place, destination = home / move.part, home / move.destination
        with writing(place):
            if not os.path.lexists(place):
                if destination == place:
                    draft(destination).rename(place)
                else:
                    _link(place, destination)
        write(home, dataclasses.replace(move, switching=False))


def forget(home: Path, move: Move) -> None:
    """Remove what stood where the part was before; the copy in use is never touched (raises OSError)."""
    place = (home / move.part).resolve()
    for old in (set_aside(home, move.part), home / move.source):
        if old.resolve() != place and old.is_dir() and not old.is_symlink():
            with writing(old):
                shutil.rmtree(old)
    journal(home).unlink(missing_ok=True)


def _link(place: Path, target: Path) -> None:
    fresh = place.with_name(f".{place.name}.link")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.replace(place)
