"""Fetching a registry and believing only what replays: each first-parent commit through the check."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from medperf_cli.adapters.credentials import token_for
from medperf_cli.adapters.store.index import DamagedIndexError, Index
from medperf_cli.adapters.store.index_rows import Meta
from medperf_cli.adapters.store.index_writer import Writer
from medperf_cli.adapters.store.locks import exclusive
from medperf_cli.adapters.store.remote import clear_locks, fetch
from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.adapters.store.settings import Settings
from medperf_cli.core.lifecycle.reader import Reader
from medperf_cli.core.lifecycle.standing import Lifecycle
from medperf_cli.core.names import parse_path
from medperf_cli.errors import IntegrityError, NetworkError, RewrittenError, UsageError
from medperf_cli.flows.deps import Deps
from medperf_cli.flows.reading.index_state import waiting
from medperf_cli.flows.reading.judging import Brought, Stretch
from medperf_cli.flows.reading.registry import MAIN, VERIFIED, Place, opened, place, set_aside
from medperf_cli.flows.reading.replay import Replayed, UnprovenError, expect_proved, replay, since
from medperf_cli.flows.reading.rewritten import Offered, begun_anew, new_index, new_redactions, signers, told

_REFSPECS = (f"+refs/heads/main:{MAIN}",)
_FEW = 500
"""Commits judged while the index is locked for other writers; more are written into a copy."""


@dataclass(frozen=True)
class Synced:
    """What a sync did: the commit now verified, how many changes were judged, and whether root expired."""

    commit: str
    judged: int
    entities: int
    expired: bool


def sync(deps: Deps, carried: Path | None = None) -> Synced:
    """Fetch the registry in use, verify what is new, and move the ratchet.

    Args:
        deps: the world.
        carried: a git bundle with the registry's branch main, in place of its remote.

    Raises:
        NetworkError: the remote does not answer; the verified state stays usable.
        LawlessError: main holds what the check rejects; the state is that of the last good commit.
        IntegrityError: history was rewritten, or the root is not the pinned one.

    """
    here = place(deps.settings)
    with exclusive(here.lock, "sync", wait=60), GitStore(here.mirror) as store:
        known = opened(here)
        if not known.verified_commit and store.rev(VERIFIED):
            deps.talk.say("the index is made anew: every change is verified again")
        clear_locks(store)
        if carried is None:
            token = token_for(known.url, deps.settings.forge_token_file)
            fetch(store, known.url, _REFSPECS, deps.talk.progress, token=token)
        else:
            _bring(deps, store, carried)
        try:
            return verify_main(deps, store, here, known)
        except DamagedIndexError as error:
            deps.talk.say(f"{error.message}; it is made anew: every change is verified again")
            set_aside(here)
            return verify_main(deps, store, here, opened(here))


def _bring(deps: Deps, store: GitStore, carried: Path) -> None:
    """Fetch main from a bundle that was carried here."""
    try:
        fetch(store, bundle_address(carried), _REFSPECS, deps.talk.progress)
    except NetworkError as error:
        raise IntegrityError(
            f"'{carried}' is not a whole bundle of a registry: {error.message}", hint="have it made again"
        ) from None
    head, verified = store.rev(MAIN), store.rev(VERIFIED)
    if head and verified and head != verified and store.is_first_parent_ancestor(head, verified):
        raise UsageError(
            f"'{carried}' is older than what is verified here: there is nothing new in it",
            hint="have a newer one made: `medperf registry export-bundle`",
        )


def bundle_address(file: Path) -> str:
    """Where git finds a carried bundle (raises UsageError where there is no such file)."""
    if not file.is_file():
        raise UsageError(f"there is no file '{file}'", hint="name a bundle of the registry")
    return str(file.absolute())


def renew(settings: Settings, here: Place) -> None:
    """Make the index anew from what was fetched before, without the network.

    Raises:
        IntegrityError: what was fetched is damaged or not lawful.

    """

    def now() -> dt.datetime:
        return dt.datetime.fromtimestamp(0, dt.UTC)  # whether the root expired is nobody's question here

    deps = Deps(settings, now, _Quiet(), lambda _: False, interactive=False)
    with exclusive(here.lock, "making the index anew", wait=60), GitStore(here.mirror) as store:
        known = opened(here)
        if not known.verified_commit:
            verify_main(deps, store, here, known)


class _Quiet:
    """Says nothing."""

    def say(self, text: str) -> None:
        """Nothing."""

    def progress(self, step: str, done: int, total: int | None) -> None:
        """Nothing."""


def verify_main(deps: Deps, store: GitStore, here: Place, known: Meta) -> Synced:
    """Judge what was fetched after the verified commit, and store the state (raises as `sync`)."""
    head = store.rev(MAIN)
    if head is None:
        raise IntegrityError("the remote has no branch 'main'", hint="is this the address of a registry?")
    last = store.rev(VERIFIED)
    try:
        _expect_same_history(store, known, last, head)
        done, count = entered(deps, store, known, head, lambda new: _open_index(here, known, new))
    except RewrittenError as error:
        # The index is written before the ref: killed between the two, it knows more.
        verified = known.verified_commit or last or ""
        done, count = accepted(deps, store, here, known, Offered(verified, head, error))
    if done.commit != last:
        store.update_ref(VERIFIED, done.commit, last)
    if done.failure:
        raise done.failure
    if deps.clock().timestamp() < done.clock:
        deps.talk.say(
            "warning: this machine's clock is before the registry's last change; do not publish now"
        )
    return Synced(done.commit or "", done.judged, count, _expired(store, done.commit or "", deps.clock()))


def _expect_same_history(store: GitStore, known: Meta, last: str | None, head: str) -> None:
    """Where the index was lost, see that what it held is in this history (raises RewrittenError)."""
    if last and not known.verified_commit and not store.is_first_parent_ancestor(last, head):
        raise RewrittenError(f"commit {last[:12]}, verified before, is not in the history offered now")


def accepted(deps: Deps, store: GitStore, here: Place, known: Meta, offered: Offered) -> tuple[Replayed, int]:
    """Judge a rewritten history from genesis and put it in place of what was verified, or refuse it whole.

    Raises:
        RewrittenError: no lawful redaction explains it.
        UnprovenError: the redaction that would is not lawful itself.

    """
    redactions = new_redactions(store, offered)
    fresh = begun_anew(known)
    new = since(store, offered.head, None, known.root_sha256)
    done = written(deps, store, fresh, new, lambda _: new_index(here, offered, known))
    for line in told(redactions, signers(store, offered.head)):
        deps.talk.say(line)
    return done


def entered(
    deps: Deps,
    store: GitStore,
    known: Meta,
    head: str,
    open_index: Callable[[Stretch], AbstractContextManager[Index]],
) -> tuple[Replayed, int]:
    """Judge what is new and write it into an index, all or nothing; how far it went, and how many entities.

    Args:
        deps: the world.
        store: the mirror.
        known: how far verification had got.
        head: the commit to judge up to.
        open_index: gives the index to write to, where anything is new.

    Raises:
        LawlessError: not even the first change is lawful.
        RewrittenError: what is verified is not in the history of `head`.

    """
    new = since(store, head, known.verified_commit or None, known.root_sha256)
    if not new.commits:
        return Replayed(known.verified_commit, known.clock), 0
    try:
        return written(deps, store, known, new, open_index)
    except UnprovenError as error:
        # Some redactions in main are nobody's. Those that entered before them may be good; if they are not
        # proved either, it ends without any where it must.
        with contextlib.suppress(UnprovenError):
            again = dataclasses.replace(new, assumed=error.instead)
            return written(deps, store, known, again, open_index)
        return written(deps, store, known, dataclasses.replace(new, assumed=None), open_index)


def written(
    deps: Deps,
    store: GitStore,
    known: Meta,
    new: Stretch,
    open_index: Callable[[Stretch], AbstractContextManager[Index]],
) -> tuple[Replayed, int]:
    """Judge a stretch and write what it brings; nothing where a redaction it assumes is not proved.

    Raises:
        UnprovenError: judging did not get as far as all redactions that it took for granted.
        LawlessError: not even the first change is lawful.

    """
    start = Replayed(known.verified_commit or None, known.clock)
    with open_index(new) as index, index.writing() as writer:

        def enter(brought: Brought) -> None:
            for record in brought.records:
                writer.enter(record, brought.clock)
            writer.restate(dataclasses.astuple(s) for s in brought.standings)

        done = replay(store, new, start, enter, lambda n, of: deps.talk.progress("verify", n, of))
        expect_proved(store, new, done)
        if done.commit is None:
            raise done.failure or IntegrityError("main holds no registry", hint="is the address right?")
        _finish(store, writer, known, done)
        return done, writer.count()


def _finish(store: GitStore, writer: Writer, known: Meta, done: Replayed) -> None:
    """Say who must still act about what is pending, and move the ratchet."""
    commit = done.commit or ""
    state = Lifecycle(Reader(store.snapshot(commit)))
    for path in writer.pending():
        writer.wait(path, waiting(state, parse_path(path)))
    version = state.reader.root_path.version
    meta = dataclasses.replace(known, root_version=version, verified_commit=commit, clock=done.clock)
    writer.keep(meta)


def _open_index(here: Place, known: Meta, new: Stretch) -> AbstractContextManager[Index]:
    """The index to write to: itself for a few changes, a copy for many, so that nobody waits to read."""
    if len(new.commits) <= _FEW:
        return Index.open(here.index, write=True)
    return Index.aside(here.index, anew=not known.verified_commit)


def _expired(store: GitStore, commit: str, now: dt.datetime) -> bool:
    root = Reader(store.snapshot(commit)).root
    return root.expires < now.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
