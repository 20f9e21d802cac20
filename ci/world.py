"""The world of a job that keeps a home of its own for as long as it runs."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ci.saying import say
from ci.told import Here
from medperf_cli.adapters.store.settings import load
from medperf_cli.errors import UsageError
from medperf_cli.flows.deps import Deps
from medperf_cli.flows.reading.add_registry import Added, add_registry

ROOT = "MEDPERF_ROOT"


class _Log:
    def say(self, text: str) -> None:
        say([text])

    def progress(self, step: str, done: int, total: int | None) -> None:
        del step, done, total  # a log has no bar


def now() -> dt.datetime:
    """The time; the edge of the program reads it, flows are given it."""
    return dt.datetime.now(dt.UTC)  # noqa: TID251 - see above


@contextlib.contextmanager
def a_home() -> Iterator[Path]:
    """A folder that is gone when the job ends."""
    with tempfile.TemporaryDirectory(prefix="medperf-home-") as folder:
        yield Path(folder)


def deps(place: Here, home: Path) -> Deps:
    """What flows are given; nothing is asked at a terminal, what is asked for is granted.

    Raises:
        ConfigurationError: a variable says what makes no sense.

    """
    told = {"MEDPERF_FORGE": str(place.vendor), "MEDPERF_FORGE_API": place.api or ""}
    settings = load({**told, **os.environ, "MEDPERF_HOME": str(home)})
    return Deps(settings=settings, clock=now, talk=_Log(), confirm=lambda _: True, interactive=False)


def replayed(place: Here, home: Path) -> Added:
    """Fetch the registry and verify all of it from the pinned root on.

    Raises:
        UsageError: no root is pinned.
        NetworkError: the forge does not answer.
        IntegrityError: it begins with another root, or history is not lawful (LawlessError names the commit).

    """
    return add_registry(deps(place, home), place.url, pinned_root())


def pinned_root() -> str:
    """The fingerprint of the root that the job is to begin with (raises UsageError: none is pinned)."""
    root = os.environ.get(ROOT, "")
    if not root:
        raise UsageError(
            f"no root is pinned in {ROOT}", hint="put the registry's fingerprint there: sha256:..."
        )
    return root
