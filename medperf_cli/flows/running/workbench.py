"""What running cubes needs, put together in one place: engine, assets, hashes, spool, scratch, limits."""

from __future__ import annotations

import dataclasses
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from medperf_cli.adapters.executor.spool import Spool
from medperf_cli.adapters.runtime.base import Engine, Limits
from medperf_cli.adapters.runtime.hardware import default_limits
from medperf_cli.adapters.store.assets import AssetStore
from medperf_cli.adapters.store.hash_cache import HashCache
from medperf_cli.adapters.store.settings import Settings
from medperf_cli.core.entities.fields import Asset
from medperf_cli.errors import ConfigurationError
from medperf_cli.flows.deps import Deps, Talk
from medperf_cli.flows.running.scratch import scratch_folder

_GIB = 1 << 30
_RESERVE = 20  # one part in so many of the disk stays free
_LEAST_ROOM = 64 << 20


@dataclass(frozen=True)
class Workbench:
    """One command's means to run cubes; open it with `open_workbench`.

    `connect` finds the engine; it is called when a container is first needed, and again by `own_engine`.
    `scratch` is gone when the command ends.
    """

    deps: Deps
    connect: Callable[[], Engine]
    assets: AssetStore
    hashes: HashCache
    spool: Spool
    scratch: Path
    timeout_seconds: float

    @property
    def settings(self) -> Settings:
        """The profile."""
        return self.deps.settings

    @property
    def talk(self) -> Talk:
        """Who is told; may be spoken to by several threads."""
        return self.deps.talk

    @cached_property
    def engine(self) -> Engine:
        """The engine (raises EngineError where none answers)."""
        return self.connect()

    @cached_property
    def limits(self) -> Limits:
        """The ceilings of one task: the machine's, shared by the cells that run at once."""
        whole = default_limits(self.engine.hardware())
        share = self.settings.parallel
        return dataclasses.replace(
            whole,
            memory_bytes=whole.memory_bytes // share,
            cpus=whole.cpus / share,
            shm_bytes_max=whole.shm_bytes_max // share,
            output_bytes=min(whole.output_bytes, self._room() // share),
            timeout_seconds=self.timeout_seconds,
        )

    def _room(self) -> int:
        """Bytes that one task's outputs may take; its scratch folder may take as many again.

        Half of what is free beyond a reserve, so that no cube fills this disk; less if the profile says so.
        """
        disk = shutil.disk_usage(self.scratch)
        reserve = max(disk.total // _RESERVE, _GIB)
        room = (disk.free - reserve) // 2
        if room < _LEAST_ROOM:
            raise ConfigurationError(
                f"the disk of '{self.settings.home}' is nearly full: {disk.free // _GIB} GiB are free",
                hint=f"free some space: {reserve // _GIB} GiB stay reserved, and a cube needs room to write",
            )
        ceiling = self.settings.output_gigabytes
        return min(room, ceiling * _GIB) if ceiling else room

    def own_engine(self, talk: Talk) -> Workbench:
        """The same with an engine of its own, so that stopping it stops nobody else's containers.

        Its work speaks to `talk`.
        """
        return dataclasses.replace(self, deps=dataclasses.replace(self.deps, talk=talk))

    def tidy(self) -> None:
        """Remove containers that a killed process left behind."""
        for name in self.engine.sweep():
            self.talk.say(f"removed container '{name}', left behind by a process that was killed")

    def asset(self, asset: Asset, name: str | None = None) -> Path:
        """A verified copy of an asset in the local store (raises as `AssetStore.resolve`)."""
        return self.assets.resolve(
            asset.sha256,
            asset.size,
            urls=asset.urls,
            folders=self.settings.assets,
            name=name,
            progress=self.talk.progress,
        )


def _docker() -> Engine:
    from medperf_cli.adapters.runtime.docker_engine import connect  # noqa: PLC0415 - start-up time

    return connect()


@contextmanager
def open_workbench(deps: Deps, connect: Callable[[], Engine] = _docker) -> Iterator[Workbench]:
    """Put together what running cubes needs; no engine is asked before a container is needed."""
    settings = deps.settings
    shared = dataclasses.replace(deps, talk=OneAtATime(deps.talk))
    with scratch_folder(settings.scratch) as scratch, HashCache(settings.hashes) as hashes:
        yield Workbench(
            deps=shared,
            connect=connect,
            assets=AssetStore(settings.assets_folder, hashes),
            hashes=hashes,
            spool=Spool(settings.runs.parent, clock=deps.clock),  # it adds `runs`
            scratch=scratch,
            timeout_seconds=60.0 * settings.timeout_minutes,
        )


class OneAtATime:
    """Passes talk on from several threads, never two lines at once."""

    def __init__(self, inner: Talk) -> None:
        self._inner = inner
        self._lock = threading.Lock()

    def say(self, text: str) -> None:
        """Pass it on."""
        with self._lock:
            self._inner.say(text)

    def progress(self, step: str, done: int, total: int | None) -> None:
        """Pass it on."""
        with self._lock:
            self._inner.progress(step, done, total)
