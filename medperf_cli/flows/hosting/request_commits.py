"""What the commits behind a request's refs add, or why they are not what such refs may hold."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterator, Mapping

from medperf_cli.adapters.forge.base import CommitNote
from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.core.check.findings import Finding, Severity
from medperf_cli.core.entities.parsing import parse
from medperf_cli.core.entities.root import Root
from medperf_cli.core.lifecycle.reader import Reader
from medperf_cli.core.lifecycle.root_signing import Tally, tally_of, valid_keys
from medperf_cli.core.lifecycle.standing import Lifecycle
from medperf_cli.core.names import REGISTRY_DIR, EntityPath, Kind, PathError
from medperf_cli.core.requests import decidable, is_number, request_id, stray_decisions
from medperf_cli.core.snapshot import Change, Snapshot
from medperf_cli.errors import DocumentError, IntegrityError, RejectedError

MAX_COMMIT = 64 * 1024
"""Bytes of a commit object (its message, in the main) that a request or decision may have."""
_MAX_TITLE = 100


def request_change(store: GitStore, main: str, number: str, head: str) -> Change:
    """The change that a request's head makes to the commit of main it stands on.

    On a hosted forge people may add commits in the page, or merge main into them: what counts there is what
    the head holds more than the newest commit it shares with main.

    Args:
        store: the repository.
        main: main's head.
        number: the request's id.
        head: the commit its ref names.

    Raises:
        RejectedError: on a bare repository, that it is not exactly one commit on main's first-parent chain,
            or the id is not its own; elsewhere, that it shares nothing with main; that it adds no entity.

    """
    if store.reader.sizes([head])[head] > MAX_COMMIT:
        raise RejectedError("the commit's message is too long", hint="a title of one line is enough")
    base = shared_with_main(store, main, head) if is_number(number) else _on_main(store, main, head)
    change = store.change(base, head)
    try:
        found = request_id(change.added)
    except PathError as error:
        # With nothing that could be judged, what was refused is the reason.
        reason = next((f"'{e.shown}' {why}" for e, why in change.refused), str(error))
        raise RejectedError(reason, hint="a request only adds entities and their signatures") from None
    if found != number and not is_number(number):
        raise RejectedError(f"the id of this request is '{found}'", hint=f"push it to refs/pull/{found}/head")
    return change


def shared_with_main(store: GitStore, main: str, head: str) -> str:
    """The newest commit that a head shares with main; one of them, where merges made several.

    A merge in the page compares with all of them together, so of each the head must hold every file.

    Raises:
        RejectedError: there is none, or the head lacks or alters what the registry holds at one of several.

    """
    found = store.shared(main, head)
    if not found:
        raise RejectedError("this shares no commit with main", hint="begin from main, and submit again")
    for other in found if len(found) > 1 else ():
        differing = store.trees.diff(store.registry_tree(other), store.registry_tree(head))
        lost = next((entry.shown for entry, _ in differing if entry.status != "A"), None)
        if lost is not None:
            message = f"a merge in it drops or alters '{REGISTRY_DIR}/{lost}', which main has"
            raise RejectedError(message, hint="begin from main, and submit again")
    return found[0]


def concerns(store: GitStore, main: str, head: str) -> bool:
    """Whether a head touches the registry at all; what cannot be compared is judged, and told why."""
    try:
        return store.touches_registry(shared_with_main(store, main, head), head)
    except (RejectedError, IntegrityError):
        return True


def _on_main(store: GitStore, main: str, head: str) -> str:
    base = _only_parent(store, head)
    if not store.is_first_parent_ancestor(base, main):
        raise RejectedError(
            "the head of a request stands on a commit of main", hint="sync, then submit again"
        )
    return base


def decision_files(
    store: GitStore, request: Change, head: str, member: str, commit: str
) -> Mapping[str, bytes]:
    """The decision files that a commit adds to a request's head.

    Args:
        store: the repository.
        request: what the head adds.
        head: the request's head.
        member: who decides, by the ref's name.
        commit: the commit that the ref names.

    Raises:
        RejectedError: it is not one commit on the head, or adds anything but that member's decisions.

    """
    if _only_parent(store, commit) != head:
        raise RejectedError("decisions are one commit on the request's head", hint="decide anew")
    change = store.change(head, commit)
    stray = [(entry.shown, why) for entry, why in change.refused]
    stray += stray_decisions(change.added, member, decidable(request.added))
    if stray:
        raise RejectedError(f"'{stray[0][0]}' {stray[0][1]}", hint="add only your own decisions about it")
    if not change.added:
        raise RejectedError("this commit adds no decision", hint="decide anew")
    return change.added


def lacking(snapshot: Snapshot, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files that do not stand in a registry with these bytes yet."""
    return {path: data for path, data in files.items() if snapshot.get(path) != data}


def rebased(snapshot: Snapshot, request: Change, *decisions: Mapping[str, bytes]) -> Change:
    """A request with decisions as a change to another state of the registry, without what stands there."""
    added = lacking(snapshot, {p: d for files in (request.added, *decisions) for p, d in files.items()})
    return dataclasses.replace(request, base=snapshot, added=added)


def unsigned_roots(change: Change) -> Iterator[Finding]:
    """New roots that no admin in force has signed: such a request nobody could have meant."""
    state = Lifecycle(Reader(change.base))
    for path in change.entities:
        root = parsed_root(path, change.added[str(path)]) if path.kind is Kind.ROOT else None
        if root is not None and not change.base.empty():
            found = root_tally(state, path, root, change.added)
            admins = {admin.member for admin in state.reader.root.admins.members}
            if not admins & (found.replaced | found.itself):
                yield refusal(str(path), "is signed by no admin of the registry", "an admin signs it first")


def root_tally(state: Lifecycle, path: EntityPath, root: Root, files: Mapping[str, bytes]) -> Tally:
    """Whose signatures under a new root count in a registry as it stands."""
    return tally_of(state.reader.root, path, root, files, keys=valid_keys(state))


def parsed_root(path: EntityPath, data: bytes) -> Root | None:
    """A root read from its bytes; None where they are none, which rules about documents say."""
    try:
        found = parse(path, data)
    except DocumentError:
        return None
    return found if isinstance(found, Root) else None


def note(store: GitStore, commit: str) -> CommitNote:
    """First parent ('' for none), author's name and date, and title of a commit; texts are printable.

    Raises:
        IntegrityError: it is no commit, damaged, or larger than `MAX_COMMIT`.

    """
    parent = store.parent(commit) or ""
    data = store.reader.read([commit], "commit", MAX_COMMIT)[commit]
    header, _, message = data.decode("utf-8", "replace").partition("\n\n")
    lines = header.split("\n")
    author = next((line.removeprefix("author ") for line in lines if line.startswith("author ")), "")
    title = _plain(message.strip().partition("\n")[0])
    return CommitNote(parent, _plain(author.partition(" <")[0]), title, _date(author))


def _date(author: str) -> dt.datetime:
    """The author's date, UTC; the latest there is where it cannot be read, so that no hook takes it."""
    words = author.rpartition("> ")[2].split(" ")
    try:
        return dt.datetime.fromtimestamp(int(words[0]), dt.UTC)
    except (ValueError, OverflowError, OSError):
        return dt.datetime.max.replace(tzinfo=dt.UTC)


def refusal(what: str, message: str, repair: str = "") -> Finding:
    """Why a push, a ref or a request is refused, where no rule about files says it."""
    return Finding(Severity.REJECT, "PUSH", what, message, repair)


def _plain(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)[:_MAX_TITLE]


def _only_parent(store: GitStore, commit: str) -> str:
    parents = store.commit(commit).parents
    if len(parents) != 1:
        raise RejectedError("this is not exactly one commit", hint="sync, then submit again")
    return parents[0]
