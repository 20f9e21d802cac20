"""Passing on what an engine does, and what a long preparation reports, to whoever is talked to."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from medperf_cli.adapters.runtime.outputs import read_bounded
from medperf_cli.core.stats.wording import shown
from medperf_cli.errors import ContainerError
from medperf_cli.flows.deps import Talk
from medperf_cli.flows.running.cube_yaml import load_cube_yaml

_SECONDS = 1.0
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


def report_counts(report: Path) -> Mapping[str, int]:
    """How many cases have which status, by a report in MedPerf's layout; empty where there is none."""
    try:
        document = load_cube_yaml(read_bounded(report, _MAX_REPORT), "the report")
    except ContainerError:
        return {}  # half-written, or none
    names = document.get("status_name", {})
    if not isinstance(names, dict):
        return {}
    return Counter(shown(str(name)) for name in names.values())


def _follow(report: Path, talk: Talk, ended: threading.Event) -> None:
    told: Mapping[str, int] = {}
    last = False
    while not last:
        last = ended.wait(_SECONDS)
        counts = report_counts(report)
        if counts and counts != told:
            told = counts
            talk.say(f"report: {_in_words(counts)}")


def _in_words(counts: Mapping[str, int]) -> str:
    listed = [f"{number} {name}" for name, number in sorted(counts.items())]
    more = f" and {len(listed) - _SHOWN} other states" if len(listed) > _SHOWN else ""
    return f"{sum(counts.values())} cases: {', '.join(listed[:_SHOWN])}{more}"
