"""What the kernel says about a running container's first process: `/proc/<pid>` and its cgroups."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_PROC = Path("/proc")
_CGROUPS = Path("/sys/fs/cgroup")
_STATUS = ("NoNewPrivs", "Seccomp", "CapEff", "CapBnd")


@dataclass(frozen=True, slots=True)
class Facts:
    """Read once; None where the kernel did not let us look.

    `status` holds lines of `/proc/<pid>/status` (proc(5)); `mounts` maps a mount point to its options;
    `interfaces` are its network devices; `limits` maps `memory`, `pids` and `cpu` to what its cgroup says,
    in bytes, processes and billionths of a CPU (absent when unlimited or not readable).
    """

    status: Mapping[str, str]
    mounts: Mapping[str, frozenset[str]] | None
    interfaces: frozenset[str] | None
    limits: Mapping[str, int]


def read_facts(pid: int, container_id: str) -> Facts | None:
    """Look at process `pid`; None when it is gone or not in the container's cgroup (another machine's)."""
    folder = _PROC / str(pid)
    cgroup = _read(folder / "cgroup")
    if cgroup is None or container_id not in cgroup:
        return None
    mounts, interfaces = _read(folder / "mountinfo"), _read(folder / "net/dev")
    limits = _cgroup_limits(cgroup)
    status = _read(folder / "status")
    if not status:
        return None
    return Facts(
        status=_status(status),
        mounts=_mounts(mounts) if mounts else None,
        interfaces=frozenset(_interfaces(interfaces)) if interfaces else None,
        limits=limits,
    )


def submounts(path: Path) -> tuple[str, ...]:
    """Mount points below `path` on this machine, as this process sees them."""
    text = _read(_PROC / "self/mountinfo") or ""
    return tuple(sorted(m for m in _mounts(text) if Path(m) != path and Path(m).is_relative_to(path)))


def _read(path: Path) -> str | None:
    try:
        return path.read_text("utf-8", "surrogateescape")
    except OSError:
        return None


def _status(text: str) -> dict[str, str]:
    pairs = (line.partition(":") for line in text.splitlines())
    return {key: value.strip() for key, _, value in pairs if key in _STATUS}


def _mounts(text: str) -> dict[str, frozenset[str]]:
    """Of each line of mountinfo (proc(5)), the mount point and the mount's own options; the last one wins."""
    found: dict[str, frozenset[str]] = {}
    for line in text.splitlines():
        fields = line.split(" ")
        found[_unescape(fields[4])] = frozenset(fields[5].split(","))
    return found


def _unescape(text: str) -> str:
    """The kernel writes blanks and backslashes in paths as three octal digits."""
    for octal, char in (("040", " "), ("011", "\t"), ("012", "\n"), ("134", "\\")):
        text = text.replace(f"\\{octal}", char)
    return text


def _interfaces(text: str) -> list[str]:
    return [line.partition(":")[0].strip() for line in text.splitlines() if ":" in line]


def _cgroup_limits(text: str) -> dict[str, int]:
    """Limits of the cgroups that `/proc/<pid>/cgroup` names, version 2 or 1 (cgroups(7))."""
    limits: dict[str, int] = {}
    for line in text.splitlines():
        _, controllers, path = line.split(":", 2)
        below = path.lstrip("/")
        if not controllers:
            _take(limits, "memory", _number(_CGROUPS / below / "memory.max"))
            _take(limits, "pids", _number(_CGROUPS / below / "pids.max"))
            _take(limits, "cpu", _cpu_v2(_CGROUPS / below / "cpu.max"))
        names = controllers.split(",")
        if "memory" in names:
            _take(limits, "memory", _number(_CGROUPS / "memory" / below / "memory.limit_in_bytes"))
        if "pids" in names:
            _take(limits, "pids", _number(_CGROUPS / "pids" / below / "pids.max"))
        if "cpu" in names:
            _take(limits, "cpu", _cpu_v1(_CGROUPS / controllers / below))
    return limits


def _take(limits: dict[str, int], key: str, value: int | None) -> None:
    if value is not None:
        limits[key] = value


def _number(path: Path) -> int | None:
    text = (_read(path) or "").strip()
    return int(text) if text.isdigit() else None


def _cpu_v1(folder: Path) -> int | None:
    quota, period = _number(folder / "cpu.cfs_quota_us"), _number(folder / "cpu.cfs_period_us")
    return quota * 10**9 // period if quota and period else None


def _cpu_v2(path: Path) -> int | None:
    quota, _, period = (_read(path) or "").strip().partition(" ")
    return int(quota) * 10**9 // int(period) if quota.isdigit() and period.isdigit() else None
