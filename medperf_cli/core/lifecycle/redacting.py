"""What must go with a file that is taken out of history: whatever rests on it, and what it ended."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from medperf_cli.core.entities.redaction import KEPT
from medperf_cli.core.lifecycle.reader import Reader
from medperf_cli.core.names import VOTES, EntityPath, parse_path
from medperf_cli.errors import RejectedError, UnknownIdError

Reasons = dict[EntityPath, str]
"""Entities that go, each with the reason."""


def closure(reader: Reader, wanted: Mapping[EntityPath, str]) -> Reasons:
    """All that goes when the wanted entities (with the reasons) do.

    That is later versions of their names, files that pin them, decisions about them, and, where a decision
    goes, what it is about: else what it ended would be back.

    Raises:
        UnknownIdError: one is not there.
        RejectedError: a root, a member or a redaction would have to go.

    """
    resting = _resting(reader)
    gone: Reasons = {}
    waiting = list(wanted.items())
    while waiting:
        path, why = waiting.pop()
        if path in gone:
            continue
        _expect_droppable(reader, path, why)
        gone[path] = why
        waiting += resting[path]
        waiting += [(p, f"is later than '{path}'") for p in _later(reader, path)]
        if path.kind in VOTES:
            waiting.append((path.subject, f"'{path}' decides about it"))
    return dict(sorted(gone.items()))


def _expect_droppable(reader: Reader, path: EntityPath, why: str) -> None:
    if path.kind in KEPT:
        raise RejectedError(
            f"'{path}' would have to go ({why}), but a {path.kind} is never taken out",
            hint="choose other files; what a member or a root says stays for ever",
        )
    if reader.digest(path) is None:
        raise UnknownIdError(f"'{path}' is not in the registry")


def _later(reader: Reader, path: EntityPath) -> Iterable[EntityPath]:
    return [p for p in reader.versions(path.kind, path.id) if p.version > path.version]


def _resting(reader: Reader) -> Mapping[EntityPath, list[tuple[EntityPath, str]]]:
    """By each entity that others pin: which, with the reason."""
    found = defaultdict[EntityPath, list[tuple[EntityPath, str]]](list)
    for text in reader.snapshot.list(""):
        if text.endswith(".yml"):
            path = parse_path(text)
            entity = reader.entity(path)
            for pinned in set(_pins({} if entity is None else entity.document())):
                found[pinned].append((path, f"names '{pinned}'"))
    return found


def _pins(value: Any) -> Iterator[EntityPath]:
    """All files that a document pins, wherever in it."""
    if isinstance(value, dict):
        if value.keys() == {"path", "sha256"}:
            yield parse_path(value["path"])
        for item in value.values():
            yield from _pins(item)
    elif isinstance(value, list):
        for item in value:
            yield from _pins(item)
