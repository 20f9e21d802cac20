"""Which process a container belongs to, written so that another one can tell whether it still lives."""

from __future__ import annotations

import os

from medperf_cli.adapters.processes import boot_and_namespace, born

_FIELDS = 5


def this_process() -> str:
    """This process as `boot id:pid namespace:uid:pid:start time` (proc(5): stat field 22, in clock ticks)."""
    boot, namespace = boot_and_namespace()
    return f"{boot}:{namespace}:{os.getuid()}:{os.getpid()}:{born(os.getpid())}"


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
    boot, namespace = boot_and_namespace()
    if fields[0] != boot:
        return True
    if fields[1] != namespace:
        return None
    return born(int(fields[3])) != fields[4]
