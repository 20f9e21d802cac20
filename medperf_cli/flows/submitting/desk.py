"""Where requests are written: a synced registry, a composer on top of it, and names resolved to ids."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from medperf_cli.adapters.forge.base import Forge
from medperf_cli.adapters.store.index import Index
from medperf_cli.adapters.store.index_rows import Meta
from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.core.entities.fields import Pin
from medperf_cli.core.lifecycle.reader import Reader
from medperf_cli.core.lifecycle.standing import Lifecycle
from medperf_cli.core.names import EntityPath, Kind
from medperf_cli.errors import (
    ConfigurationError,
    IntegrityError,
    MedperfError,
    NetworkError,
    RejectedError,
    UsageError,
)
from medperf_cli.flows.deps import Deps
from medperf_cli.flows.hosting.upstream import Upstream
from medperf_cli.flows.reading.add_registry import Added, add_registry
from medperf_cli.flows.reading.asked import Asked, read_asked, write_asked
from medperf_cli.flows.reading.registry import VERIFIED, Place, place
from medperf_cli.flows.reading.sync import Synced, bundle_address, sync
from medperf_cli.flows.reading.verified_index import reading
from medperf_cli.flows.submitting.arrived import forget_arrived
from medperf_cli.flows.submitting.composer import Composer
from medperf_cli.flows.submitting.forges import forge_of, remembered_forge
from medperf_cli.flows.submitting.keep import asked_now
from medperf_cli.flows.submitting.unreached import OfflineError, Unreached


@dataclass(frozen=True)
class Desk:
    """An open registry: git, the verified index, the state there, and the request being written."""

    deps: Deps
    place: Place
    meta: Meta
    store: GitStore
    index: Index
    composer: Composer
    away: NetworkError | None = None
    """Why the remote was not reached; None where it was, or where nobody asked."""

    @functools.cached_property
    def forge(self) -> Forge:
        """Where requests go; where the remote was not reached, as it was known, and nothing can be sent.

        Raises:
            TokenError, ConfigurationError: the forge cannot be asked from here.

        """
        if self.away is not None:
            return Unreached(remembered_forge(self.deps.settings, self.store, self.meta), self.away)
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
def at_desk(deps: Deps, *, online: bool = True, needed: bool = False) -> Iterator[Desk]:
    """Sync, then open the registry in use for writing a request; keep what is asked for when it is left.

    Where the remote does not answer, work goes on with what was verified before: what is signed then waits
    in the outbox, and whatever needs an answer says so. If the remote is `needed`, it ends there.

    Raises:
        NetworkError: the remote is needed, and does not answer.
        IntegrityError: the remote is not lawful; nothing is written on top of it.

    """
    away = _reached(deps) if online else None
    here = place(deps.settings)
    with reading(deps.settings, at_work=True) as (index, meta), GitStore(here.mirror) as store:
        tree = store.registry_tree(meta.verified_commit)
        if tree is None:
            raise IntegrityError(
                "the verified commit is gone from the local copy", hint="add the registry again"
            )
        composer = Composer(store.snapshot(meta.verified_commit), tree, here.outbox)
        desk = Desk(deps, here, meta, store, index, composer, away)
        if online and away is None:
            desk = _met(desk)
        if needed and desk.away is not None:
            raise desk.away
        if desk.away is not None and not deps.settings.offline:
            deps.talk.say(f"{desk.away.message}; going on from what was verified at the last contact")
        yield desk
        if online and desk.away is None:
            _remember_if_possible(deps, here, meta, store)


def _reached(deps: Deps) -> NetworkError | None:
    """Sync; why the remote was not reached, where it was not."""
    if deps.settings.offline:
        return OfflineError("this profile is offline: the registry's remote is not asked")
    try:
        sync(deps)
    except NetworkError as error:
        return error
    return None


def _met(desk: Desk) -> Desk:
    """The desk with what is asked for now, and without what of the outbox has arrived."""
    try:
        desk.forge.fetch()
    except NetworkError as error:
        return dataclasses.replace(desk, away=error)
    forget_arrived(desk.deps.settings, desk.store, desk.meta, desk.place)
    return desk


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


def keep_up(deps: Deps, carried: Path | None = None) -> tuple[Synced, Asked]:
    """Sync, and keep what is asked for; from a git bundle, if one was carried here.

    Raises:
        NetworkError, IntegrityError: as `sync`.

    """
    synced = sync(deps, carried)
    with at_desk(deps, online=False) as desk:
        try:
            _fetch(desk, carried)
        except (NetworkError, ConfigurationError, RejectedError) as error:
            # Requests are anybody's: a damaged one must not keep readers from what they verified.
            deps.talk.say(f"open requests could not be fetched: {error.message}")
            return synced, read_asked(desk.place)
        forget_arrived(deps.settings, desk.store, desk.meta, desk.place)
        return synced, _remember_if_possible(deps, desk.place, desk.meta, desk.store)


def _fetch(desk: Desk, carried: Path | None) -> None:
    if carried is None:
        desk.forge.fetch()
    else:
        Upstream(desk.store, bundle_address(carried), desk.meta.registry).fetch()
