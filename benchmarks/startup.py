"""How long the command takes to start, against Python itself in the same run (medians, seconds)."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

ROUNDS = 15
MEDPERF = str(Path(sys.executable).with_name("medperf"))


def seconds(command: Sequence[str], home: str) -> float:
    """Wall time of one process."""
    began = time.perf_counter()
    subprocess.run(command, env={**os.environ, "MEDPERF_HOME": home}, capture_output=True, check=False)
    return time.perf_counter() - began


def main() -> None:
    """Interleave the commands, so that noise falls on all alike, and print one line each."""
    home = os.environ.get("MEDPERF_HOME") or tempfile.mkdtemp()
    commands = {
        "python3 -c pass": [sys.executable, "-c", "pass"],
        "medperf --help": [MEDPERF, "--help"],
        "medperf dataset --help": [MEDPERF, "dataset", "--help"],
        "medperf member ls": [MEDPERF, "member", "ls"],
        "medperf rules": [MEDPERF, "rules"],
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(ROUNDS):
        for name, command in commands.items():
            times[name].append(seconds(command, home))
    reference = statistics.median(times["python3 -c pass"])
    for name, found in times.items():
        median = statistics.median(found)
        print(f"{name:<24} {median:.3f} s   + {median - reference:.3f} s   x {median / reference:.1f}")


if __name__ == "__main__":
    main()
