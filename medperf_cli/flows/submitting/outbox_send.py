"""`outbox send` and `drop`: what waits is tried again on the registry as it is now, with the same bytes."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from medperf_cli.adapters.forge.base import RequestState
from medperf_cli.core.check.engine import check
from medperf_cli.core.check.findings import Finding
from medperf_cli.core.check.waiting_root import barred
from medperf_cli.core.names import parse_path
from medperf_cli.core.snapshot import Change
from medperf_cli.errors import ConflictError, MedperfError, NetworkError, PartialError
from medperf_cli.flows.deps import Deps
from medperf_cli.flows.hosting.request_commits import lacking
from medperf_cli.flows.reading.registry import place
from medperf_cli.flows.submitting import outbox
from medperf_cli.flows.submitting.closed import expect_not_closed
from medperf_cli.flows.submitting.desk import Desk, at_desk
from medperf_cli.flows.submitting.outbox import Item, Sort
from medperf_cli.flows.submitting.publish import (
    ChangeRejectedError,
    Published,
    gathered_at,
    shown,
    waits_for,
)
from medperf_cli.flows.submitting.sending import send

_TAKEN = "TREE002"


@dataclass(frozen=True)
class Tried:
    """What became of one item: sent, or why not; neither where it had arrived before."""

    item: Item
    done: Published | None = None
    error: MedperfError | None = None


def waiting_items(deps: Deps, names: Sequence[str] = ()) -> list[Item]:
    """The items of these names (or beginnings of names), or all (raises UnknownIdError)."""
    here = place(deps.settings)
    return [outbox.item(here, name) for name in names] if names else outbox.items(here)


def send_waiting(deps: Deps, names: Sequence[str] = ()) -> list[Tried]:
    """Show what waits, ask, and send it; what fails stays, with the reason.

    Raises:
        UnknownIdError: there is no such item.
        NetworkError: the remote does not answer; nothing more was tried.

    """
    found = waiting_items(deps, names)
    if not found:
        return []
    with at_forge(deps) as desk:
        return send_items(desk, found, deps.confirm)


def reaching(deps: Deps) -> Deps:
    """The same world, where the remote is asked although the profile is offline: the user said so."""
    return dataclasses.replace(deps, settings=dataclasses.replace(deps.settings, offline=False))


@contextlib.contextmanager
def at_forge(deps: Deps) -> Iterator[Desk]:
    """The desk with the remote reached, whatever the profile says (raises NetworkError)."""
    with at_desk(reaching(deps), needed=True) as desk:
        yield desk


def send_items(desk: Desk, found: Sequence[Item], confirm: Callable[[str], bool]) -> list[Tried]:
    """Send items that are kept, after asking with the exact files (raises NetworkError)."""
    there = {item.id for item in outbox.items(desk.place)}
    tried = [Tried(item) for item in found if item.id not in there]
    waiting = [item for item in found if item.id in there]
    if not waiting or not confirm(_preview(desk, waiting)):
        return tried
    for item in waiting:
        try:
            tried.append(Tried(item, _sent(desk, item)))
        except NetworkError:
            raise
        except MedperfError as error:
            tried.append(Tried(item, error=error))
    return tried


def expect_done(tried: Sequence[Tried]) -> None:
    """See that all was sent (raises the error of the only one, or PartialError)."""
    failed = [one for one in tried if one.error is not None]
    if not failed:
        return
    if len(tried) == 1 and failed[0].error is not None:
        raise failed[0].error
    raise PartialError(
        f"{len(failed)} of {len(tried)} items could not be sent", hint="`medperf outbox ls` says why"
    )


def drop(deps: Deps, name: str) -> Item | None:
    """Show an item, ask, and forget it, with the copies kept for signing it again; None if the user says no.

    Raises:
        UnknownIdError: there is no such item.

    """
    here = place(deps.settings)
    item = outbox.item(here, name)
    if not deps.confirm(
        f"This will be forgotten, signed and not sent ({item.title}):\n{shown(item.files, 'signed')}"
    ):
        return None
    outbox.forget_files(here, item.files)
    outbox.forget(here, item)
    return item


def expect_possible(desk: Desk, item: Item) -> None:
    """See that an item may still enter the registry as it is now.

    Raises:
        ConflictError: one of its paths is taken; which version is free.
        ClosedError: exactly this was rejected or taken back.
        ChangeRejectedError: the check rejects it by now.

    """
    if item.sort is not Sort.SUBMISSION:
        return
    expect_not_closed(desk, item.files)
    snapshot = desk.composer.snapshot
    findings = barred(check(Change(snapshot, lacking(snapshot, item.files))))
    taken = [f for f in findings if f.rule == _TAKEN and f.path.endswith(".yml")]
    if taken:
        raise _taken(desk, item, taken[0])
    if findings:
        raise ChangeRejectedError(findings)


def _taken(desk: Desk, item: Item, finding: Finding) -> ConflictError:
    path = parse_path(finding.path)
    free = desk.reader().taken(path.kind, path.id)[-1].version + 1
    again = "its signer asks again" if item.carried else "run the command that made it again"
    return ConflictError(
        f"'{path}' was taken by somebody else meanwhile: version {free} is free",
        hint=f"{again}: it then writes version {free}, and signs that",
    )


def _sent(desk: Desk, item: Item) -> Published:
    try:
        expect_possible(desk, item)
    except MedperfError as error:
        outbox.failed(desk.place, item, error, desk.deps.now())
        raise
    done = send(desk, item)
    merged = done.state is RequestState.MERGED
    is_open = done.state is RequestState.OPEN
    waiting = waits_for(gathered_at(desk, done).report) if is_open else ()
    closed = "" if item.sort is not Sort.CLOSING else "by the statement that waited here"
    paths = () if closed else item.paths
    return Published(done.id, paths, sent=True, merged=merged, waiting=waiting, url=done.url, closed=closed)


def _preview(desk: Desk, found: Sequence[Item]) -> str:
    parts = [f"This will be sent to {desk.meta.address}, as it was signed:\n"]
    parts += [
        f"{item.sort} {item.id} by {item.author}: {item.title}\n{shown(item.files, 'signed')}"
        for item in found
    ]
    return "".join(parts)
