"""Where requests are written: a synced registry, a composer on top of it, and names resolved to ids."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Iterator
from dataclasses import dataclass

from medperf_cli.adapters.forge.base import Forge
from medperf_cli.adapters.store.index import Index
from medperf_cli.adapters.store.index_rows import Meta
from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.core.entities.fields import Pin
from medperf_cli.core.lifecycle.reader import Reader
from medperf_cli.core.lifecycle.standing import Lifecycle
from medperf_cli.core.names import EntityPath, Kind
from medperf_cli.errors import (
    IntegrityError,
    MedperfError,
    NetworkError,
    RejectedError,
    TokenError,
    UsageError,
)
from medperf_cli.flows.deps import Deps
from medperf_cli.flows.reading.add_registry import Added, add_registry
from medperf_cli.flows.reading.asked import Asked, read_asked, write_asked
from medperf_cli.flows.reading.registry import VERIFIED, Place, place
from medperf_cli.flows.reading.sync import Synced, sync
from medperf_cli.flows.reading.verified_index import reading
from medperf_cli.flows.submitting.composer import Composer
from medperf_cli.flows.submitting.forges import forge_of, remembered_forge
from medperf_cli.flows.submitting.keep import asked_now


@dataclass(frozen=True)
class Desk:
    """An open registry: git, the verified index, the state there, and the request being written."""

    deps: Deps
    place: Place
    meta: Meta
    store: GitStore
    index: Index
    composer: Composer

    @functools.cached_property
    def forge(self) -> Forge:
        """Where requests go (raises TokenError, ConfigurationError)."""
        return forge_of(self.deps.settings, self.store, self.meta)

    @property
    def state(self) -> Lifecycle:
        """The registry as it stands."""
        return self.composer.state

    def resolve(self, kind: Kind, partial: str) -> str:
        """The id that a unique part of it means (raises UnknownIdError)."""
        return self.index.resolve(kind, partial)

    def in_force(self, kind: Kind, partial: str) -> EntityPath:
        """The version in force of what `partial` names (raises UsageError where none is)."""
        entity_id = self.resolve(kind, partial)
        found = self.state.in_force(kind, entity_id)
        if found is None:
            raise UsageError(
                f"no version of {kind} '{entity_id}' is in force",
                hint=f"`medperf {kind} view {entity_id}` says what it waits for",
            )
        return found

    def pin(self, path: EntityPath) -> Pin:
        """Pin a file of the registry or of this request."""
        return self.composer.pin(path)

    def reader(self) -> Reader:
        """Parsed access to the registry as it stands."""
        return self.state.reader


@contextlib.contextmanager
def at_desk(deps: Deps, *, online: bool = True) -> Iterator[Desk]:
    """Sync, then open the registry in use for writing a request; keep what is asked for when it is left.

    Raises:
        NetworkError: the remote does not answer.
        IntegrityError: the remote is not lawful; nothing is written on top of it.

    """
    if online:
        sync(deps)
    here = place(deps.settings)
    with reading(deps.settings, at_work=True) as (index, meta), GitStore(here.mirror) as store:
        tree = store.registry_tree(meta.verified_commit)
        if tree is None:
            raise IntegrityError(
                "the verified commit is gone from the local copy", hint="add the registry again"
            )
        composer = Composer(store.snapshot(meta.verified_commit), tree, here.outbox)
        desk = Desk(deps, here, meta, store, index, composer)
        if online:
            desk.forge.fetch()
        yield desk
        if online:
            _remember_if_possible(deps, here, meta, store)


def remember(deps: Deps, here: Place, meta: Meta, store: GitStore) -> Asked:
    """Keep what is asked for, as the requests fetched last say (raises ConfigurationError)."""
    main = store.rev(VERIFIED) or meta.verified_commit
    forge = remembered_forge(deps.settings, store, meta)
    asked = asked_now(store, main, forge, deps.now(), read_asked(here))
    write_asked(here, asked)
    return asked


def _remember_if_possible(deps: Deps, here: Place, meta: Meta, store: GitStore) -> Asked:
    """What was sent is sent: that what is asked for cannot be kept is told, and is no failure."""
    try:
        return remember(deps, here, meta, store)
    except MedperfError as error:
        deps.talk.say(f"what is asked for is not known as of now: {error.message}")
        return read_asked(here)


def add_and_keep_up(deps: Deps, url: str, root: str | None) -> Added:
    """Add a registry and keep what is asked for in it (raises as `add_registry`)."""
    added = add_registry(deps, url, root)
    keep_up(dataclasses.replace(deps, settings=dataclasses.replace(deps.settings, registry=added.registry)))
    return added


def keep_up(deps: Deps) -> tuple[Synced, Asked]:
    """Sync, and keep what is asked for.

    Raises:
        NetworkError, IntegrityError: as `sync`.

    """
    synced = sync(deps)
    with at_desk(deps, online=False) as desk:
        try:
            desk.forge.fetch()
        except (NetworkError, TokenError, RejectedError) as error:
            # Requests are anybody's: a damaged one must not keep readers from what they verified.
            deps.talk.say(f"open requests could not be fetched: {error.message}")
            return synced, read_asked(desk.place)
        return synced, _remember_if_possible(deps, desk.place, desk.meta, desk.store)
