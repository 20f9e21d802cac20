"""Fetching a registry and believing only what replays: each first-parent commit through the check."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from medperf_cli.adapters.store.index import Index
from medperf_cli.adapters.store.index_rows import Meta
from medperf_cli.adapters.store.locks import exclusive
from medperf_cli.adapters.store.remote import fetch
from medperf_cli.adapters.store.repository import GitStore, Step
from medperf_cli.adapters.store.settings import Settings
from medperf_cli.core.check.engine import CONSENSUS, check
from medperf_cli.core.check.findings import Finding, Verdict
from medperf_cli.core.lifecycle.reader import Reader, sha256
from medperf_cli.core.snapshot import Change
from medperf_cli.errors import IntegrityError
from medperf_cli.flows.deps import Deps
from medperf_cli.flows.reading.index_state import Entry, entered, known_entries, rows
from medperf_cli.flows.reading.registry import MAIN, ROOT_ONE, VERIFIED, Place, opened, place


@dataclass(frozen=True)
class Synced:
    """What a sync did: the commit now verified, how many changes were judged, and whether root expired."""

    commit: str
    judged: int
    entities: int
    expired: bool


class LawlessError(IntegrityError):
    """Main holds a change that the check rejects; everything before it stays usable."""

    code = "MP-LAWLESS"

    def __init__(self, commit: str, findings: tuple[Finding, ...], good: str | None) -> None:
        first = findings[0]
        super().__init__(
            f"commit {commit[:12]} in main is not lawful: '{first.path}' {first.message} ({first.rule})",
            hint=f"an admin resets main to the last good commit, {good[:12] if good else 'which is none'}",
        )
        self.findings = findings


@dataclass
class Replayed:
    """How far main is lawful: the last good commit, what entered on the way, and what stopped it."""

    commit: str | None
    clock: int
    entries: dict[str, Entry]
    judged: int = 0
    failure: LawlessError | None = None


def sync(deps: Deps) -> Synced:
    """Fetch the registry in use, verify what is new, and move the ratchet.

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
        fetch(store, known.url, [f"+refs/heads/main:{MAIN}"], deps.talk.progress)
        return verify_main(deps, store, here, known)


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
    if last is not None and not known.verified_commit and not store.is_first_parent_ancestor(last, head):
        raise IntegrityError(
            f"commit {last[:12]}, verified here before, is not in the history offered now",
            hint="history was rewritten; tell the registry's admins, and keep the clone you have",
        )
    done = replay(deps, store, known, head)
    if done.commit is None:
        raise done.failure or IntegrityError("main holds no registry", hint="is the address right?")
    count = 0
    if done.commit != known.verified_commit:
        count = _store(store, here, known, done)
    if done.commit != last:
        store.update_ref(VERIFIED, done.commit, last)
    if done.failure:
        raise done.failure
    if deps.clock().timestamp() < done.clock:
        deps.talk.say(
            "warning: this machine's clock is before the registry's last change; do not publish now"
        )
    return Synced(done.commit, done.judged, count, _expired(store, done.commit, deps.clock()))


def replay(deps: Deps, store: GitStore, known: Meta, head: str) -> Replayed:
    """Judge each change in main after the verified commit; stops at the first that is not lawful."""
    verified = known.verified_commit or None
    done = Replayed(verified, known.clock, {})
    steps = list(store.history(head, verified))
    if verified is None:
        steps = _from_genesis(store, steps, known.root_sha256)
    for number, step in enumerate(steps, 1):
        change = store.change(step.parent, step.commit)
        report = check(change, sorts=CONSENSUS)
        if report.verdict is Verdict.REJECT:
            done.failure = LawlessError(step.commit, report.findings, done.commit)
            return done
        _enter(done, step, change, known.registry)
        deps.talk.progress("verify", number, len(steps))
    if done.commit is not None:
        done.commit = head
    return done


def _enter(done: Replayed, step: Step, change: Change, registry: str) -> None:
    done.clock = max(done.clock, int(step.time.timestamp()))
    done.entries.update(entered(change, Entry(step.commit, done.clock), registry))
    done.commit = step.commit
    done.judged += 1


def _from_genesis(store: GitStore, steps: list[Step], pinned: str) -> list[Step]:
    """The steps from the first that adds the pinned root where no registry was; earlier ones are not read.

    A folder may have held another registry before, which its owner removed.
    """
    for number, step in enumerate(steps):
        change = store.change(step.parent, step.commit)
        root = change.added.get(ROOT_ONE)
        if root is not None and sha256(root) == pinned and change.base.empty():
            return steps[number:]
    raise IntegrityError(
        f"main does not begin with the pinned root sha256:{pinned}",
        hint="ask the registry's admins for the address and the root's fingerprint",
    )


def _store(store: GitStore, here: Place, known: Meta, done: Replayed) -> int:
    commit = done.commit or ""
    snapshot = store.snapshot(commit)
    with Index.open(here.index, write=True) as index:
        entries = known_entries(index) | done.entries
        found = list(rows(snapshot, entries))
        version = Reader(snapshot).root_path.version
        meta = Meta(known.registry, known.url, known.root_sha256, version, commit, done.clock)
        index.replace_all(found, meta)
    return len(found)


def _expired(store: GitStore, commit: str, now: dt.datetime) -> bool:
    root = Reader(store.snapshot(commit)).root
    return root.expires < now.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
