"""What a flow is given: settings, the clock, somebody to talk to and to ask. Nothing here reads the world."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from medperf_cli.adapters.store.settings import Settings

TOOL_VERSION = "0.1.0"


class Talk(Protocol):
    """Told what a flow does."""

    def say(self, text: str) -> None:
        """One line about what happens now."""
        ...

    def progress(self, step: str, done: int, total: int | None) -> None:
        """`done` of `total` (None: unknown) of a long step."""
        ...


@dataclass(frozen=True)
class Deps:
    """The world as a flow sees it; there are no defaults to forget.

    `confirm` is asked before anything leaves the site: it is shown the exact text and answers.
    `interactive` says whether `ssh-keygen` may ask for a passphrase at the terminal.
    """

    settings: Settings
    clock: Callable[[], dt.datetime]
    talk: Talk
    confirm: Callable[[str], bool]
    interactive: bool

    def now(self) -> str:
        """The time as registry files write it."""
        return self.clock().astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
