"""Running a command as a process: how long it takes, and the most memory it and its children hold at once."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

MEDPERF = str(Path(sys.executable).with_name("medperf"))
_PAUSE = 0.05


@dataclass(frozen=True)
class Ran:
    """How a command went: seconds on the wall and of the processors, the most bytes of memory, output.

    Where other work shares the machine, the wall says little, and what the processors did still does.
    Memory is what belongs to the processes alone (`RssAnon`): a mapped pack is the system's file cache.
    """

    seconds: float
    processor: float
    memory: int
    """0 if nobody watched."""
    output: str


def run(command: Sequence[str], home: Path, *, watched: bool = False) -> Ran:
    """Run a command to its end in a home of its own (raises RuntimeError where it fails)."""
    environment = {**os.environ, "MEDPERF_HOME": str(home)}
    with tempfile.TemporaryFile() as output:
        began, used = time.perf_counter(), _used()
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
        watcher = Watcher(process.pid) if watched else None
        code = process.wait()
        seconds, processor = time.perf_counter() - began, _used() - used
        memory = watcher.stop() if watcher else 0
        output.seek(0)
        said = output.read().decode("utf-8", "replace")
    if code != 0:
        raise RuntimeError(f"{' '.join(command)} ended with {code}:\n{said}")
    return Ran(seconds, processor, memory, said)


def _used() -> float:
    """Seconds that children which have ended spent on processors."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def medperf(home: Path, *words: str, watched: bool = False) -> Ran:
    """Run a `medperf` command."""
    return run([MEDPERF, *words], home, watched=watched)


class Watcher:
    """Looks at a process and its descendants until it is stopped (Linux)."""

    def __init__(self, pid: int) -> None:
        self._pid, self._most = pid, 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> int:
        """The most bytes seen."""
        self._ended.set()
        self._thread.join()
        return self._most

    def _watch(self) -> None:
        while not self._ended.wait(_PAUSE):
            self._most = max(self._most, sum(map(_memory, _family(self._pid))))


def _family(pid: int) -> list[int]:
    """A process and its descendants."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(entry.read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError, ValueError):
            continue  # it ended meanwhile
        children.setdefault(parent, []).append(int(entry.parent.name))
    found = [pid]
    for member in found:
        found += children.get(member, [])
    return found


def _memory(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon:"))
