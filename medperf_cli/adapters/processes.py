"""Telling processes of this machine apart, also after their pids are used again; shared by all adapters."""

from __future__ import annotations

import contextlib
from pathlib import Path

PROC = Path("/proc")
_DEAD = frozenset("ZXx")


def boot_and_namespace() -> tuple[str, str]:
    """The boot's id and the pid namespace (its inode); empty where there is no /proc."""
    boot = namespace = ""
    with contextlib.suppress(OSError):
        boot = (PROC / "sys/kernel/random/boot_id").read_text("ascii").strip()
        namespace = str((PROC / "self/ns/pid").stat().st_ino)
    return boot, namespace


def born(pid: int) -> str | None:
    """When a process began, in clock ticks since boot (proc(5), stat field 22).

    None for one that has ended, reaped or not, or that is not shown.
    """
    try:
        text = (PROC / str(pid) / "stat").read_text("ascii", "replace")
    except OSError:
        return None
    # The second field is the program's name, in parentheses, and may hold anything.
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in _DEAD else fields[19]
