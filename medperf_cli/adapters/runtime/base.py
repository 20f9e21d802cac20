"""What a container engine is to the rest: what to run, what came of it, and the Protocol of engines."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from medperf_cli.adapters.runtime.hardware import Hardware
    from medperf_cli.adapters.runtime.isolation import Isolation
    from medperf_cli.core.entities.cube import Container

CELL_LABEL = "org.medperf.cell"
"""Label of every container of ours: which cell or task it works for."""
OWNER_LABEL = "org.medperf.owner"
"""Label of every container of ours: the process that must remove it; see `owner.py`."""
SCRATCH = "/tmp"  # noqa: S108 - a path inside the container, backed by a fresh folder of ours


@dataclass(frozen=True, slots=True)
class Settings:
    """What the profile says about the engine.

    `host` is its socket (`unix:///…`; None: `DOCKER_HOST`, then the usual places);
    `timeout_seconds` is how long one short call to it may take.
    """

    host: str | None = None
    timeout_seconds: int = 60


@dataclass(frozen=True, slots=True)
class User:
    """Who the processes in a container are: numeric user, group and supplementary groups."""

    uid: int
    gid: int
    groups: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Mount:
    """One declared volume: a file or directory `host`, seen at `container`."""

    host: Path
    container: str
    read_only: bool
    kind: Literal["file", "directory"] = "directory"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The site's ceilings for one task; bytes, whole CPUs or parts of one, counts and seconds.

    `output_bytes` and `output_files` hold for the outputs together, and again for the scratch folder.
    `timeout_seconds` None is no limit. `gpus` are the device ids this task may have.
    """

    memory_bytes: int
    cpus: float
    pids: int
    shm_bytes_max: int
    output_bytes: int
    output_files: int
    open_files: int
    log_bytes: int
    timeout_seconds: float | None
    gpus: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSpec:
    """One run of one container, decided in full; `plan.plan` makes it.

    `name` is the task's. `command` and `entrypoint` None keep the image's own. `scratch` is a folder on
    disk in which the run makes its own, seen as `/tmp` and removed after. `log_file` gets standard output
    and error, at most `limits.log_bytes` and a note. `read_only_root` False gives the image a root it can
    write to, gone with the container.
    """

    name: str
    image_id: str
    command: tuple[str, ...] | None
    entrypoint: tuple[str, ...] | None
    environment: Mapping[str, str]
    mounts: tuple[Mount, ...]
    scratch: Path
    log_file: Path
    user: User
    limits: Limits
    shm_bytes: int
    gpus: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    read_only_root: bool = True

    @property
    def inputs(self) -> tuple[Mount, ...]:
        """What the container may only read."""
        return tuple(m for m in self.mounts if m.read_only)

    @property
    def outputs(self) -> tuple[Mount, ...]:
        """What the container may write."""
        return tuple(m for m in self.mounts if not m.read_only)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """What came of a run that ended by itself.

    `started` is UTC text such as 2026-01-31T12:00:00Z, from the engine. `process_seen` says that the
    isolation was read from the running process too, not from the engine alone (a process that ends
    within milliseconds is not seen). `out_of_memory`: the kernel killed it at the memory limit.
    """

    exit_code: int
    started: str
    duration_seconds: float
    isolation: Isolation
    process_seen: bool
    out_of_memory: bool
    image_id: str
    log_file: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineInfo:
    """Which engine answers and what it can do; `lacks` are measures it cannot apply, in policy words."""

    name: str
    version: str
    api_version: str
    rootless: bool
    cgroup_version: str
    security_options: tuple[str, ...]
    lacks: tuple[str, ...]


class Observer(Protocol):
    """Is told what goes on; every method may be called from another thread."""

    def stage(self, text: str) -> None:
        """A new stage began, such as `pulling host/name`."""

    def progress(self, what: str, done: int, total: int | None) -> None:
        """Of `what` (a layer, a file), `done` of `total` bytes are there."""

    def log(self, chunk: bytes) -> None:
        """The container wrote `chunk` to its standard output or error; raw and hostile."""


class Quiet:
    """The observer that does nothing."""

    def stage(self, text: str) -> None:
        """Nothing."""

    def progress(self, what: str, done: int, total: int | None) -> None:
        """Nothing."""

    def log(self, chunk: bytes) -> None:
        """Nothing."""


QUIET = Quiet()


class Engine(Protocol):
    """Runs containers on this machine; one suite of tests holds for all engines."""

    @property
    def name(self) -> str:
        """The word for it in profiles and results, such as `docker`."""

    def info(self) -> EngineInfo:
        """Its version and abilities, asked now (raises EngineError)."""

    def hardware(self) -> Hardware:
        """What it can give to containers."""

    def caller(self) -> User:
        """Who containers run as, so that outputs belong to the caller."""

    def image(self, container: Container, archive: Path | None, observer: Observer = QUIET) -> str:
        """Make the pinned image present and return the engine's id of it.

        `archive` is the container's asset, its SHA-256 checked by the store; only a missing image needs it.

        Raises:
            IntegrityError: the archive or the registry holds another image than the pin says.
            EngineError: the image is missing and cannot be had; the hint says from where.

        """

    def run(self, spec: RunSpec, observer: Observer = QUIET) -> RunReport:
        """Run to the end; whatever happens, no container is left behind.

        Raises:
            EngineError: the engine refuses, or a required measure of isolation is not confirmed.
            ContainerError: an input is missing, the image cannot start, or outputs grew past the limit.
            TaskTimeoutError: it ran longer than `limits.timeout_seconds`.
            InterruptedByUserError: a termination signal or `stop()` (Ctrl-C stays KeyboardInterrupt).

        """

    def stop(self) -> None:
        """End every run of this object, in whatever thread; each raises InterruptedByUserError."""

    def sweep(self) -> tuple[str, ...]:
        """Remove containers of this user whose process was killed; returns their names."""
