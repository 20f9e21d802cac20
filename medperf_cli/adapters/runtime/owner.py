"""Which process a container belongs to, written so that another one can tell whether it still lives."""

from __future__ import annotations

import os
from pathlib import Path

_PROC = Path("/proc")
_FIELDS = 5


def this_process() -> str:
    """This process as `boot id:pid namespace:uid:pid:start time` (proc(5): stat field 22, in clock ticks)."""
    return f"{_machine()}:{os.getuid()}:{os.getpid()}:{_start_time(os.getpid())}"


def is_ours(owner: str) -> bool:
    """Whether the same user owns it; nobody sweeps what belongs to others."""
    fields = owner.split(":")
    return len(fields) == _FIELDS and fields[2] == str(os.getuid())


def is_gone(owner: str) -> bool | None:
    """Whether that process has ended; None when it cannot be told from here.

    It cannot for a process in another pid namespace of this boot; one of an earlier boot is gone.
    """
    fields = owner.split(":")
    if len(fields) != _FIELDS or not fields[3].isdigit():
        return None
    boot, namespace = _machine().split(":")
    if fields[0] != boot:
        return True
    if fields[1] != namespace:
        return None
    return _start_time(int(fields[3])) != fields[4]


def _machine() -> str:
    boot = (_PROC / "sys/kernel/random/boot_id").read_text("ascii").strip()
    return f"{boot}:{(_PROC / 'self/ns/pid').stat().st_ino}"


def _start_time(pid: int) -> str:
    """The start time of a process; empty when there is none."""
    try:
        text = (_PROC / str(pid) / "stat").read_text("ascii", "replace")
    except OSError:
        return ""
    # The second field is the program's name, in parentheses, and may hold anything.
    return text.rpartition(")")[2].split()[19]
