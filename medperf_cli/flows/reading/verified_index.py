"""The verified index of the registry in use, opened for reading; no git, which lists do not need."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from medperf_cli.adapters.store.index import DamagedIndexError, Index, OldIndexError
from medperf_cli.adapters.store.index_rows import Meta
from medperf_cli.adapters.store.settings import Settings
from medperf_cli.errors import ConfigurationError
from medperf_cli.flows.reading.registry import Place, place, set_aside


@contextlib.contextmanager
def reading(settings: Settings, *, at_work: bool = False) -> Iterator[tuple[Index, Meta]]:
    """The verified index of the registry in use, and how far it goes.

    All that is read in the block is of one state, and a sync waits for its end. Who stays longer, because
    containers run or people are asked, is `at_work`: what is read later may be of a later state.

    Raises:
        ConfigurationError: no registry is in use, or it was never synced.
        DamagedIndexError: also when it turns out in the block; the next sync makes the index anew.

    """
    here = place(settings)
    if not here.index.exists():
        raise ConfigurationError(
            f"registry '{settings.registry}' was not synced yet", hint="run `medperf registry sync`"
        )
    try:
        with _opened_index(settings, here) as index:
            if not at_work:
                index.hold()
            meta = index.meta()
            if meta is None or not meta.verified_commit:  # begun anew, and not filled yet
                raise ConfigurationError(
                    "the registry was not synced yet", hint="run `medperf registry sync`"
                )
            yield index, meta
    except DamagedIndexError:
        set_aside(here)
        raise


def _opened_index(settings: Settings, here: Place) -> Index:
    """The index; one of another version of this tool is first made anew from what was fetched before."""
    try:
        return Index.open(here.index)
    except OldIndexError:
        from medperf_cli.flows.reading.sync import renew  # noqa: PLC0415 - git, which lists do not need

        renew(settings, here)
        return Index.open(here.index)
