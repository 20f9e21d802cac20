"""The local copy of a registry: where it stands, which registry it is, and how far its index goes."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from pathlib import Path

from medperf_cli.adapters.files import write_atomic
from medperf_cli.adapters.store.index import Index
from medperf_cli.adapters.store.index_rows import Meta
from medperf_cli.adapters.store.settings import Settings
from medperf_cli.errors import ConfigurationError, IntegrityError

MAIN = "refs/remotes/origin/main"
ROOT_ONE = "root/1.yml"
VERIFIED = "refs/medperf/verified"
"""The last verified commit, kept in the mirror too: a lost index does not loosen the ratchet."""


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
    def unsent(self) -> Path:
        """What was signed and has not reached the forge: one file an item, with all of its bytes."""
        return self.folder / "unsent"

    @property
    def pin(self) -> Path:
        """Which registry this is, from where, and its root's digest: what the index can be made anew from."""
        return self.folder / "pin.json"

    @property
    def requests(self) -> Path:
        """What open requests ask for, as of the last contact; it can be had again."""
        return self.folder / "requests.json"

    @property
    def lock(self) -> Path:
        """Held while the copy is changed."""
        return self.folder / "lock"


def write_pin(here: Place, meta: Meta) -> None:
    """Keep which registry this is (raises ConfigurationError)."""
    known = {"registry": meta.registry, "url": meta.url, "root_sha256": meta.root_sha256}
    write_atomic(here.pin, (json.dumps(known, indent=1) + "\n").encode())


def opened(here: Place) -> Meta:
    """How far the index goes; a damaged one is begun anew, to be filled by a replay from genesis.

    Raises:
        IntegrityError: the pin is damaged too: the registry must be added again.

    """
    try:
        with Index.open(here.index) as index:
            meta = index.meta()
    except (ConfigurationError, IntegrityError):
        meta = None
    if meta is not None:
        return meta
    try:
        known = json.loads(here.pin.read_bytes())
        meta = Meta(known["registry"], known["url"], known["root_sha256"], 0, "", 0)
    except (OSError, ValueError, KeyError, TypeError):
        raise IntegrityError(
            f"the copy of the registry in '{here.folder}' is damaged",
            hint="remove it and add the registry again",
        ) from None
    with Index.create(here.index) as index:
        index.replace_all([], meta)
    return meta


def set_aside(here: Place) -> None:
    """Take a damaged index out of the way, so that the next sync makes it anew; it is kept for a look.

    In a home that may not be written it stays: what it says is refused each time.
    """
    with contextlib.suppress(OSError):
        here.index.replace(here.index.with_name(f"{here.index.name}.damaged"))


def place(settings: Settings) -> Place:
    """The registry in use (raises ConfigurationError where none is)."""
    if settings.registry is None:
        raise ConfigurationError(
            "no registry is in use", hint="add one: `medperf registry add URL --root sha256:...`"
        )
    return Place(settings.registry_folder(settings.registry))
