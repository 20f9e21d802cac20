"""Removing what nothing needs: a table of what that is; never keys, salts, results, or what is in use."""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from medperf_cli.adapters.executor.base import Attempt
from medperf_cli.adapters.executor.spool import STATUS, Spool
from medperf_cli.adapters.executor.status import State, parse_status
from medperf_cli.adapters.files import writing
from medperf_cli.adapters.store import switch
from medperf_cli.adapters.store.index import Index
from medperf_cli.adapters.store.index_rows import Filter
from medperf_cli.core.names import Kind
from medperf_cli.errors import MedperfError
from medperf_cli.flows.deps import Deps
from medperf_cli.flows.reading.registry import Place
from medperf_cli.flows.storage.parts import Amount, amount, idle

_SHA256 = re.compile(rb"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_NAME = re.compile(r"[0-9a-f]{64}\Z")
_HALF = re.compile(r"\.[0-9a-f]{64}\.[0-9a-f]{16}\.tmp\Z")
_DAY = 86_400.0
_ANY = Filter(in_force=None)
_LARGEST = 4 << 20  # bytes of a signed file in the outbox


@dataclass(frozen=True)
class Clutter:
    """One thing that may go, why, and how much it holds."""

    path: Path
    why: str
    amount: Amount


Finder = Callable[[Deps], Iterator[Path]]


def _dead_scratch(deps: Deps) -> Iterator[Path]:
    """Only called while nothing runs, so whatever is there belongs to nobody."""
    yield from sorted(deps.settings.scratch.glob("command-*"))


def _prepared_demo(deps: Deps) -> Iterator[Path]:
    yield from _whole(deps.settings.home / "demo")


def _tested_data(deps: Deps) -> Iterator[Path]:
    """What tests prepared of raw data; their records stay."""
    yield from _whole(deps.settings.home / "tests" / "data")


def _laid_out(deps: Deps) -> Iterator[Path]:
    yield from _whole(deps.settings.home / "laid-out")


def _whole(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from sorted(folder.iterdir())


def _failed_outputs(deps: Deps) -> Iterator[Path]:
    """What failed attempts wrote; record, logs and number stay: a number is never used again."""
    spool = Spool(deps.settings.home, clock=deps.clock)
    for key in spool.cells():
        for attempt in spool.attempts(key):
            if _has_failed(attempt):
                yield from (folder for folder in attempt.output_folders if amount(folder).files)


def _has_failed(attempt: Attempt) -> bool:
    """Whether its record says so; where that is damaged, there may be results yet."""
    try:
        return parse_status((attempt.folder / STATUS).read_bytes()).state is State.FAILED
    except (OSError, ValueError):
        return False


def _unused_assets(deps: Deps) -> Iterator[Path]:
    """Files that nothing in a registry here, nor in an outbox, names; none if a registry cannot be read."""
    folder = deps.settings.assets_folder
    needed = _named_anywhere(deps)
    if needed is not None and folder.is_dir():
        yield from (f for f in sorted(folder.iterdir()) if _NAME.match(f.name) and f.name not in needed)


def _half_assets(deps: Deps) -> Iterator[Path]:
    """What a killed download left, if it is older than a day: nobody writes to it any more."""
    folder, now = deps.settings.assets_folder, deps.clock().timestamp()
    for file in sorted(folder.iterdir()) if folder.is_dir() else ():
        if _HALF.match(file.name) and now - file.lstat().st_mtime > _DAY:
            yield file


def _half_registries(deps: Deps) -> Iterator[Path]:
    folder, now = deps.settings.home / "registries", deps.clock().timestamp()
    for copy in sorted(folder.glob(".unfinished-*")):
        if now - copy.lstat().st_mtime > _DAY:
            yield copy


CLUTTER: dict[str, Finder] = {
    "scratch of commands that are gone": _dead_scratch,
    "prepared demo data": _prepared_demo,
    "data that tests prepared": _tested_data,
    "unpacked files of cubes": _laid_out,
    "outputs of failed attempts": _failed_outputs,
    "assets that no registry here names": _unused_assets,
    "downloads that broke off": _half_assets,
    "copies of registries that broke off": _half_registries,
}
"""Why something may go, and who finds it. No images of the engine: it does not tell who loaded them."""


def _named_anywhere(deps: Deps) -> set[str] | None:
    """Every SHA-256 that stands in a registry or outbox; None if that cannot be known."""
    found: set[str] = set()
    folder = deps.settings.home / "registries"
    places = [Place(p) for p in folder.iterdir() if not p.name.startswith(".")] if folder.is_dir() else []
    for place in places:
        try:
            with Index.open(place.index) as index:
                for kind in Kind:
                    for row in index.entities(kind, _ANY):
                        found |= _digests(index.stored(row.path).yml)
        except MedperfError:
            return None
        for file in place.outbox.rglob("*.yml"):
            if file.lstat().st_size > _LARGEST:
                return None
            found |= _digests(file.read_bytes())
    return found if places else None


def _digests(text: bytes) -> set[str]:
    return {digest.decode() for digest in _SHA256.findall(text)}


def clutter(deps: Deps) -> list[Clutter]:
    """Everything that may go now."""
    found = [(path, why) for why, finder in CLUTTER.items() for path in finder(deps)]
    return [Clutter(path, why, amount(path)) for path, why in found]


def cleanup(deps: Deps) -> list[Clutter]:
    """Show what may go, ask, and remove it; returns what is gone.

    Raises:
        ConflictError: a task runs: what it needs must not be removed.
        ConfigurationError: something cannot be removed.

    """
    if not deps.settings.home.is_dir():
        return []
    with switch.moving(deps.settings.home), idle(deps, "cleaning up"):
        found = clutter(deps)
        if not found or not deps.confirm(_shown(found)):
            return []
        for item in found:
            deps.talk.say(f"removing '{item.path}'")
            _remove(item.path)
    return found


def _shown(found: list[Clutter]) -> str:
    lines = [f"  {i.amount.size:>15,} bytes  {i.why}: '{i.path}'\n" for i in found]
    total = sum(item.amount.size for item in found)
    return f"This will be removed ({total:,} bytes):\n{''.join(lines)}"


def _remove(path: Path) -> None:
    with writing(path):
        if path.is_symlink() or not path.is_dir():
            path.unlink(missing_ok=True)
            return
        # Cubes may have made folders that are not writable.
        for parent, _, _ in os.walk(path):
            if not os.access(parent, os.W_OK | os.X_OK):
                Path(parent).chmod(stat.S_IRWXU)
        shutil.rmtree(path)
