"""The outbox: what was signed here, or carried here, and has not reached the forge yet; one file an item.

Nothing in here asks the network, and reading it needs neither git nor a model.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medperf_cli.adapters.files import write_atomic, writing
from medperf_cli.errors import IntegrityError, MedperfError, UnknownIdError
from medperf_cli.flows.reading.registry import Place

TIME = "%Y-%m-%dT%H:%M:%SZ"
_FORMAT = 1
_PLAIN = ("content", "title", "author", "since", "number", "head")
_NAME = re.compile(r"[0-9a-f]{16}(\.(decision|closing)\.[a-z0-9-]{2,32})?\Z")
_FINAL = frozenset({"MP-CONFLICT", "MP-CLOSED", "MP-UNKNOWN-ID"})
"""What sending the same bytes again does not repair."""
_PASSING = frozenset({"MP-NETWORK"})
"""What may be gone when they are sent again."""


class Sort(enum.StrEnum):
    """What an item is."""

    SUBMISSION = "submission"
    DECISION = "decision"
    """Files about what is in an open request: a member's decisions, or signature under a new root."""
    CLOSING = "closing"


@dataclass(frozen=True)
class Failure:
    """Why an attempt failed, and when."""

    time: str
    code: str
    message: str
    hint: str

    @property
    def final(self) -> bool:
        """Whether the same bytes will fail again."""
        return is_final(self.code)


def is_final(code: str) -> bool:
    """Whether an error of this code repeats, however often the same bytes are sent."""
    return code in _FINAL


@dataclass(frozen=True)
class Item:
    """One thing to be sent, whole: no other file is needed to send it.

    `content` is the content id of the request that it is, or is about. `author` answers for a submission, and
    signed a decision or closing. `since` is when it was signed. `number` and `head` name the request of a
    decision or closing as the forge here did. `carried` came in a bundle: it belongs to its signer.
    """

    sort: Sort
    content: str
    title: str
    author: str
    since: str
    files: Mapping[str, bytes]
    number: str = ""
    head: str = ""
    carried: bool = False
    failure: Failure | None = None

    @property
    def id(self) -> str:
        """What it is called: the content id of a submission; with sort and member for what is about one."""
        return self.content if self.sort is Sort.SUBMISSION else f"{self.content}.{self.sort}.{self.author}"

    @property
    def when(self) -> dt.datetime:
        """`since`, as a time."""
        return dt.datetime.strptime(self.since, TIME).replace(tzinfo=dt.UTC)

    @property
    def paths(self) -> tuple[str, ...]:
        """Its files, sorted; of a submission the entities only."""
        entities = tuple(path for path in sorted(self.files) if path.endswith(".yml"))
        return entities or tuple(sorted(self.files))

    @property
    def next_step(self) -> str:
        """What to do about it."""
        send, drop = f"medperf outbox send {self.id}", f"medperf outbox drop {self.id}"
        if self.failure is None:
            return f"{send}; without a network: medperf outbox export FILE"
        if self.failure.code in _PASSING:
            return send
        if self.failure.final:
            return f"{self.failure.hint}; `{drop}` forgets it"
        return f"{self.failure.hint}; then `{send}`, or `{drop}`"

    def row(self) -> dict[str, Any]:
        """It as data, without the bytes."""
        failure = self.failure
        return {
            "item": self.id,
            "sort": str(self.sort),
            "what": self.title,
            "by": self.author,
            "since": self.since,
            "carried": self.carried,
            "request": self.number or None,
            "paths": list(self.paths),
            "failed": failure.time if failure else None,
            "code": failure.code if failure else None,
            "why": failure.message if failure else "not tried yet",
            "next": self.next_step,
        }


def items(here: Place) -> list[Item]:
    """What waits to be sent, submissions first, then by time (raises IntegrityError where one is damaged)."""
    if not here.unsent.is_dir():
        return []
    found = [_read(file) for file in here.unsent.glob("*.json") if _NAME.match(file.name[: -len(".json")])]
    order = list(Sort)
    return sorted(found, key=lambda item: (order.index(item.sort), item.since, item.id))


def item(here: Place, name: str) -> Item:
    """The item of this name, or of this unique beginning of one (raises UnknownIdError)."""
    found = items(here)
    fits = [i for i in found if i.id == name] or [i for i in found if name and i.id.startswith(name)]
    if len(fits) != 1:
        what = "begins more than one item" if fits else "is no item"
        raise UnknownIdError(f"'{name}' {what} of the outbox", hint="`medperf outbox ls` lists them")
    return fits[0]


def kept(here: Place, name: str) -> Item | None:
    """The item of exactly this name, if it is there."""
    file = _file(here, name)
    return _read(file) if file.exists() else None


def keep(here: Place, what: Item) -> Item:
    """Write an item down; what waits of the same name already is replaced (raises ConfigurationError)."""
    document = {
        "format": _FORMAT,
        "sort": str(what.sort),
        **{name: getattr(what, name) for name in _PLAIN},
        "carried": what.carried,
        "failure": dataclasses.asdict(what.failure) if what.failure else None,
        "files": {path: data.decode() for path, data in sorted(what.files.items())},
    }
    text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    write_atomic(_file(here, what.id), text.encode(), parents=True)
    return what


def failed(here: Place, what: Item, error: MedperfError, now: str) -> Item:
    """Note why an attempt failed; an item that arrived meanwhile, by another process, stays gone."""
    failure = Failure(now, error.code, error.message, error.hint)
    noted = dataclasses.replace(what, failure=failure)
    return keep(here, noted) if _file(here, what.id).exists() else noted


def forget(here: Place, what: Item) -> None:
    """Remove an item: the forge has it, or nobody wants it any more."""
    file = _file(here, what.id)
    with writing(file):
        file.unlink(missing_ok=True)


def forget_files(here: Place, files: Mapping[str, bytes]) -> None:
    """Remove the copies kept for signing the same bytes again, where they are these."""
    for path, data in files.items():
        loose = here.outbox / path
        with writing(loose):
            if loose.is_file() and loose.read_bytes() == data:
                loose.unlink()


def _file(here: Place, name: str) -> Path:
    return here.unsent / f"{name}.json"


def _read(file: Path) -> Item:
    try:
        found = _built(json.loads(file.read_bytes()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        found = None
    if found is None or f"{found.id}.json" != file.name:
        raise IntegrityError(
            f"item '{file}' of the outbox is damaged",
            hint="move it away; what you signed stands in the folder outbox beside it",
        )
    return found


def _built(document: Mapping[str, Any]) -> Item | None:
    """An item from what a file holds; None where it is of another version of this tool, or leads elsewhere.

    Whatever stands in it may have been edited: its paths name files that are removed once it has arrived.
    """
    if document["format"] != _FORMAT:
        return None
    failure = document["failure"]
    found = Item(
        Sort(document["sort"]),
        files={str(path): str(text).encode() for path, text in document["files"].items()},
        carried=bool(document["carried"]),
        failure=Failure(**{name: str(text) for name, text in failure.items()}) if failure else None,
        **{name: str(document[name]) for name in _PLAIN},
    )
    inside = all({"", ".", ".."}.isdisjoint(path.split("/")) for path in found.files)
    time.strptime(found.since, TIME)
    return found if inside and found.files else None
