"""Moving parts of storage to another disk: copy, verify, let the old place lead to the new, then remove."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from medperf_cli.adapters.files import writing
from medperf_cli.adapters.steps import Bytes
from medperf_cli.adapters.store import switch
from medperf_cli.adapters.store.copying import copy_folder, listing
from medperf_cli.adapters.store.locks import exclusive
from medperf_cli.errors import ConfigurationError, ConflictError, UsageError
from medperf_cli.flows.deps import Deps
from medperf_cli.flows.storage.parts import MOVABLE, amount, idle

_SPARE = 64 << 20  # bytes that stay free on the target


@dataclass(frozen=True)
class Moved:
    """A part, where it stands now, and whether it stood there already."""

    part: str
    path: Path
    already: bool = False


def wanted(part: str) -> tuple[str, ...]:
    """The parts that a word means (raises UsageError)."""
    if part == "all":
        return MOVABLE
    if part not in MOVABLE:
        raise UsageError(f"'{part}' is not a part that is moved", hint=f"name {', '.join(MOVABLE)} or all")
    return (part,)


def move(deps: Deps, parts: Sequence[str], target: Path) -> list[Moved]:
    """Move parts into a folder of another disk (or back home); asks first. Killed, it is run again.

    Raises:
        UsageError: the target makes no sense, or the user said no.
        ConfigurationError: there is no room, or something cannot be read or written.
        ConflictError: a part is in use, or something else stands in its new place.
        IntegrityError: the new disk does not give back what was written.

    """
    home = deps.settings.home
    place = _target(home, target)
    there = [part for part in parts if os.path.lexists(home / part)]
    if not there:
        raise UsageError(f"there is nothing to move in '{home}'", hint="see `medperf storage ls`")
    if not deps.confirm(_plan(home, there, place)):
        return []
    with writing(place):
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
    with switch.moving(home), idle(deps, "moving storage"):
        _finish_earlier(deps, there, place)
        return [_move(deps, part, place / part) for part in there]


def _target(home: Path, target: Path) -> Path:
    try:
        place = target.expanduser().absolute().resolve()
    except (RuntimeError, OSError) as error:
        raise UsageError(
            f"'{target}' is no folder: {error}", hint="name a folder on the other disk"
        ) from None
    if place != home.resolve() and place.is_relative_to(home.resolve()):
        raise UsageError(f"'{target}' is inside '{home}'", hint="name a folder on the other disk")
    return home if place == home.resolve() else place


def _plan(home: Path, parts: Sequence[str], place: Path) -> str:
    lines = []
    for part in parts:
        much = amount(home / part)
        lines.append(f"{part}: {much.files:,} files, {much.size:,} bytes, from '{(home / part).resolve()}'\n")
    return f"This will be moved to '{place}', each file read back before the old one is removed:\n" + "".join(
        f"  {line}" for line in lines
    )


def _finish_earlier(deps: Deps, parts: Sequence[str], place: Path) -> None:
    """Clear what an earlier move left; one of another part that was cut short is finished first."""
    home = deps.settings.home
    earlier = switch.read(home)
    if earlier is None:
        return
    if (home / earlier.part).resolve() == _spot(Path(earlier.destination)):
        switch.forget(home, earlier)
    elif earlier.part not in parts:
        raise ConflictError(
            f"moving '{earlier.part}' to '{earlier.destination}' was cut short",
            hint=f"finish it first: the same with '{earlier.part}' and '{Path(earlier.destination).parent}'",
        )
    elif Path(earlier.destination) != place / earlier.part:
        _abandon(deps, earlier)


def _abandon(deps: Deps, earlier: switch.Move) -> None:
    """Remove the copy that was begun in another place: it may hold data of patients."""
    destination = Path(earlier.destination)
    for left in (switch.draft(destination), destination):
        if switch.is_copy(earlier, left):
            deps.talk.say(f"removing the copy that was begun: '{left}'")
            with writing(left):
                shutil.rmtree(left)
            return
    deps.talk.say(f"if a copy was begun beside '{destination}', it was not found: remove it there")


def _move(deps: Deps, part: str, destination: Path) -> Moved:
    home = deps.settings.home
    source = (home / part).resolve()
    if not source.is_dir():
        raise ConfigurationError(
            f"'{home / part}' leads to '{source}', which is not there", hint="mount its disk"
        )
    if source == _spot(destination):
        return Moved(part, source, already=True)
    if destination.is_relative_to(source):
        raise UsageError(f"'{destination}' is inside what is moved", hint="name a folder outside of it")
    unfinished = switch.draft(destination)
    resumed = _make_way(home, part, destination, unfinished)
    _expect_room(source, unfinished, destination.parent)
    with writing(unfinished):
        if not resumed:
            unfinished.mkdir(mode=0o700)  # fails where another home was faster
        planned = switch.Move(part, str(source), str(destination), copy=unfinished.lstat().st_ino)
    switch.write(home, planned)
    with ExitStack() as held:
        _hold(held, part, source)
        total, done = listing(source).size, [0]

        def advance(size: int) -> None:
            done[0] += size
            deps.talk.progress(Bytes(f"moving {part}"), done[0], max(total, done[0]))

        copy_folder(source, unfinished, advance)
        if destination != home / part:
            with writing(destination):
                unfinished.rename(destination)
        switch.switch(home, planned)
    switch.forget(home, planned)
    return Moved(part, destination)


def _spot(path: Path) -> Path:
    """Where a path is, without following a link that stands there itself."""
    return path.parent.resolve() / path.name


def _make_way(home: Path, part: str, destination: Path, unfinished: Path) -> bool:
    """See that the new place is free; whether the copy of a move that was killed is there to go on with."""
    earlier = switch.read(home)
    ours = earlier is not None and (earlier.part, earlier.destination) == (part, str(destination))
    resumed = False
    for there in (unfinished, destination):
        if there == home / part or not os.path.lexists(there):
            continue
        if earlier is not None and ours and switch.is_copy(earlier, there):
            resumed = True
            if there == destination:
                with writing(destination):
                    destination.rename(unfinished)
            continue
        if there != unfinished or not _is_empty(there):
            raise ConflictError(
                f"'{there}' is there already, and not from here",
                hint="name another folder, or move that away",
            )
        with writing(there):
            there.rmdir()  # killed before it was written down
    return resumed


def _is_empty(folder: Path) -> bool:
    return folder.is_dir() and not folder.is_symlink() and not any(folder.iterdir())


def _expect_room(source: Path, unfinished: Path, target: Path) -> None:
    with writing(target):
        free = shutil.disk_usage(target).free
    needed = amount(source).size - (amount(unfinished).size if unfinished.is_dir() else 0)
    if needed + _SPARE > free:
        raise ConfigurationError(
            f"'{target}' has {free:,} bytes free, and {needed:,} are needed",
            hint="free some space there, or name another disk",
        )


def _hold(held: ExitStack, part: str, source: Path) -> None:
    """Keep out whoever prepares a dataset (everything else is kept out by `idle`)."""
    if part == "data":
        for lock in sorted(source.glob("*/*/*/lock")):
            held.enter_context(exclusive(lock, "moving storage"))
