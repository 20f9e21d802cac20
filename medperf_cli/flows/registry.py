"""The local copy of a registry: finding it, reading its index, and the state at the verified commit."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from medperf_cli.adapters.store.index import Index
from medperf_cli.adapters.store.index_rows import Meta
from medperf_cli.adapters.store.settings import Settings
from medperf_cli.errors import ConfigurationError

MAIN = "refs/remotes/origin/main"


@dataclass(frozen=True)
class Place:
    """Where the local copy of one registry stands."""

    folder: Path

    @property
    def mirror(self) -> Path:
        """The bare git repository that holds what was fetched."""
        return self.folder / "mirror.git"

    @property
    def index(self) -> Path:
        """The verified state."""
        return self.folder / "index.sqlite"

    @property
    def outbox(self) -> Path:
        """Signed files that were or will be sent."""
        return self.folder / "outbox"

    @property
    def lock(self) -> Path:
        """Held while the copy is changed."""
        return self.folder / "lock"


def place(settings: Settings) -> Place:
    """The registry in use (raises ConfigurationError where none is)."""
    if settings.registry is None:
        raise ConfigurationError(
            "no registry is in use", hint="add one: `medperf registry add URL --root sha256:...`"
        )
    return Place(settings.registry_folder(settings.registry))


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
    with Index.open(here.index) as index:
        meta = index.meta()
        if meta is None:
            raise ConfigurationError("the registry was not synced yet", hint="run `medperf registry sync`")
        yield index, meta
