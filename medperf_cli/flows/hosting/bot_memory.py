"""What the merge bot of a bare repository keeps between runs: what it told of each request, and why.

It is a courtesy: without it, or with a damaged one, the bot judges all open requests again. Loaded by hooks
that only wait for their answer, so nothing heavy is imported here.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from medperf_cli.adapters.files import write_atomic
from medperf_cli.core.requests import OpenRequest
from medperf_cli.core.watched import matters
from medperf_cli.errors import ConfigurationError

FILE = "medperf-bot.json"
LOCK = "medperf-bot.lock"
"""Held by whichever bot works in a repository."""
LOCK_SECONDS = 120.0
"""Without a sign of life of whoever holds the lock."""
_SETTLED = 500
"""Requests that are gone and still told about."""


@dataclass(frozen=True)
class Known:
    """What was found about a request, with exactly these commits behind its refs.

    `said` are the lines for whoever pushed one of them; `asked` is what of main it hangs on (see `Watched`),
    None where it was settled, or must be judged again if it is still open.
    """

    commits: frozenset[str]
    said: tuple[str, ...]
    asked: frozenset[str] | None


@dataclass
class Memory:
    """What is known of requests against one commit of main; `tool` is whose rules were asked."""

    tool: str = ""
    main: str | None = None
    requests: dict[str, Known] = field(default_factory=dict)

    def note(self, number: str, known: Known) -> None:
        """Keep what was found, as the newest."""
        self.requests.pop(number, None)
        self.requests[number] = known

    def holds(self, request: OpenRequest) -> bool:
        """Whether an open request was judged as it is, with an outcome that still stands."""
        known = self.requests.get(request.id)
        return known is not None and known.asked is not None and known.commits == commits_of(request)

    def move(self, main: str | None, changed: Collection[str] | None) -> None:
        """Go on to another commit of main; forget what may hang on what changed (None: on anything)."""
        self.main = main
        for number, known in list(self.requests.items()):
            if known.asked is not None and (changed is None or matters(known.asked, changed)):
                del self.requests[number]


def commits_of(request: OpenRequest) -> frozenset[str]:
    """All commits behind a request's refs."""
    return frozenset([request.head, *request.decisions.values(), *request.closings.values()])


def read_memory(folder: Path) -> Memory:
    """The memory kept in a repository's git folder; an empty one where it is missing or damaged."""
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
        found = json.loads((folder / FILE).read_bytes())
        requests = {str(number): _known(known) for number, known in found["requests"].items()}
        main = found["main"]
        return Memory(str(found["tool"]), main if isinstance(main, str) else None, requests)
    return Memory()


def write_memory(folder: Path, memory: Memory) -> None:
    """Keep a memory, without what was settled long ago; on a full disk it is simply not kept."""
    settled = [number for number, known in memory.requests.items() if known.asked is None]
    for number in settled[:-_SETTLED]:
        del memory.requests[number]
    requests = {number: _plain(known) for number, known in memory.requests.items()}
    data = {"tool": memory.tool, "main": memory.main, "requests": requests}
    with contextlib.suppress(ConfigurationError):
        write_atomic(folder / FILE, json.dumps(data).encode())


def _plain(known: Known) -> Mapping[str, Any]:
    asked = None if known.asked is None else sorted(known.asked)
    return {"commits": sorted(known.commits), "said": known.said, "asked": asked}


def _known(data: Mapping[str, Any]) -> Known:
    commits, said, asked = (
        None if data[name] is None else tuple(map(str, data[name])) for name in ("commits", "said", "asked")
    )
    return Known(frozenset(commits or ()), said or (), None if asked is None else frozenset(asked))
