"""The machine as far as a result tells it (CPU, memory, GPUs), and the limits that follow from it."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from medperf_cli.adapters.runtime.base import Limits

_CPUINFO = Path("/proc/cpuinfo")
_NVIDIA_SECONDS = 10
_MIB, _GIB = 1 << 20, 1 << 30
_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Gpu:
    """One accelerator: the id the engine takes, and its model."""

    id: str
    model: str


@dataclass(frozen=True, slots=True)
class Hardware:
    """What containers can be given on this machine."""

    cpu_model: str
    cpus: int
    memory_bytes: int
    gpus: tuple[Gpu, ...] = ()


def default_limits(hardware: Hardware) -> Limits:
    """Ceilings for one task that has the machine to itself; the profile overrides each.

    A tenth of the memory, and at least 512 MiB where there is that much, stays with the host.
    """
    spare = max(hardware.memory_bytes // 10, 512 * _MIB)
    memory = max(hardware.memory_bytes - spare, hardware.memory_bytes // 2)
    return Limits(
        memory_bytes=memory,
        cpus=float(hardware.cpus),
        pids=4096,
        shm_bytes_max=memory // 2,
        output_bytes=200 * _GIB,
        output_files=2_000_000,
        open_files=65_536,
        log_bytes=64 * _MIB,
        timeout_seconds=_DAY,
        gpus=tuple(gpu.id for gpu in hardware.gpus),
    )


def cpu_model(cpuinfo: str) -> str:
    """The model in the text of `/proc/cpuinfo`; `unknown` where the kernel does not say."""
    for line in cpuinfo.splitlines():
        key, _, value = line.partition(":")
        if key.strip() in {"model name", "Model"} and value.strip():
            return " ".join(value.split())[:200]
    return "unknown"


def this_cpu_model() -> str:
    """The model of this machine's CPU."""
    try:
        return cpu_model(_CPUINFO.read_text("utf-8", "replace"))
    except OSError:
        return "unknown"


def nvidia_gpus() -> tuple[Gpu, ...]:
    """NVIDIA GPUs of this machine, by UUID; none where the driver's tool is missing or fails."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return ()
    try:
        answer = subprocess.run(
            [tool, "--query-gpu=uuid,name", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            timeout=_NVIDIA_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ()
    rows = (line.partition(",") for line in answer.stdout.splitlines() if "," in line)
    return tuple(Gpu(uuid.strip(), model.strip()) for uuid, _, model in rows)
