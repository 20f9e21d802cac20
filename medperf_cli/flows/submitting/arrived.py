"""What of the outbox the forge has by now, as of the last contact: it waits no longer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from medperf_cli.adapters.forge.base import Request, Requests
from medperf_cli.adapters.store.index_rows import Meta
from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.adapters.store.settings import Settings
from medperf_cli.flows.hosting.closings import kept_closing
from medperf_cli.flows.reading.registry import VERIFIED, Place
from medperf_cli.flows.submitting import outbox
from medperf_cli.flows.submitting.forges import remembered_forge
from medperf_cli.flows.submitting.outbox import Item, Sort


def forget_arrived(settings: Settings, store: GitStore, meta: Meta, here: Place) -> None:
    """Remove the items that stand in the verified main or in an open request, or closed one.

    A command that was killed after it had sent leaves such an item.
    """
    waiting = outbox.items(here)
    if not waiting:
        return
    main = store.rev(VERIFIED) or meta.verified_commit
    forge = remembered_forge(settings, store, meta)
    requests = forge.list()
    for item in waiting:
        if item.sort is Sort.CLOSING:
            arrived = _is_closed(store, main, forge, item)
        else:
            arrived = holds(store, main, item.files) or _is_open(store, requests, item)
        if arrived:
            forget(store, main, here, item)


def forget(store: GitStore, main: str, here: Place, item: Item) -> None:
    """Remove an item; once it stands in main its bytes need not be signed again, and their copies go too."""
    if item.sort is not Sort.CLOSING and holds(store, main, item.files):
        outbox.forget_files(here, item.files)
    outbox.forget(here, item)


def holds(store: GitStore, commit: str, files: Mapping[str, bytes]) -> bool:
    """Whether the entities among files (or else all of them) stand at a commit, with these bytes."""
    wanted = {path: data for path, data in files.items() if path.endswith(".yml")} or files
    snapshot = store.snapshot(commit)
    return all(snapshot.get(path) == data for path, data in wanted.items())


def _is_open(store: GitStore, requests: Sequence[Request], item: Item) -> bool:
    """Whether an open request holds a submission, or a decision stands beside one."""
    if item.sort is Sort.SUBMISSION:
        return any(holds(store, request.head, item.files) for request in requests)
    beside = [request.decisions.get(item.author) for request in requests]
    return any(commit is not None and holds(store, commit, item.files) for commit in beside)


def _is_closed(store: GitStore, main: str, forge: Requests, item: Item) -> bool:
    """Whether the member's closing of the request counts already."""
    for request in forge.closed(item.number or None):
        commit = request.closings.get(item.author)
        found = None if commit is None else kept_closing(store, main, request.id, item.author, commit)
        if found is not None and found.head == item.head:
            return True
    return False
