"""Commits that close a request: what may stand in them, and whether they count."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.adapters.store.tree_entries import FILE
from medperf_cli.core.entities.closing import SIGNATURE, STATEMENT, Closing
from medperf_cli.core.lifecycle.closing import closing_keys, expect_closable, keys_of, signed_closing
from medperf_cli.core.lifecycle.reader import Reader
from medperf_cli.core.lifecycle.standing import Lifecycle
from medperf_cli.core.requests import OpenRequest, is_number, request_id
from medperf_cli.core.snapshot import MAX_FILE
from medperf_cli.errors import MedperfError, NotTrustedError, RejectedError
from medperf_cli.flows.hosting.request_commits import MAX_COMMIT, request_change

AHEAD = dt.timedelta(minutes=10)
"""How far the date of a commit may lie ahead of the clock."""
TIME = "%Y-%m-%dT%H:%M:%SZ"


def closing_files(store: GitStore, commit: str) -> Mapping[str, bytes]:
    """The two files of a commit that closes a request.

    Raises:
        RejectedError: it holds anything else, or too much.
        IntegrityError: an object is missing or damaged.

    """
    if store.reader.sizes([commit]).get(commit, 0) > MAX_COMMIT:
        raise RejectedError("the commit's message is too long", hint="a title of one line is enough")
    entries = store.trees.tree(store.commit(commit).tree)
    wanted = {STATEMENT.encode(), SIGNATURE.encode()}
    if set(entries) != wanted or any(entry.mode != FILE for entry in entries.values()):
        raise RejectedError(
            f"a closing is exactly two files, '{STATEMENT}' and '{SIGNATURE}'", hint="close it anew"
        )
    oids = {name.decode(): entry.oid for name, entry in entries.items()}
    if any(size > MAX_FILE for size in store.reader.sizes(oids.values()).values()):
        raise RejectedError(f"a file of it is larger than {MAX_FILE} bytes", hint="say it in fewer words")
    blobs = store.reader.read(tuple(oids.values()), "blob", MAX_FILE)
    return {name: blobs[oid] for name, oid in oids.items()}


def judged_closing(
    store: GitStore, main: str, request: OpenRequest, member: str, *, latest: dt.datetime
) -> Closing:
    """A member's closing of an open request, if it counts against main as it is now.

    Args:
        store: the repository.
        main: main's head.
        request: the open request, with its closings.
        member: whose closing it is, by its ref.
        latest: nothing may be dated after this.

    Raises:
        RejectedError: it is not that member's closing of exactly this request, or the member may not.
        SignatureError, DocumentError, IntegrityError: it is damaged or not signed as it must be.

    """
    commit = request.closings[member]
    if store.commit(commit).parents != (request.head,):
        raise RejectedError("a closing is one commit on the request's head", hint="close it anew")
    files = closing_files(store, commit)
    change = request_change(store, main, request.id, request.head)
    state = Lifecycle(Reader(store.snapshot(main)))
    closing = signed_closing(files, state.reader.first_root.registry, closing_keys(state, change, member))
    if (closing.request, closing.head, closing.member) != (request_id(change.added), request.head, member):
        raise RejectedError("this closing is about another request, or by another member")
    if closing.time > latest.strftime(TIME):
        raise RejectedError(f"this closing is dated {closing.time}, ahead of the clock", hint="set the clock")
    expect_closable(state, change, member, closing.verdict)
    return closing


def counts(store: GitStore, main: str, request: OpenRequest, member: str, *, latest: dt.datetime) -> bool:
    """Whether a member's closing of an open request counts (see `judged_closing`)."""
    try:
        judged_closing(store, main, request, member, latest=latest)
    except MedperfError:
        return False
    return True


def kept_closing(store: GitStore, main: str, number: str, member: str, commit: str) -> Closing | None:
    """A closing that was judged when it came, read again: None where it is not signed by that member.

    A key that was revoked since, or a role that ended, does not open the request again.
    """
    state = Lifecycle(Reader(store.snapshot(main)))
    try:
        files = closing_files(store, commit)
        keys = keys_of(state, member, ever=True) or _newcomers(store, state, commit, member)
        closing = signed_closing(files, state.reader.first_root.registry, keys)
        if closing.member != member or (closing.request != number and not is_number(number)):
            raise NotTrustedError("this closing is about another request, or by another member")
        if store.commit(commit).parents != (closing.head,):
            raise NotTrustedError("this closing stands beside another head")
    except MedperfError:
        return None
    return closing


def _newcomers(store: GitStore, state: Lifecycle, commit: str, member: str) -> frozenset[str]:
    """The keys of somebody who asked to join and took that back."""
    head = store.parent(commit) or ""
    return closing_keys(state, store.change(store.parent(head), head), member)
