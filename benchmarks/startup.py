"""How long every command takes to start, against Python itself in the same run (milliseconds).

The promise: the help of every command, and every `ls`, in the time of `python3 -c pass` and 100 ms. Judged
are medians of the processor's time (user and system): a start waits for nothing else, and other work on the
machine must not count. The median of what the clock on the wall says stands beside it.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

ROUNDS = int(os.environ.get("ROUNDS", "7"))
PROMISE = 0.100  # seconds
MEDPERF = str(Path(sys.executable).with_name("medperf"))
REFERENCE = "python3 -c pass"


def seconds(command: Sequence[str], home: str) -> tuple[float, float]:
    """Processor time and wall time of one process."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(
        command,
        env={**os.environ, "MEDPERF_HOME": home},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall


def verbs(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every group and command of the parser, by the words that call it."""
    yield words
    if hasattr(command, "list_commands"):
        context = command.make_context("medperf", [], resilient_parsing=True)
        for name in command.list_commands(context):
            yield from verbs(command.get_command(context, name), (*words, name))


def lines() -> dict[str, list[str]]:
    """What is measured: the reference, every help, and every list with no registry in use."""
    from medperf_cli.commands.app import app  # noqa: PLC0415 - the parser is not part of what is measured

    found = {REFERENCE: [sys.executable, "-c", "pass"]}
    for words in verbs(app):
        found[" ".join(("medperf", *words, "--help"))] = [MEDPERF, *words, "--help"]
        if words and words[-1] in {"ls", "rules"}:
            found[" ".join(("medperf", *words))] = [MEDPERF, *words]
    return found


def main() -> int:
    """Interleave the commands, so that noise falls on all alike; 1 if a promise is broken."""
    commands = lines()
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    with tempfile.TemporaryDirectory() as empty:
        home = os.environ.get("MEDPERF_HOME") or empty
        for _ in range(ROUNDS):
            for name, command in commands.items():
                times[name].append(seconds(command, home))
    medians = {name: tuple(map(statistics.median, zip(*t, strict=True))) for name, t in times.items()}
    reference = medians[REFERENCE][0]
    print("processor   beyond Python      wall   command")
    for name, (used, wall) in sorted(medians.items(), key=lambda item: -item[1][0]):
        more, late = used - reference, "  TOO SLOW" if used - reference > PROMISE else ""
        print(f"{1000 * used:6.0f} ms   + {1000 * more:5.0f} ms   {1000 * wall:7.0f} ms   {name}{late}")
    slow = sum(used - reference > PROMISE for used, _ in medians.values())
    print(f"\n{len(commands) - 1} commands, {slow} beyond Python's start and {1000 * PROMISE:.0f} ms")
    return int(slow > 0)


if __name__ == "__main__":
    sys.exit(main())
