"""Many writers who submit to one bare registry at the same moment: what arrives, what is lost, how long.

Usage: python benchmarks/writers.py [--writers 100] [--entities 1000]

Each writer is a process with a clone of its own, which opens one request as every command does (`BareGit`);
git pushes for real, and the real hooks judge and merge. The reference is a plain `git push` of the very same
commits by as many processes, to the same repository without hooks. Ends with 1 where something was lost or
doubled, or was not merged in time.
"""

from __future__ import annotations

import argparse
import datetime as dt
import multiprocessing
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from generate_registry import generate
from registry_git import MAIN, git
from scale import facts
from writers_requests import Expected, Wanted, wanted

from medperf_cli.adapters.forge.bare_git import BareGit
from medperf_cli.adapters.store.remote import init
from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.core.check.engine import CONSENSUS, check
from medperf_cli.core.check.findings import Verdict
from medperf_cli.core.requests import RequestRef, open_requests, request_id
from medperf_cli.errors import MedperfError
from medperf_cli.flows.founding.init_bare import ROOT_SETTING, install_hooks
from medperf_cli.flows.hosting.upstream import Upstream

LIMIT = 120.0
"""Seconds on the wall until all arrived and all AUTO ones are merged."""
_BEGAN = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)


@dataclass(frozen=True)
class Place:
    """A bare registry with hooks, one without, and a clone for each writer."""

    hosted: Path
    plain: Path
    clones: Sequence[Path]
    base: str
    registry: str


@dataclass(frozen=True)
class Told:
    """What a writer was told: the state of its request, or the error; seconds until then."""

    answer: str
    seconds: float


@dataclass(frozen=True)
class Timed:
    """What many processes did at once: answers, seconds on the wall and of the processors."""

    told: Sequence[Told]
    seconds: float
    processor: float


def set_up(folder: Path, entities: int, count: int) -> tuple[Place, list[Wanted]]:
    """Make the registry, what is to be pushed, and the writers' clones, which have main already."""
    hosted, plain = folder / "hosted.git", folder / "plain.git"
    maker = generate(hosted, entities, 1)
    if maker.story is None or not maker.story.ended:
        raise RuntimeError("so few entities make no whole consortium")
    requests = wanted(maker, maker.story, count)
    for ref in git(hosted, "for-each-ref", "--format=%(refname)", "refs/probes").split():
        git(hosted, "update-ref", "-d", ref)
    subprocess.run(["git", "clone", "-q", "--bare", str(hosted), str(plain)], check=True)
    install_hooks(hosted)
    for path in (hosted, plain):  # the same durability and the same checks for both
        for line in git(hosted, "config", "--get-regexp", "^(core.fsync|receive)").splitlines():
            git(path, "config", *line.split(" ", 1))
    git(hosted, "config", ROOT_SETTING, hosted.with_suffix(".root").read_text("ascii").strip())
    place = Place(
        hosted,
        plain,
        [folder / f"writer-{n}.git" for n in range(count)],
        git(hosted, "rev-parse", MAIN),
        maker.desk.registry,
    )
    for clone in place.clones:
        with init(clone) as store:
            (clone / "objects/info/alternates").write_text(f"{plain}/objects\n")
            store.update_ref("refs/upstream/heads/main", place.base, None)
    return place, requests


def submit(place: Place, request: Wanted, clone: Path) -> str:
    """Open one request as a command does, and give its state."""
    with GitStore(clone) as store:
        forge = BareGit(Upstream(store, place.hosted.as_uri(), place.registry))
        title = f"add {min(request.files)}"
        return forge.open(
            request.files, title=title, body="", author=request.author, base=place.base, when=_BEGAN
        ).state


def push(place: Place, request: Wanted, clone: Path) -> str:
    """Push the same commit with git alone."""
    ref = str(RequestRef(request_id(request.files)))
    with GitStore(clone) as store:
        upstream = Upstream(store, "", place.registry)
        title = f"add {min(request.files)}"
        commit = upstream.commit_files(
            place.base, request.files, title=title, author=request.author, when=_BEGAN
        )
        subprocess.run(
            ["git", f"--git-dir={clone}", "push", "-q", place.plain.as_uri(), f"{commit}:{ref}"], check=True
        )
    return "pushed"


def at_once(work: Callable[[int], str], count: int) -> Timed:
    """Let so many processes begin in the same moment, and wait for all."""
    context = multiprocessing.get_context("fork")
    barrier, answers = context.Barrier(count + 1), context.SimpleQueue()

    def one(number: int) -> None:
        barrier.wait()
        began = time.perf_counter()
        try:
            answer = work(number)
        except MedperfError as error:
            answer = f"{type(error).__name__}: {error.message}"
        except Exception as error:  # noqa: BLE001 - a writer that fails is what is looked for
            answer = f"a bug: {error!r}"
        answers.put((number, answer, time.perf_counter() - began))

    processes = [context.Process(target=one, args=(n,)) for n in range(count)]
    for process in processes:
        process.start()
    used = _used()
    barrier.wait()
    began = time.perf_counter()
    found = sorted(answers.get() for _ in processes)
    took = time.perf_counter() - began
    for process in processes:
        process.join()
    return Timed([Told(*rest) for _, *rest in found], took, _used() - used)


def _used() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def faults(place: Place, requests: Sequence[Wanted], told: Sequence[Told]) -> list[str]:
    """What was lost, doubled, left unmerged or told wrongly; empty where all is as it must be."""
    found = []
    with GitStore(place.hosted) as store:
        main = store.rev(MAIN) or ""
        snapshot = store.snapshot(main)
        waiting = {request.id for request in open_requests(store.refs("refs/pull"))}
        merged = 0
        for request, answer in zip(requests, told, strict=True):
            number = request_id(request.files)
            there = all(snapshot.get(path) == data for path, data in request.files.items())
            merged += there
            if (reason := _wrong(request, answer.answer, there=there, open=number in waiting)) != "":
                found.append(f"request {number} ({request.expected}): {reason}; told: {answer.answer}")
        steps = store.first_parents(main, place.base)
        if len(steps) != merged:
            found.append(f"main has {len(steps)} new commits for {merged} merged requests")
        heads = Counter(parent for step in steps for parent in store.commit(step).parents[1:])
        found += [f"commit {head} was merged {times} times" for head, times in heads.items() if times > 1]
        for step in store.history(main, place.base):
            if check(store.change(step.parent, step.commit), sorts=CONSENSUS).verdict is Verdict.REJECT:
                found.append(f"commit {step.commit} is not lawful")
    taken = [r for r in requests if r.expected is Expected.CONTESTED]
    paths = {min(r.files) for r in taken}
    won = sum(t.answer == "merged" for r, t in zip(requests, told, strict=True) if r in taken)
    if won != len(paths):
        found.append(f"of {len(paths)} contested paths, {won} writers were told they have one")
    return found


def _wrong(request: Wanted, answer: str, *, there: bool, open: bool) -> str:  # noqa: A002 - as requests are
    match request.expected:
        case Expected.MERGED:
            return "" if there and answer == "merged" and not open else "was not merged"
        case Expected.WAITS:
            return "" if open and answer == "open" and not there else "does not wait"
        case Expected.CONTESTED:
            said = "merged" if there else "ConflictError"
            return "" if answer.startswith(said) and not open else "has another end than the writer was told"


def main() -> int:
    """Print a table; 1 if anything is wrong or too slow."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--writers", type=int, default=100)
    parser.add_argument("--entities", type=int, default=1000)
    given = parser.parse_args()
    print(facts())
    with tempfile.TemporaryDirectory() as folder:
        place, requests = set_up(Path(folder), given.entities, given.writers)
        plain = at_once(lambda n: push(place, requests[n], place.clones[n]), given.writers)
        real = at_once(lambda n: submit(place, requests[n], place.clones[n]), given.writers)
        wrong = faults(place, requests, real.told)
    for fault in wrong:
        print(fault)
    counted = Counter(t.answer.partition(":")[0] for t in real.told)
    print(", ".join(f"{count} {answer}" for answer, count in sorted(counted.items())))
    for name, timed in (("submitted", real), ("git push without hooks", plain)):
        slowest = max(t.seconds for t in timed.told)
        print(f"{name}: {timed.seconds:.1f} s (slowest {slowest:.1f} s), processors {timed.processor:.1f} s")
    return int(bool(wrong) or real.seconds > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
