"""Passing on what an engine does, and what a long preparation reports, to whoever is talked to."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from medperf_cli.adapters.runtime.outputs import read_bounded
from medperf_cli.core.stats.wording import shown
from medperf_cli.errors import ContainerError
from medperf_cli.flows.deps import Talk
from medperf_cli.flows.running.cube_yaml import load_cube_yaml

_SECONDS = 1.0
_SECONDS_BETWEEN_LINES = 10.0
_MAX_REPORT = 1 << 20
_SHOWN = 8


class TellsTalk:
    """An observer of the engine's that tells stages and progress; logs stay in their files."""

    def __init__(self, talk: Talk, who: str) -> None:
        self._talk, self._who = talk, who

    def stage(self, text: str) -> None:
        """Say it."""
        self._talk.say(f"{self._who}: {text}")

    def progress(self, what: str, done: int, total: int | None) -> None:
        """Pass it on."""
        self._talk.progress(what, done, total)

    def log(self, chunk: bytes) -> None:
        """Nothing: the log stays in its file."""


@contextmanager
def following(report: Path, talk: Talk) -> Iterator[None]:
    """Inside, what the report of a preparation counts is told whenever it changes, and at the end."""
    ended = threading.Event()
    thread = threading.Thread(target=_follow, args=(report, talk, ended), name="report", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@dataclass(frozen=True)
class Counts:
    """A report in numbers: how many cases have which status, and how many are pending.

    `pending` is None where the report has no column `status` with a number for each case.
    """

    by_status: Mapping[str, int]
    pending: int | None = None

    @property
    def total(self) -> int:
        """How many cases it lists."""
        return sum(self.by_status.values())


def report_counts(report: Path) -> Counts:
    """Read a report in MedPerf's layout: `status_name` and `status` by case; 0 is not begun or not done yet.

    A report that is half-written, or none, counts nothing.
    """
    try:
        document = load_cube_yaml(read_bounded(report, _MAX_REPORT), "the report")
    except ContainerError:
        return Counts({})
    names, codes = document.get("status_name", {}), document.get("status")
    if not isinstance(names, dict):
        return Counts({})
    counted = Counter(shown(str(name)) for name in names.values())
    if not isinstance(codes, dict) or codes.keys() != names.keys():
        return Counts(counted)
    return Counts(counted, sum(code == 0 for code in codes.values()))


def _follow(report: Path, talk: Talk, ended: threading.Event) -> None:
    told: Mapping[str, int] = {}
    last, quiet_until = False, 0.0
    while not last:
        last = ended.wait(_SECONDS)
        counts = report_counts(report)
        if counts.pending is not None and not last:
            talk.progress("preparing cases", counts.total - counts.pending, counts.total)
        # A bar moves each second where there is a terminal; lines would soon fill it, or a log.
        if counts.by_status and counts.by_status != told and (last or time.monotonic() >= quiet_until):
            told, quiet_until = counts.by_status, time.monotonic() + _SECONDS_BETWEEN_LINES
            talk.say(f"report: {_in_words(counts.by_status)}")


def _in_words(counts: Mapping[str, int]) -> str:
    listed = [f"{number} {name}" for name, number in sorted(counts.items())]
    more = f" and {len(listed) - _SHOWN} other states" if len(listed) > _SHOWN else ""
    return f"{sum(counts.values())} cases: {', '.join(listed[:_SHOWN])}{more}"
