"""The verified index of the registry in use, opened for reading; no git, which lists do not need."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from medperf_cli.adapters.store.index import Index, OldIndexError
from medperf_cli.adapters.store.index_rows import Meta
from medperf_cli.adapters.store.settings import Settings
from medperf_cli.errors import ConfigurationError
from medperf_cli.flows.reading.registry import Place, place


@contextlib.contextmanager
def reading(settings: Settings) -> Iterator[tuple[Index, Meta]]:
    """The verified index of the registry in use, and how far it goes.

    Raises:
        ConfigurationError: no registry is in use, or it was never synced.

    """
    here = place(settings)
    if not here.index.exists():
        raise ConfigurationError(
            f"registry '{settings.registry}' was not synced yet", hint="run `medperf registry sync`"
        )
    with _opened_index(settings, here) as index:
        meta = index.meta()
        if meta is None:
            raise ConfigurationError("the registry was not synced yet", hint="run `medperf registry sync`")
        yield index, meta


def _opened_index(settings: Settings, here: Place) -> Index:
    """The index; one of another version of this tool is first made anew from what was fetched before."""
    try:
        return Index.open(here.index)
    except OldIndexError:
        from medperf_cli.flows.reading.sync import renew  # noqa: PLC0415 - git, which lists do not need

        renew(settings, here)
        return Index.open(here.index)
