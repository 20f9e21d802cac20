"""Docker through its SDK: finding the engine, and the operations every engine has."""

from __future__ import annotations

import os
import socket
import threading
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medperf_cli.adapters import trace
from medperf_cli.adapters.runtime import docker_image, owner, signals
from medperf_cli.adapters.runtime.base import (
    OWNER_LABEL,
    QUIET,
    EngineInfo,
    Observer,
    RunReport,
    RunSpec,
    Settings,
    User,
)
from medperf_cli.adapters.runtime.docker_errors import engine_errors, no_answer, no_sdk
from medperf_cli.adapters.runtime.docker_task import Task, remove, remove_volume
from medperf_cli.adapters.runtime.hardware import Hardware, nvidia_gpus, this_cpu_model
from medperf_cli.adapters.runtime.isolation import Measure
from medperf_cli.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from docker import APIClient

    from medperf_cli.core.entities.cube import Container

_OLDEST_API = (1, 41)  # Docker 20.10: private cgroups, limits on cgroup version 2
_IMAGE_SECONDS = 3600  # loading or pulling may be silent for long
_ABILITIES = {
    "MemoryLimit": Measure.MEMORY_LIMIT,
    "PidsLimit": Measure.PIDS_LIMIT,
    "CpuCfsQuota": Measure.CPU_LIMIT,
}


def connect(settings: Settings | None = None, environ: Mapping[str, str] = os.environ) -> DockerEngine:
    """Find the engine and see that it answers and is new enough.

    Raises:
        EngineError: no SDK, no engine, not permitted, on another machine, or older than 20.10.

    """
    try:
        import docker  # noqa: F401, PLC0415 - only who runs containers pays for it
    except ImportError:
        raise no_sdk() from None
    chosen = settings or Settings()
    host = chosen.host or _usual_host(environ)
    if not host.startswith("unix://"):
        raise EngineError(
            f"docker engine at '{host}' is not a local socket: its containers would not see our files",
            hint="name a socket (`unix:///…`) in the profile or in DOCKER_HOST",
        )
    return DockerEngine(host, _api_version(host, chosen.timeout_seconds), chosen.timeout_seconds)


def _usual_host(environ: Mapping[str, str]) -> str:
    """DOCKER_HOST; else the system's socket where there is one; else the one of rootless Docker."""
    if host := environ.get("DOCKER_HOST"):
        return host
    system = "/var/run/docker.sock"
    own = Path(environ.get("XDG_RUNTIME_DIR", f"/run/user/{os.getuid()}")) / "docker.sock"
    return f"unix://{own if own.exists() and not os.access(system, os.W_OK) else system}"


def _api_version(host: str, timeout: int) -> str:
    from docker import APIClient  # noqa: PLC0415 - see connect
    from docker.errors import DockerException  # noqa: PLC0415 - see connect

    try:
        # Asked first, without the SDK: its failed connections stay open, and hide why they failed.
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(timeout)
            probe.connect(host.removeprefix("unix://"))
        with closing(APIClient(host, version="auto", timeout=timeout)) as api:
            version = str(api.api_version)
    except (DockerException, OSError) as error:
        raise no_answer(host, error) from error
    if tuple(int(part) for part in version.split(".")) < _OLDEST_API:
        raise EngineError(
            f"docker speaks API {version}, which is too old", hint="update Docker to 20.10 or newer"
        )
    return version


class DockerEngine:
    """See `base.Engine`. May be shared by threads: each operation has a connection of its own."""

    name = "docker"

    def __init__(self, host: str, api_version: str, timeout: int) -> None:
        self._host = host
        self._version = api_version
        self._timeout = timeout
        self._ending = threading.Event()
        self._info: EngineInfo | None = None

    def info(self) -> EngineInfo:
        """See `base.Engine.info`."""
        answer = self._system()
        options = tuple(sorted(answer.get("SecurityOptions") or ()))
        info = EngineInfo(
            name=self.name,
            version=str(answer.get("ServerVersion", "unknown")),
            api_version=self._version,
            rootless="name=rootless" in options,
            cgroup_version=str(answer.get("CgroupVersion", "1")),
            security_options=options,
            lacks=_lacks(answer, options),
        )
        self._info = info
        return info

    def hardware(self) -> Hardware:
        """See `base.Engine.hardware`."""
        answer = self._system()
        return Hardware(this_cpu_model(), int(answer["NCPU"]), int(answer["MemTotal"]), nvidia_gpus())

    def caller(self) -> User:
        """See `base.Engine.caller`; without the group that may use the engine's socket."""
        gid = os.getgid()
        engine = Path(self._host.removeprefix("unix://")).stat().st_gid
        return User(os.getuid(), gid, tuple(sorted(set(os.getgroups()) - {gid, engine})))

    def image(self, container: Container, archive: Path | None, observer: Observer = QUIET) -> str:
        """See `base.Engine.image`."""
        trace.asked(f"ask docker for image {container.image_id or container.image}")
        with self._api(_IMAGE_SECONDS) as api:
            return docker_image.present(api, container, archive, observer)

    def run(self, spec: RunSpec, observer: Observer = QUIET) -> RunReport:
        """See `base.Engine.run`."""
        trace.asked(f"ask docker to run '{spec.name}' of image {spec.image_id}")
        info = self._info or self.info()
        with signals.endings_raise(), self._api(self._timeout) as api:
            task = Task(api, info, spec, observer, self._ending, owner.this_process())
            return task.run(docker_image.facts(api, spec.image_id))

    def stop(self) -> None:
        """See `base.Engine.stop`."""
        self._ending.set()

    def sweep(self) -> tuple[str, ...]:
        """See `base.Engine.sweep`."""
        with self._api(self._timeout) as api:
            with engine_errors("list containers"):
                ours = api.containers(all=True, filters={"label": OWNER_LABEL})
                volumes = api.volumes(filters={"label": OWNER_LABEL})["Volumes"] or ()
            left = [c for c in ours if _is_left_over(c["Labels"][OWNER_LABEL])]
            for container in left:
                remove(api, container["Id"])
            for volume in volumes:
                if _is_left_over(volume["Labels"][OWNER_LABEL]):
                    remove_volume(api, volume["Name"])
        return tuple(sorted(c["Names"][0].lstrip("/") for c in left))

    def _system(self) -> dict[str, Any]:
        with self._api(self._timeout) as api, engine_errors("say what it is"):
            return dict(api.info())

    @contextmanager
    def _api(self, timeout: int) -> Iterator[APIClient]:
        from docker import APIClient  # noqa: PLC0415 - see connect

        with closing(APIClient(self._host, version=self._version, timeout=timeout)) as api:
            yield api


def _is_left_over(label: str) -> bool:
    return owner.is_ours(label) and owner.is_gone(label) is True


def _lacks(answer: Mapping[str, Any], options: tuple[str, ...]) -> tuple[str, ...]:
    """Measures of the policy that this engine or kernel cannot apply."""
    missing = [measure.value for ability, measure in _ABILITIES.items() if not answer.get(ability)]
    # Without a profile given, Docker says `default` or, since 23, `builtin`.
    seccomp = [o for o in options if o.startswith("name=seccomp")]
    if not any(o.endswith(("profile=default", "profile=builtin")) for o in seccomp):
        missing.append(Measure.SECCOMP_DEFAULT.value)
    return tuple(sorted(missing))
