"""Verifying a whole registry again from genesis, and the index against what comes out."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from medperf_cli.adapters.files import replace_by
from medperf_cli.adapters.store.index import Index
from medperf_cli.adapters.store.index_compare import differences
from medperf_cli.adapters.store.locks import exclusive
from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.errors import ConfigurationError, IntegrityError
from medperf_cli.flows.deps import Deps
from medperf_cli.flows.reading.registry import Place, place
from medperf_cli.flows.reading.sync import entered
from medperf_cli.flows.reading.verified_index import reading

_PREFIX = ".verify-"


@dataclass(frozen=True)
class Verified:
    """What was verified: up to which commit, how many changes, how many entities."""

    commit: str
    judged: int
    entities: int


def verify_registry(deps: Deps) -> Verified:
    """Replay all of history up to the verified commit, and see that the index says the same.

    Raises:
        LawlessError: a change is not lawful; names commit, file and rule.
        IntegrityError: the root is not the pinned one, objects are damaged, or the index was altered (it is
            then made anew).
        ConflictError: somebody is syncing.

    """
    here = place(deps.settings)
    with _folder(here) as folder, GitStore(here.mirror) as store:
        with reading(deps.settings) as (_, meta):
            known = dataclasses.replace(meta, verified_commit="", clock=0)
        fresh = folder / "index.sqlite"
        done, count = entered(deps, store, known, meta.verified_commit, lambda _: Index.create(fresh))
        if done.failure:
            raise done.failure
        _compare(here, fresh)
    return Verified(done.commit or "", done.judged, count)


@contextlib.contextmanager
def _folder(here: Place) -> Iterator[Path]:
    """Where to put the fresh index, while nobody syncs; elsewhere if this home is read-only."""
    with contextlib.ExitStack() as stack:
        where: Path | None = here.folder
        try:
            stack.enter_context(exclusive(here.lock, "verifying", wait=60))
            for left in here.folder.glob(f"{_PREFIX}*"):  # by one that was killed
                shutil.rmtree(left, ignore_errors=True)
        except ConfigurationError:
            where = None
        yield Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=_PREFIX, dir=where)))


def _compare(here: Place, fresh: Path) -> None:
    unlike = differences(fresh, here.index)
    if not unlike:
        return
    with contextlib.suppress(ConfigurationError):
        replace_by(here.index, fresh)
    raise IntegrityError(
        f"the index said otherwise than history does of '{unlike[0]}' and {len(unlike) - 1} more files",
        hint="it is made anew; find out what altered it before you rely on lists printed earlier",
    )
