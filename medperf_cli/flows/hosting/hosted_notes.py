"""What a clone remembers of hosted requests beside their refs: titles, links, comments with files."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medperf_cli.adapters.files import write_atomic
from medperf_cli.adapters.forge.api import Account, Comment, Pull
from medperf_cli.adapters.forge.base import CommitNote

_SCHEMA = 2
_MAX_BYTES = 64 << 20
_LONGEST = 200


@dataclass(frozen=True)
class Note:
    """One request as it was when the forge was last asked; `carrying` are its comments with signed files.

    `author` is whom its head names, `ended` whether it was closed without a merge.
    """

    number: int
    title: str
    author: str
    url: str
    opened: dt.datetime
    updated: dt.datetime
    head: str
    carrying: tuple[Comment, ...] = ()
    ended: bool = False

    @classmethod
    def of(cls, pull: Pull, head: CommitNote, oid: str, carrying: Sequence[Comment], *, ended: bool) -> Note:
        """What is remembered of a pull: its title without control characters, its page if that is a link."""
        title = "".join(c if c.isprintable() else " " for c in pull.title)[:_LONGEST]
        url = pull.url if pull.url.startswith(("https://", "http://")) and pull.url.isprintable() else ""
        texts = (title, head.author, url)
        return cls(pull.number, *texts, pull.opened, pull.updated, oid, tuple(carrying), ended)


def read_notes(file: Path) -> dict[int, Note]:
    """The notes of a clone, by number; none where there are none, or the file is damaged."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        if file.stat().st_size <= _MAX_BYTES:
            document = json.loads(file.read_bytes())
            if document["schema"] == _SCHEMA:
                return {note.number: note for note in map(_note, document["requests"])}
    return {}  # it can be had again


def write_notes(file: Path, notes: Mapping[int, Note]) -> None:
    """Keep notes (raises ConfigurationError)."""
    document = {"schema": _SCHEMA, "requests": [_plain(notes[number]) for number in sorted(notes)]}
    write_atomic(file, (json.dumps(document, ensure_ascii=True) + "\n").encode())


def _plain(note: Note) -> dict[str, Any]:
    return {
        "number": note.number,
        "title": note.title,
        "author": note.author,
        "url": note.url,
        "opened": note.opened.isoformat(),
        "updated": note.updated.isoformat(),
        "head": note.head,
        "ended": note.ended,
        "carrying": [
            [c.number, c.author.login, c.author.number, c.body, c.written.isoformat()] for c in note.carrying
        ],
    }


def _note(item: dict[str, Any]) -> Note:
    carrying = tuple(
        Comment(int(number), Account(str(login), int(account)), str(body), dt.datetime.fromisoformat(when))
        for number, login, account, body, when in item["carrying"]
    )
    opened, updated = (dt.datetime.fromisoformat(item[name]) for name in ("opened", "updated"))
    texts = (str(item["title"]), str(item["author"]), str(item["url"]))
    return Note(
        int(item["number"]), *texts, opened, updated, str(item["head"]), carrying, bool(item["ended"])
    )
