"""How long the check job of a forge's CI takes, from its event to its verdict, beside the fetch.

Usage: python benchmarks/check_job.py [--size 100k] [--kinds batch,result] [--rounds 3]

`python -m ci.check` runs as in the workflow, told of a pull request by GitHub's variables; the registry is a
repository with one request of each kind beside main. The reference is a bare `git fetch` of the same two refs
into an empty repository, with the same checks of what arrives: nearly all of the job at 100,000 entities. So
what the job adds is told by its own clock, not as the difference of two long times. Ends with 1 where the
promise is not kept.
"""

from __future__ import annotations

import argparse
import json
import re
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
from scale import SIZES, Row, facts, median, show, shown
from scale_run import Ran, run

TAKES = 3.0
"""Seconds on the wall from the event to the verdict, less those of the fetch as the job itself says them."""
_TOLD = re.compile(r"fetched in ([0-9.]+) s, judged in ([0-9.]+) s")
_FETCH = ("-c", "transfer.fsckObjects=true", "fetch", "-q", "--no-tags", "--no-write-fetch-head")


@dataclass(frozen=True)
class Event:
    """A pull request: its number, the commit it stands at, and the file that tells the job of it."""

    number: int
    head: str
    told: Path


def serve(folder: Path, entities: int) -> tuple[Path, dict[str, Event]]:
    """The registry as a forge has it, with a pull request of each kind, by kind."""
    source, path = kept(entities), folder / "consortium" / "registry.git"
    subprocess.run(["git", "clone", "-q", "--bare", "--shared", str(source), str(path)], check=True)
    git(path, "fetch", "-q", str(source), f"{PROBES}/*:{PROBES}/*")
    events = {}
    for number, name in enumerate(git(path, "for-each-ref", "--format=%(refname)", PROBES).split(), 1):
        head, told = git(path, "rev-parse", name), folder / f"event-{number}.json"
        git(path, "update-ref", f"refs/pull/{number}/head", head)
        told.write_text(json.dumps({"pull_request": {"number": number, "head": {"sha": head}}}), "utf-8")
        events[name.removeprefix(f"{PROBES}/")] = Event(number, head, told)
    return path, events


def job(folder: Path, path: Path, event: Event) -> Ran:
    """Run the check job of a request (raises RuntimeError where it fails)."""
    told = {
        "GITHUB_SERVER_URL": path.parents[1].as_uri(),
        "GITHUB_REPOSITORY": f"{path.parent.name}/{path.stem}",
        "GITHUB_EVENT_PATH": str(event.told),
    }
    work = folder / "work"
    work.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "ci.check"]
    ran = run(["env", f"--chdir={work}", *(f"{k}={v}" for k, v in told.items()), *command], folder)
    report = json.loads((work / "report" / "report.json").read_text("utf-8"))
    if (report["head"], report["verdict"]) != (event.head, "AUTO"):
        raise RuntimeError(f"{event.head} is not lawful: {report}")
    return ran


def fetch(folder: Path, path: Path, event: Event) -> Ran:
    """Fetch what the job fetches, into a new repository, and nothing else."""
    with tempfile.TemporaryDirectory(dir=folder) as new:
        git(Path(new), "init", "-q", "--bare")
        head = f"refs/pull/{event.number}/head"
        command = ["git", f"--git-dir={new}", *_FETCH, path.as_uri(), f"+{MAIN}:{MAIN}", f"+{head}:{head}"]
        return run(command, folder)


def rows(folder: Path, size: str, kinds: Sequence[str], rounds: int) -> Iterator[Row]:
    """One row for each kind of request."""
    path, events = serve(folder, SIZES[size])
    for kind in kinds:
        ran, fetched = [], []
        for _ in range(rounds):
            fetched.append(fetch(folder, path, events[kind]))
            ran.append(job(folder, path, events[kind]))
        said = [tuple(map(float, _TOLD.findall(r.output)[0])) for r in ran]
        beside = statistics.median(r.seconds - fetching for r, (fetching, _) in zip(ran, said, strict=True))
        judging = statistics.median(judging for _, judging in said)
        measured = f"{shown(median(ran))}: {beside:.2f} s beside its fetch, judging {judging:.2f} s of it"
        compared = f"git fetch {shown(median(fetched))}"
        yield Row(f"check job: {kind}", size, measured, compared, f"<= {TAKES:.0f} s", beside <= TAKES)


def main() -> int:
    """Print each row as soon as it is measured; 1 if a promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--size", default="100k", choices=SIZES)
    parser.add_argument("--kinds", default="batch,result")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        return show(facts(), rows(Path(folder), given.size, given.kinds.split(","), given.rounds))


if __name__ == "__main__":
    sys.exit(main())
