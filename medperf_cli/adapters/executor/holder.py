"""Which process is at an attempt and whether it still lives, also when it runs on another machine.

Other processes of this machine are looked up; those of other machines are known by their heartbeat, the
modification time of the lock, which they renew. Its age is measured against a file made now in the same
folder, so both times come from one clock, the file server's, and clocks of machines need not agree.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from medperf_cli.adapters import processes
from medperf_cli.adapters.processes import boot_and_namespace


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """One taking of one attempt by one process; the nonce makes each different.

    `machine`: host name, boot and pid namespace; host names alone are shared by cloned machines and
    containers. `born`: start time of the process in clock ticks since boot, as pids are used again.
    """

    machine: str
    pid: int
    born: str
    nonce: str

    def to_bytes(self) -> bytes:
        """The content of a lock file."""
        return json.dumps(asdict(self)).encode("ascii")

    def __str__(self) -> str:
        return f"process {self.pid} on {self.machine.partition(' ')[0]}"


def this_process() -> Holder:
    """A new taking by this process."""
    pid = os.getpid()
    return Holder(machine=_machine(), pid=pid, born=processes.born(pid) or "", nonce=secrets.token_hex(16))


def read_holder(lock: Path) -> Holder | None:
    """Who holds `lock`; None when there is no such file or it is damaged."""
    try:
        document = json.loads(lock.read_bytes())
        if type(document["pid"]) is not int:
            return None
        holder = Holder(**document)
    except (OSError, ValueError, TypeError, LookupError, RecursionError):
        return None
    return holder if all(isinstance(text, str) for text in (holder.machine, holder.born)) else None


def is_held(lock: Path, *, stale_seconds: float) -> bool:
    """Whether a living process holds `lock`.

    Raises:
        OSError: the folder of `lock` cannot be written to, so that time cannot be told.

    """
    holder = read_holder(lock)
    known = _lives(holder) if holder else None
    if known is not None:
        return known
    try:
        # opening it makes a network file system ask its server for the true times
        descriptor = os.open(lock, os.O_RDONLY)
    except (FileNotFoundError, NotADirectoryError):
        return False
    try:
        age = _now(lock.parent) - os.fstat(descriptor).st_mtime
    finally:
        os.close(descriptor)
    # far in the future: the clock was set back since
    return abs(age) <= stale_seconds


def _lives(holder: Holder) -> bool | None:
    """Whether the process lives; None when that cannot be known from here."""
    if holder.machine != _machine() or not holder.born:
        return None
    born = processes.born(holder.pid)
    if born is None and _is_hidden(holder.pid):
        return None
    return born == holder.born


def _machine() -> str:
    # Where there is no /proc, heartbeats have to do.
    return " ".join((socket.gethostname(), *boot_and_namespace()))


def _is_hidden(pid: int) -> bool:
    """Whether it is another user's process that /proc does not show (its mount option `hidepid`)."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return False


def _now(folder: Path) -> float:
    with tempfile.TemporaryFile(dir=folder) as probe:
        os.utime(probe.fileno())
        return os.fstat(probe.fileno()).st_mtime
