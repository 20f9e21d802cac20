"""What a hook answers whoever pushed: one merge bot serves many pushes, and the others wait for its word.

Those need not load the check, so nothing heavy is imported here. Whoever waits becomes the bot as soon
as nobody else is, unless it was served by then; so a bot that is killed, or ends, leaves nobody behind.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack
from pathlib import Path

from medperf_cli.adapters.store.locks import exclusive
from medperf_cli.core.requests import PULLS, RequestRef
from medperf_cli.errors import ConflictError
from medperf_cli.flows.hosting.bot_memory import FILE, LOCK, LOCK_SECONDS, read_memory

_SHORTEST, _LONGEST = 0.02, 0.2
"""Seconds between two looks."""


def answers(
    folder: Path, asked: Mapping[str, Collection[str]], clock: Callable[[], dt.datetime]
) -> list[str]:
    """Let the merge bot see a push, and give the lines about its requests.

    Args:
        folder: the git folder of the bare repository, inside of whose hook this runs.
        asked: the commits that were pushed to refs of requests, by request.
        clock: the time, aware.

    Raises:
        ConflictError: another bot holds the lock, and did nothing for minutes.
        ConfigurationError: the repository cannot be written.

    """
    pause, seen, deadline = _SHORTEST, (0, 0), time.monotonic() + LOCK_SECONDS
    while True:
        if (now := _written(folder)) != seen:
            seen, deadline = now, time.monotonic() + LOCK_SECONDS
            if (known := heard(folder, asked)) is not None:
                return known
        with ExitStack() as held:
            try:
                held.enter_context(exclusive(folder / LOCK, "merge bot"))
            except ConflictError:
                if time.monotonic() > deadline:
                    raise
            else:
                known = heard(folder, asked)
                return _run(folder, asked, clock) if known is None else known
        time.sleep(pause)
        pause = min(_LONGEST, 1.5 * pause)


def heard(folder: Path, asked: Mapping[str, Collection[str]]) -> list[str] | None:
    """The lines about requests, if a bot has judged all of them with these commits; else None.

    Of a push that brought no request (but main, say) nothing is ever heard.
    """
    if not asked:
        return None
    memory = read_memory(folder)
    lines: list[str] = []
    for number, commits in sorted(asked.items()):
        known = memory.requests.get(number)
        if known is None or not known.commits.issuperset(commits):
            return None
        if known.asked is None and _is_open(folder, number):  # it was settled earlier, and came again
            return None
        lines += known.said
    return lines


def _run(folder: Path, asked: Mapping[str, Collection[str]], clock: Callable[[], dt.datetime]) -> list[str]:
    from medperf_cli.adapters.store.repository import GitStore  # noqa: PLC0415 - start-up time

    with GitStore(folder, hook=True) as store:
        if store.refs(PULLS):
            from medperf_cli.flows.hosting.merge_bot import run_locked  # noqa: PLC0415 - start-up time

            run_locked(store, clock, memory := read_memory(folder), late=asked.keys())
            known = memory.requests
        else:
            known = {}
    lines: list[str] = []
    for number in sorted(asked):
        # Without one, the bot of another push was quicker, or somebody merged it by hand.
        lines += known[number].said if number in known else [f"request {number} is not open any more"]
    return lines


def _is_open(folder: Path, number: str) -> bool:
    from medperf_cli.adapters.store.git import Git  # noqa: PLC0415 - start-up time

    return Git(folder, hook=True).local("show-ref", "--verify", "--quiet", str(RequestRef(number))).code == 0


def _written(folder: Path) -> tuple[int, int]:
    try:
        found = (folder / FILE).stat()
    except OSError:
        return 0, 0
    return found.st_ino, found.st_mtime_ns
