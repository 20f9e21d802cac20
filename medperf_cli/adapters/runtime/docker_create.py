"""From a RunSpec to the body of Docker's create call (Engine API 1.41 and newer); pure, golden-tested.

Written as the wire format: the SDK's own helper would add the proxies of the user's client configuration.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from medperf_cli.adapters.runtime.base import OWNER_LABEL, SCRATCH, Mount, RunSpec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

NO_NEW_PRIVILEGES = "no-new-privileges"
NANO = 10**9


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What an image brings along: its id, `NAME=value` settings and the volumes it declares."""

    id: str
    environment: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()


def create_body(spec: RunSpec, image: ImageFacts, *, name: str, owner: str, rootless: bool) -> dict[str, Any]:
    """The whole body for a container called `name`; whatever is not said here is the engine's default."""
    labels = {**spec.labels, OWNER_LABEL: owner}
    return {
        "Image": image.id,
        "User": "0:0" if rootless else f"{spec.user.uid}:{spec.user.gid}",
        "Env": _own_environment(spec, image),
        "Cmd": _list(spec.command),
        "Entrypoint": _list(spec.entrypoint),
        "Labels": labels,
        "Tty": False,
        "OpenStdin": False,
        "AttachStdin": False,
        "AttachStdout": True,
        "AttachStderr": True,
        "NetworkDisabled": True,
        "Healthcheck": {"Test": ["NONE"]},
        "HostConfig": {
            **_host_config(spec, rootless=rootless),
            "Mounts": [*map(_bind, binds(spec)), *_volumes(spec, image, name, labels)],
        },
    }


def _list(words: tuple[str, ...] | None) -> list[str] | None:
    return None if words is None else list(words)


def _host_config(spec: RunSpec, *, rootless: bool) -> dict[str, Any]:
    limits = spec.limits
    return {
        "NetworkMode": "none",
        "Privileged": False,
        "ReadonlyRootfs": spec.read_only_root,
        "CapDrop": ["ALL"],
        "SecurityOpt": [NO_NEW_PRIVILEGES],
        "IpcMode": "private",
        "CgroupnsMode": "private",
        "Init": True,
        "AutoRemove": False,
        "RestartPolicy": {"Name": "no"},
        # The log is streamed into a file of ours; the engine keeps no copy that could fill its disk.
        "LogConfig": {"Type": "none", "Config": {}},
        "PidsLimit": limits.pids,
        "Memory": limits.memory_bytes,
        "MemorySwap": limits.memory_bytes,  # memory and swap together: no swap
        "NanoCpus": int(limits.cpus * NANO),
        "ShmSize": spec.shm_bytes,
        "Ulimits": ulimits(spec),
        "GroupAdd": [] if rootless else [str(group) for group in spec.user.groups],
        "DeviceRequests": _devices(spec.gpus),
    }


def ulimits(spec: RunSpec) -> list[dict[str, Any]]:
    """Open files, the size of one file, and no core dumps (setrlimit(2))."""
    wanted = {"nofile": spec.limits.open_files, "fsize": spec.limits.output_bytes, "core": 0}
    return [{"Name": name, "Soft": value, "Hard": value} for name, value in wanted.items()]


def binds(spec: RunSpec) -> tuple[Mount, ...]:
    """All that is mounted from the host: declared volumes, and the scratch folder as /tmp."""
    return (*spec.mounts, Mount(spec.scratch, SCRATCH, read_only=False))


def image_volumes(spec: RunSpec, image: ImageFacts) -> tuple[str, ...]:
    """Volumes the image declares and nobody mounts; left to the engine, they would be a way to write."""
    taken = {m.container for m in binds(spec)}
    return tuple(sorted(path for path in image.volumes if path.rstrip("/") not in taken))


def effective_environment(spec: RunSpec, image: ImageFacts) -> dict[str, str]:
    """What the container's environment must be: the image's, with ours on top."""
    return {**_pairs(image.environment), **_pairs(_own_environment(spec, image))}


def _own_environment(spec: RunSpec, image: ImageFacts) -> list[str]:
    """The cube's settings, sorted; and a home that can be written to, unless the image names one."""
    own = dict(spec.environment)
    if "HOME" not in _pairs(image.environment):
        own.setdefault("HOME", SCRATCH)
    return [f"{name}={value}" for name, value in sorted(own.items())]


def _pairs(environment: Iterable[str]) -> dict[str, str]:
    return {name: value for name, _, value in (item.partition("=") for item in environment)}


def _bind(mount: Mount) -> dict[str, Any]:
    return {
        "Type": "bind",
        "Source": str(mount.host),
        "Target": mount.container,
        "ReadOnly": mount.read_only,
        "BindOptions": {"Propagation": "rprivate"},
    }


def _volumes(spec: RunSpec, image: ImageFacts, name: str, labels: dict[str, str]) -> Iterator[dict[str, Any]]:
    """The image's volumes with what the image holds there, as read-only as its root.

    Docker makes only volumes with a name read-only, so each gets one, and is removed after the run.
    """
    for path, volume in zip(image_volumes(spec, image), volume_names(spec, image, name), strict=True):
        yield {
            "Type": "volume",
            "Source": volume,
            "Target": path,
            "ReadOnly": spec.read_only_root,
            "VolumeOptions": {"Labels": labels},
        }


def volume_names(spec: RunSpec, image: ImageFacts, name: str) -> tuple[str, ...]:
    """The names of the image's volumes in the run of the container `name`."""
    return tuple(f"{name}-{index}" for index, _ in enumerate(image_volumes(spec, image)))


def _devices(gpus: tuple[str, ...]) -> list[dict[str, Any]]:
    if not gpus:
        return []
    return [{"Driver": "nvidia", "DeviceIDs": list(gpus), "Capabilities": [["gpu"]]}]
