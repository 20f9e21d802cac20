"""Giving items of the outbox to the forge: each is kept until the forge has it."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Mapping

from medperf_cli.adapters.forge.base import Request, RequestState
from medperf_cli.core.names import PathError
from medperf_cli.core.requests import request_id
from medperf_cli.errors import MedperfError, NetworkError, UnknownIdError
from medperf_cli.flows.reading.sync import sync
from medperf_cli.flows.submitting import outbox
from medperf_cli.flows.submitting.desk import Desk
from medperf_cli.flows.submitting.outbox import Item, Sort
from medperf_cli.flows.submitting.summary import request_body


def submission(desk: Desk, files: Mapping[str, bytes], title: str, author: str) -> Item:
    """A request of mine as an item, with the time of its first try where there was one."""
    before = outbox.kept(desk.place, request_id(files))
    since = before.since if before else desk.deps.now()
    return Item(Sort.SUBMISSION, request_id(files), title, author, since, dict(files))


def about(desk: Desk, sort: Sort, request: Request, author: str, files: Mapping[str, bytes]) -> Item:
    """Files of mine about an open request as an item; decisions join those that wait already."""
    content = content_of(desk, request)
    title = f"{sort} on request {request.id}: {request.title}"
    found = Item(sort, content, title, author, desk.deps.now(), dict(files), request.id, request.head)
    before = outbox.kept(desk.place, found.id)
    if before is None or sort is Sort.CLOSING:
        return found
    return dataclasses.replace(found, files={**before.files, **files}, since=before.since)


def content_of(desk: Desk, request: Request) -> str:
    """The content id of a request, whatever the forge calls it (raises IntegrityError, PathError)."""
    return request_id(desk.store.change(request.base, request.head).added)


def send(desk: Desk, item: Item, request: Request | None = None) -> Request:
    """Give an item to the forge, and forget it once the forge has it.

    Args:
        desk: the open registry.
        item: what to send; it is written down before anything is tried.
        request: the open request that it is about, where the caller has read it.

    Raises:
        NetworkError, ConfigurationError, ConflictError, RejectedError, UnknownIdError: as the forge says; the
            item stays, with the reason and the next step.

    """
    outbox.keep(desk.place, item)
    try:
        done = _given(desk, item, request)
    except MedperfError as error:
        outbox.failed(desk.place, item, error, desk.deps.now())
        error.hint = f"{error.hint}; {_kept(item, error)}"
        raise
    if done.state is RequestState.MERGED:
        # Seen with our own eyes before anything of it is forgotten.
        sync(desk.deps)
        outbox.forget_files(desk.place, item.files)
    outbox.forget(desk.place, item)
    return done


def outdone(desk: Desk, files: Mapping[str, bytes], author: str) -> list[Item]:
    """What a submission of these files takes the place of: the member's unsent ones about the same names.

    They were for a path that is taken by now, or say otherwise what is said now; only one could enter.
    Whoever is asked before signing is told.
    """
    names, content = _names(files), request_id(files)
    return [
        older
        for older in outbox.items(desk.place)
        if older.sort is Sort.SUBMISSION and (older.carried, older.author) == (False, author)
        if older.id != content and _names(older.files) <= names
    ]


def _names(files: Mapping[str, bytes]) -> set[str]:
    """What is written, whichever its version."""
    return {path.rpartition("/")[0] for path in files if path.endswith(".yml")}


def _given(desk: Desk, item: Item, request: Request | None) -> Request:
    # A machine whose clock was ahead when it signed would be refused for ever.
    when = min(item.when, desk.deps.clock())
    if item.sort is Sort.SUBMISSION:
        base, author = desk.meta.verified_commit, item.author
        body = request_body(item.files, author=author, registry=desk.meta.registry)
        return desk.forge.open(item.files, title=item.title, body=body, author=author, base=base, when=when)
    found = request or _request(desk, item)
    if item.sort is Sort.DECISION:
        return desk.forge.decide(found, item.author, item.files, when=when)
    return desk.forge.close(found, item.author, item.files, when=when)


def _request(desk: Desk, item: Item) -> Request:
    """The open request that an item is about, by what it holds: each forge has its own numbers."""
    for request in desk.forge.list():
        # What somebody wrote past the hooks is no request, and must not hide the others.
        with contextlib.suppress(MedperfError, PathError):
            if content_of(desk, request) == item.content:
                return request
    raise UnknownIdError(
        f"request '{item.number or item.content}' is not open (any more): it was merged or closed",
        hint="`medperf registry sync` and `medperf review ls --closed` say which",
    )


def _kept(item: Item, error: MedperfError) -> str:
    """What to do about an item that stays; the reason itself has its own next step."""
    if isinstance(error, NetworkError):
        return "what is signed is kept: `medperf outbox send`, or have `medperf outbox export FILE` carried"
    if outbox.is_final(error.code):
        return f"it is kept until that takes its place, or `medperf outbox drop {item.id}`"
    return "what is signed is kept: then `medperf outbox send`"
