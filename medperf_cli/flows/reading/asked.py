"""Open and closed requests as of the last contact, kept beside the index; read without git and pydantic."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any

from medperf_cli.adapters.files import write_atomic
from medperf_cli.core.names import EntityPath, parse_path
from medperf_cli.flows.reading.registry import Place

SHORT = 8
"""Digits of a request's id that are shown; any beginning of it is understood."""
_SCHEMA = 1
_MAX_BYTES = 64 << 20
_FILES, _FILES_OF_ONE = 5000, 20
"""Files that are kept of all requests together, and of one that is too large for that."""


@dataclass(frozen=True)
class Waits:
    """That `count` more of `members`, who are the `role`, must `verb` (approve, revoke, merge) a path."""

    path: str
    verb: str
    role: str
    count: int
    members: tuple[str, ...]

    @property
    def shown(self) -> str:
        """Whom it waits for, in few words."""
        who = ", ".join(self.members) or "nobody can at present"
        return f"{self.count} of {who}" if len(self.members) > max(1, self.count) else who


@dataclass(frozen=True)
class AskedFile:
    """A file that a request would add: its path, and the fields that lists show."""

    path: str
    sha256: str
    fields: dict[str, Any]

    @property
    def entity(self) -> EntityPath:
        """The path, parsed."""
        return parse_path(self.path)


@dataclass(frozen=True)
class AskedRequest:
    """An open request; `title`, `author` and `since` are its submitter's words.

    `verdict` is the check's, `hindrances` its findings beyond what `waits` says; `decided` are members whose
    decisions wait beside it. `judged` names the commits this was worked out from, `url` its page on a forge.
    """

    id: str
    title: str
    author: str
    since: str
    verdict: str
    files: tuple[AskedFile, ...]
    waits: tuple[Waits, ...]
    decided: tuple[str, ...]
    hindrances: tuple[str, ...]
    judged: str = ""
    url: str = ""

    def waits_on(self, member: str) -> bool:
        """Whether this member may do something about it."""
        return any(member in waits.members for waits in self.waits)


@dataclass(frozen=True)
class ClosedRequest:
    """A request that a member rejected or took back, with the reason; `title`, `author`, `since` as above.

    `commit` holds the closing, whose signature was verified.
    """

    id: str
    title: str
    author: str
    since: str
    verdict: str
    member: str
    reason: str
    time: str
    paths: tuple[str, ...]
    commit: str = ""


@dataclass(frozen=True)
class Asked:
    """What was asked for when the registry was last reached (`time`, UTC; empty: never).

    `left_out` is how many open requests were not even looked at, because there are too many.
    """

    time: str = ""
    requests: tuple[AskedRequest, ...] = ()
    closed: tuple[ClosedRequest, ...] = ()
    left_out: int = 0

    @property
    def unseen(self) -> str:
        """What is said about those left out; empty where there are none."""
        left = self.left_out
        return f"{left:,} more open requests were not looked at: there are too many" if left else ""


def bounded(asked: Asked) -> Asked:
    """The same with at most `_FILES` files: huge requests lose theirs, and cannot crowd out small ones."""
    room, found = _FILES, {}
    for request in sorted(asked.requests, key=lambda r: (len(r.files) + len(r.waits), r.id)):
        much = len(request.files) + len(request.waits)
        found[request.id] = request if much <= room else _shortened(request)
        room -= much if much <= room else 0
    closed = tuple(dataclasses.replace(c, paths=c.paths[:_FILES_OF_ONE]) for c in asked.closed)
    return dataclasses.replace(asked, requests=tuple(found[r.id] for r in asked.requests), closed=closed)


def _shortened(request: AskedRequest) -> AskedRequest:
    """The beginning of a request, and every body of members that it waits for once."""
    left = len(request.files) - _FILES_OF_ONE
    said = (f"{left} more files in it",) if left > 0 else ()
    bodies = tuple({(w.verb, w.members): w for w in reversed(request.waits)}.values())
    return dataclasses.replace(
        request,
        files=request.files[:_FILES_OF_ONE],
        waits=bodies[::-1][:_FILES_OF_ONE],
        hindrances=(*said, *request.hindrances[:_FILES_OF_ONE]),
    )


def write_asked(here: Place, asked: Asked) -> None:
    """Keep what is asked for, within bounds (raises ConfigurationError)."""
    asked = bounded(asked)
    document = {"schema": _SCHEMA, **dataclasses.asdict(asked)}
    write_atomic(here.requests, (json.dumps(document, ensure_ascii=False) + "\n").encode())


def read_asked(here: Place) -> Asked:
    """What was asked for at the last contact; nothing where that is not known, or the file is damaged."""
    try:
        if here.requests.stat().st_size > _MAX_BYTES:
            return Asked()
        document = json.loads(here.requests.read_bytes())
        if document.pop("schema") != _SCHEMA:
            return Asked()
        requests = tuple(_request(item) for item in document["requests"])
        closed = tuple(ClosedRequest(**{**c, "paths": tuple(c["paths"])}) for c in document["closed"])
        for path in [f.path for r in requests for f in r.files] + [p for c in closed for p in c.paths]:
            parse_path(path)
        return Asked(document["time"], requests, closed, int(document.get("left_out", 0)))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        # It can be had again: the next contact writes it anew.
        return Asked()


def _request(item: dict[str, Any]) -> AskedRequest:
    lists = {
        "files": tuple(AskedFile(**file) for file in item["files"]),
        "waits": tuple(Waits(**{**w, "members": tuple(w["members"])}) for w in item["waits"]),
        "decided": tuple(item["decided"]),
        "hindrances": tuple(item["hindrances"]),
    }
    return AskedRequest(**{**item, **lists})
