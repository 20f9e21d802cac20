"""How a registry scales: one table of checking, verifying, syncing and listing, each beside its reference.

Usage: python benchmarks/scale.py [--sizes 1k,10k,100k] [--rounds 5]

Registries are made once and kept (generate_registry.py). Everything runs as commands of the installed tool,
in homes of their own, on the registry of that size. Judged are medians of the processors' seconds: a command
waits for nothing else, and other work on the machine must not count. `benchmarks/README.md` says what each
row means.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from generate_registry import kept
from registry_git import MAIN, PROBES, git
from scale_check import UNKNOWN
from scale_run import Ran, medperf, run

HERE = Path(__file__).parent
SIZES = {"1k": 1_000, "10k": 10_000, "100k": 100_000}
CHECK_GROWS, CHECK_TAKES = 1.2, 0.5
VERIFY_TAKES = 1.5  # times the reference
SYNC_TAKES = 0.3
LISTING_TAKES = {"10k": 0.25, "100k": 0.3}
_OWNER = "hospital-000-00"


@dataclass(frozen=True)
class Row:
    """One line of the table; `kept` is whether a promise was, None where there is none."""

    work: str
    size: str
    measured: str
    reference: str = ""
    promise: str = ""
    kept: bool | None = None


@dataclass(frozen=True)
class Place:
    """A registry of one size, a repository to fetch it from, and the home of a reader who has it."""

    size: str
    path: Path
    origin: Path
    home: Path


def median(runs: Sequence[Ran]) -> Ran:
    """The run in the middle, by the processors."""
    return sorted(runs, key=lambda ran: ran.processor)[len(runs) // 2]


def shown(ran: Ran) -> str:
    """Seconds of the processors, and on the wall."""
    return f"{ran.processor:.2f} s (wall {ran.seconds:.2f} s)"


def steps_back(path: Path, count: int) -> list[str]:
    """The last first-parent commits of main that change the registry, oldest first, and the one before."""
    found = git(path, "log", "--first-parent", f"-{count}", "--format=%H", MAIN, "--", "registry").split()
    return [git(path, "rev-parse", f"{found[-1]}^"), *reversed(found)]


def set_up(folder: Path, size: str, merges: int) -> Place:
    """An origin whose main lacks the last merges, and an empty home."""
    path = kept(SIZES[size])
    origin, home = folder / f"{size}.git", folder / f"home-{size}"
    subprocess.run(["git", "clone", "-q", "--bare", "--shared", str(path), str(origin)], check=True)
    git(origin, "update-ref", MAIN, steps_back(path, merges)[0])
    home.mkdir()
    return Place(size, path, origin, home)


def checks(places: Sequence[Place], rounds: int) -> Iterator[Row]:
    """One request of each kind, as a process and inside of one; and the dearest thing a stranger may ask."""
    script = str(HERE / "scale_check.py")
    found = [run([sys.executable, script, str(p.path), str(rounds)], p.home).output for p in places]
    inside = [json.loads(output) for output in found]
    for kind in inside[0]:
        times = ", ".join(f"{1000 * taken[kind]:.0f}" for taken in inside)
        if kind == UNKNOWN:
            yield Row("look for a `seen` that never was", _sizes(places), f"{times} ms")
        else:
            yield _check_process(places, kind, rounds, f"inside {times} ms")


def _check_process(places: Sequence[Place], kind: str, rounds: int, inside: str) -> Row:
    runs: dict[str, list[Ran]] = {place.size: [] for place in places}
    for _ in range(rounds):
        for place in places:
            head = git(place.path, "rev-parse", f"{PROBES}/{kind}")
            runs[place.size].append(medperf(place.home, "check", "-C", str(place.path), "--head", head))
    used = [statistics.median(ran.processor for ran in found) for found in runs.values()]
    walls = ", ".join(f"{median(found).seconds:.2f}" for found in runs.values())
    times, grows = ", ".join(f"{seconds:.2f}" for seconds in used), used[-1] / used[0]
    measured = f"{times} s: {grows:.2f} times (wall {walls} s; {inside})"
    good = grows <= CHECK_GROWS and used[-1] <= CHECK_TAKES
    promise = f"<= {CHECK_GROWS} times, <= {CHECK_TAKES} s"
    return Row(f"check of one request: {kind}", _sizes(places), measured, "", promise, good)


def _sizes(places: Sequence[Place]) -> str:
    return ", ".join(place.size for place in places)


def verifications(places: Sequence[Place]) -> Iterator[Row]:
    """Adding each registry, and verifying it again from genesis; the reference at the largest size."""
    most: dict[str, int] = {}
    for place in places:
        root = place.path.with_suffix(".root").read_text("ascii").strip()
        added = medperf(
            place.home, "registry", "add", place.origin.as_uri(), "--root", f"sha256:{root}", watched=True
        )
        yield Row("add: fetch, verify, index", place.size, shown(added), "", "", None)
        verified = medperf(place.home, "registry", "verify", watched=True)
        most[place.size] = max(added.memory, verified.memory)
        if place is not places[-1]:
            yield Row("verify from genesis", place.size, shown(verified))
            continue
        compared = run([sys.executable, str(HERE / "scale_reference.py"), str(place.path)], place.home)
        ratio = verified.processor / compared.processor
        measured = f"{shown(verified)}: {ratio:.2f} times"
        good = ratio <= VERIFY_TAKES
        yield Row(
            "verify from genesis", place.size, measured, shown(compared), f"<= {VERIFY_TAKES} times", good
        )
    sizes = ", ".join(f"{count / 2**20:.0f}" for count in most.values())
    yield Row("memory of a cold verify", _sizes(places), f"{sizes} MiB", "", "bounded")


def syncs(place: Place, merges: int) -> Row:
    """One new merge at a time, beside a bare fetch of the same merge."""
    beside = place.origin.with_name("beside.git")
    clone = ["git", "clone", "-q", "--bare", "--single-branch", "--branch", "main"]
    subprocess.run([*clone, place.origin.as_uri(), str(beside)], check=True)
    fetched, synced = [], []
    for commit in steps_back(place.path, merges)[1:]:
        git(place.origin, "update-ref", MAIN, commit)
        command = ["git", f"--git-dir={beside}", "fetch", "-q", place.origin.as_uri(), f"+{MAIN}:{MAIN}"]
        fetched.append(run(command, place.home))
        synced.append(medperf(place.home, "registry", "sync"))
    more = statistics.median(s.processor - f.processor for s, f in zip(synced, fetched, strict=True))
    measured = f"{shown(median(synced))}: {more:.2f} s beside"
    compared = f"git fetch {shown(median(fetched))}"
    return Row("sync of one merge", place.size, measured, compared, f"<= {SYNC_TAKES} s", more <= SYNC_TAKES)


def listings(place: Place, rounds: int) -> Row:
    """`dataset ls` with a filter as a whole process, and Python that does nothing."""
    listed, nothing = [], []
    for _ in range(rounds):
        nothing.append(run([sys.executable, "-c", "pass"], place.home))
        listed.append(medperf(place.home, "dataset", "ls", "--owner", _OWNER))
    if _OWNER not in listed[0].output:
        raise RuntimeError(f"nothing of {_OWNER} is listed:\n{listed[0].output}")
    middle, most = median(listed), LISTING_TAKES.get(place.size)
    compared = f"python3 -c pass {shown(median(nothing))}"
    promise = "" if most is None else f"<= {most} s"
    good = None if most is None else middle.processor <= most
    return Row("dataset ls --owner", place.size, shown(middle), compared, promise, good)


def rows(folder: Path, sizes: Sequence[str], rounds: int) -> Iterator[Row]:
    """All that is measured, as it is."""
    places = [set_up(folder, size, rounds) for size in sizes]
    yield from checks(places, rounds)
    yield from verifications(places)
    yield syncs(places[-1], rounds)
    for place in places:
        yield listings(place, rounds)


def show(said: str, found: Iterator[Row]) -> int:
    """Print a table, each row as soon as it is measured; 1 if a promise is broken."""
    print(f"{said}\n\n| work | entities | measured | reference | must reach | |\n|---|---|---|---|---|---|")
    broken = 0
    for row in found:
        word = {None: "", True: "yes", False: "NO"}[row.kept]
        cells = (row.work, row.size, row.measured, row.reference, row.promise, word)
        print(f"| {' | '.join(cells)} |", flush=True)
        broken += row.kept is False
    return int(broken > 0)


def facts() -> str:
    """What the machine is, in general terms."""
    load = os.getloadavg()[0]
    version = git(HERE, "--version")
    python = platform.python_version()
    return f"{os.cpu_count()} processors, load {load:.1f} at the start, Python {python}, {version}"


def main() -> int:
    """Print each row as soon as it is measured; 1 if a promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sizes", default="1k,10k,100k", help="some of 1k, 10k, 100k")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    sizes = [size for size in SIZES if size in given.sizes.split(",")]
    with tempfile.TemporaryDirectory() as folder:
        return show(facts(), rows(Path(folder), sizes, given.rounds))


if __name__ == "__main__":
    sys.exit(main())
