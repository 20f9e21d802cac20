"""Verifying a whole registry again from genesis, without trusting the index."""

from __future__ import annotations

from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.flows.deps import Deps
from medperf_cli.flows.reading.judging import Brought
from medperf_cli.flows.reading.registry import place
from medperf_cli.flows.reading.replay import Replayed, replay, since
from medperf_cli.flows.reading.sync import Synced
from medperf_cli.flows.reading.verified_index import reading


def verify_registry(deps: Deps) -> Synced:
    """Replay all of history up to the verified commit.

    Raises:
        LawlessError: a change is not lawful; names commit, file and rule.
        IntegrityError: the root is not the pinned one, or objects are damaged.

    """
    count = 0

    def enter(brought: Brought) -> None:
        nonlocal count
        count += len(brought.records)

    with reading(deps.settings) as (_, meta), GitStore(place(deps.settings).mirror) as store:
        new = since(store, meta.verified_commit, None, meta.root_sha256)
        done = replay(store, new, Replayed(None, 0), enter, lambda n, of: deps.talk.progress("verify", n, of))
    if done.failure:
        raise done.failure
    return Synced(done.commit or "", done.judged, count, expired=False)
