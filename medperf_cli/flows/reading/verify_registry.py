"""Verifying a whole registry again from genesis, without trusting the index."""

from __future__ import annotations

import dataclasses

from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.errors import IntegrityError
from medperf_cli.flows.deps import Deps
from medperf_cli.flows.reading.registry import place
from medperf_cli.flows.reading.sync import Synced, replay
from medperf_cli.flows.reading.verified_index import reading


def verify_registry(deps: Deps) -> Synced:
    """Replay all of history up to the verified commit.

    Raises:
        LawlessError: a change is not lawful; names commit, file and rule.
        IntegrityError: the root is not the pinned one, or objects are damaged.

    """
    with reading(deps.settings) as (_, meta), GitStore(place(deps.settings).mirror) as store:
        fresh = dataclasses.replace(meta, verified_commit="", clock=0)
        done = replay(deps, store, fresh, meta.verified_commit)
    if done.failure:
        raise done.failure
    if done.commit is None:
        raise IntegrityError("there is no registry in the local copy", hint="add it again")
    return Synced(done.commit, done.judged, len(done.entries), expired=False)
