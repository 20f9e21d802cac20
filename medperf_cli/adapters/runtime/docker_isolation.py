"""Docker's isolation as read back: from the created container, and from its running process; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from medperf_cli.adapters.runtime.docker_create import (
    NANO,
    NO_NEW_PRIVILEGES,
    ImageFacts,
    binds,
    effective_environment,
    image_volumes,
    ulimits,
)
from medperf_cli.adapters.runtime.isolation import Isolation, Measure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from medperf_cli.adapters.runtime.base import EngineInfo, RunSpec
    from medperf_cli.adapters.runtime.process import Facts

_HOST_SHARING = ("PidMode", "UTSMode", "UsernsMode", "CgroupParent")
_ADDITIONS = (
    "CapAdd",
    "Devices",
    "DeviceCgroupRules",
    "Binds",
    "VolumesFrom",
    "Links",
    "PortBindings",
    "Sysctls",
)
_CLOSE = 0.02  # cgroups round to pages and microseconds
_NO_CAPABILITIES = 0


def created(container: Mapping[str, Any], spec: RunSpec, image: ImageFacts, info: EngineInfo) -> Isolation:
    """Compare the engine's account of a created container (`GET /containers/<id>/json`) with the policy."""
    host = container["HostConfig"]
    options = frozenset(host.get("SecurityOpt") or ())
    limits = spec.limits
    found = {
        Measure.NO_NETWORK: _has_no_network(container),
        Measure.INPUTS_READ_ONLY: _mounts_match(container, spec, image),
        Measure.NO_NEW_PRIVILEGES: NO_NEW_PRIVILEGES in options,
        Measure.CLEAN_ENVIRONMENT: _environment_matches(container, spec, image),
        Measure.NOT_PRIVILEGED: _is_not_privileged(host, options),
        Measure.ROOT_READ_ONLY: host["ReadonlyRootfs"] is True,
        Measure.CAPABILITIES_DROPPED: host.get("CapDrop") == ["ALL"] and not host.get("CapAdd"),
        Measure.SECCOMP_DEFAULT: not any(o.startswith("seccomp") for o in options),
        Measure.PIDS_LIMIT: host.get("PidsLimit") == limits.pids,
        Measure.MEMORY_LIMIT: host.get("Memory") == limits.memory_bytes,
        Measure.CPU_LIMIT: host.get("NanoCpus") == int(limits.cpus * NANO),
        Measure.FILE_LIMIT: _ulimits_match(host, spec),
        Measure.PRIVATE_IPC: host.get("IpcMode") == "private",
        Measure.LOG_CAP: host["LogConfig"]["Type"] == "none",
        Measure.OUTPUT_WATCHDOG: True,  # ours: no run without it, see docker_task
    }
    return Isolation.of(m for m, holds in found.items() if holds and m.value not in info.lacks)


def refuted(facts: Facts, spec: RunSpec) -> frozenset[Measure]:
    """Measures that the running process shows not to hold; what it does not show is not refuted."""
    status, limits = facts.status, spec.limits
    wanted = {
        Measure.NO_NEW_PRIVILEGES: status.get("NoNewPrivs", "1") == "1",
        Measure.SECCOMP_DEFAULT: status.get("Seccomp", "2") == "2",  # 2: filter mode, seccomp(2)
        Measure.CAPABILITIES_DROPPED: all(
            int(status.get(key, "0"), 16) == _NO_CAPABILITIES for key in ("CapEff", "CapBnd")
        ),
        Measure.NO_NETWORK: facts.interfaces is None or facts.interfaces <= {"lo"},
        Measure.INPUTS_READ_ONLY: _inputs_are_read_only(facts, spec),
        Measure.ROOT_READ_ONLY: not spec.read_only_root or _is_read_only(facts, "/"),
        Measure.MEMORY_LIMIT: _close(facts.limits.get("memory"), limits.memory_bytes),
        Measure.PIDS_LIMIT: facts.limits.get("pids", limits.pids) == limits.pids,
        Measure.CPU_LIMIT: _close(facts.limits.get("cpu"), int(limits.cpus * NANO)),
    }
    return frozenset(measure for measure, holds in wanted.items() if not holds)


def _has_no_network(container: Mapping[str, Any]) -> bool:
    networks = (container.get("NetworkSettings") or {}).get("Networks") or {}
    host = container["HostConfig"]
    return host["NetworkMode"] == "none" and set(networks) <= {"none"} and not host.get("PublishAllPorts")


def _mounts_match(container: Mapping[str, Any], spec: RunSpec, image: ImageFacts) -> bool:
    """Exactly the planned mounts, each with its own right to write."""
    planned = {(m.container, str(m.host), not m.read_only) for m in binds(spec)}
    planned |= {(path.rstrip("/"), "", not spec.read_only_root) for path in image_volumes(spec, image)}
    actual = {
        (m["Destination"].rstrip("/"), m["Source"] if m["Type"] == "bind" else "", bool(m["RW"]))
        for m in container["Mounts"]
    }
    return planned == actual


def _environment_matches(container: Mapping[str, Any], spec: RunSpec, image: ImageFacts) -> bool:
    actual = container["Config"].get("Env") or []
    wanted = [f"{name}={value}" for name, value in effective_environment(spec, image).items()]
    return sorted(actual) == sorted(wanted)


def _is_not_privileged(host: Mapping[str, Any], options: frozenset[str]) -> bool:
    shares = any(host.get(key) for key in _HOST_SHARING) or host.get("IpcMode") == "host"
    added = any(host.get(key) for key in _ADDITIONS)
    return host["Privileged"] is False and not shares and not added and options == {NO_NEW_PRIVILEGES}


def _ulimits_match(host: Mapping[str, Any], spec: RunSpec) -> bool:
    actual = {u["Name"]: (u["Soft"], u["Hard"]) for u in host.get("Ulimits") or ()}
    return all(actual.get(u["Name"]) == (u["Soft"], u["Hard"]) for u in ulimits(spec))


def _inputs_are_read_only(facts: Facts, spec: RunSpec) -> bool:
    return all(_is_read_only(facts, m.container) for m in spec.inputs)


def _is_read_only(facts: Facts, mount_point: str) -> bool:
    """Read-only, with every mount below an input too; unknown mounts refute nothing."""
    if facts.mounts is None:
        return True
    if mount_point == "/":
        return "ro" in facts.mounts.get("/", ())
    below = [o for m, o in facts.mounts.items() if m == mount_point or m.startswith(f"{mount_point}/")]
    return bool(below) and all("ro" in options for options in below)


def _close(actual: int | None, wanted: int) -> bool:
    return actual is None or abs(actual - wanted) <= _CLOSE * wanted
