"""`outbox export`: what waits, as a git bundle that anybody may carry to where the forge is reached."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from medperf_cli.adapters.store.bundles import scratch, write_bundle
from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.adapters.store.writing import Author, write_commit
from medperf_cli.core.requests import RequestRef
from medperf_cli.errors import UsageError
from medperf_cli.flows.deps import Deps
from medperf_cli.flows.submitting.desk import Desk, at_desk
from medperf_cli.flows.submitting.outbox import Item, Sort
from medperf_cli.flows.submitting.outbox_send import waiting_items


def export(deps: Deps, file: Path, names: Sequence[str] = ()) -> list[Item]:
    """Write the items of these names, or all, into a bundle; they stay in the outbox until they arrive.

    It stands on commits of main, and holds `refs/pull/<content id>/head` for each request, with decisions
    and closings in the refs beside it, as a bare repository has them.

    Raises:
        UsageError: nothing waits, or the file is there already.
        ConflictError: a path of an item is taken.
        ConfigurationError: the file cannot be written.

    """
    if file.exists():
        raise UsageError(f"'{file}' is there already", hint="name a new file")
    found = waiting_items(deps, names)
    if not found:
        raise UsageError("nothing waits in the outbox", hint="`medperf outbox ls` lists what does")
    with at_desk(deps, online=False) as desk, scratch(desk.store) as store:
        refs: dict[str, str] = {}
        for item in found:
            refs |= _commits(desk, store, item, refs)
        for ref, commit in refs.items():
            store.update_ref(ref, commit, None)
        write_bundle(store, file, sorted(refs), desk.meta.verified_commit)
    return found


def _commits(desk: Desk, store: GitStore, item: Item, before: Mapping[str, str]) -> dict[str, str]:
    """The refs of an item, and the commits that they name; `before` are those of submissions."""
    author = Author(item.author, f"{item.author}@{desk.meta.registry}")
    head = str(RequestRef(item.content))
    if item.sort is Sort.SUBMISSION:
        base = desk.meta.verified_commit
        return {head: write_commit(store, base, item.files, item.title, author=author, date=item.when)}
    on = before.get(head) or item.head
    if not on or store.rev(on) is None:
        raise UsageError(
            f"the request that '{item.id}' is about is not known here",
            hint="name its submission too, or `medperf registry sync` first",
        )
    closing = item.sort is Sort.CLOSING
    beside = str(RequestRef(item.content, item.author, closed=closing))
    commit = write_commit(
        store,
        None if closing else on,
        item.files,
        item.title,
        author=author,
        date=item.when,
        parents=[on],
        folder="" if closing else "registry",
    )
    return {head: on, beside: commit}
