"""A round of the merge bot over many open requests on the simulated GitHub: calls, pushes, seconds.

Usage: python benchmarks/bot_round.py [--requests 50]

The forge answers over HTTP and git's smart HTTP from this machine, so seconds are those of the work, not of a
network; the reference is as many bare calls of its web interface. Ends with 1 where a promise was not kept.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import requests

from medperf_cli.core.names import Kind
from medperf_cli.flows.hosting.hosted_bot import CALLS
from tests.support.forges.repository import Pull
from tests.support.hosted_desk import HostedDesk, on_forge, recorder
from tests.support.hosting import hosted
from tests.support.recording import CHARTER, allow_recording
from tests.support.story_fields import TISSUE, association_fields, cube_fields
from tests.support.world import member_file

SHARES = {"models": 0.4, "associations": 0.2, "members": 0.2, "one path": 0.1, "unsigned": 0.1}
"""Of the requests of a round, by what they ask for."""
ADMITTED = 11
"""Steps of the story after which a committee can decide about models."""


@dataclass(frozen=True)
class Row:
    """One round: calls of the web interface (and a request), pushes of main, seconds; what became of what."""

    work: str
    requests: int
    calls: int
    pushes: int
    seconds: float
    bare: float
    fates: dict[str, int]

    @property
    def kept(self) -> bool:
        """Whether it needed as few calls and pushes as was promised."""
        return self.calls <= CALLS * self.requests and self.pushes <= 1

    def __str__(self) -> str:
        fates = ", ".join(f"{count} {fate}" for fate, count in sorted(self.fates.items()))
        measured = (
            f"{self.calls / self.requests:.2f} calls a request, {self.pushes} push, {self.seconds:.1f} s"
        )
        promise = f"<= {CALLS} calls a request, one push"
        bare = f"{self.bare:.1f} s for {self.calls} bare calls"
        end = "yes" if self.kept else "NO"
        return f"| {self.work} ({fates}) | {self.requests} | {measured} | {bare} | {promise} | {end} |"


def ask_for_everything(desk: HostedDesk, count: int) -> list[Pull]:
    """Open requests of every sort; of those that need decisions, half have them."""
    sorts = [sort for sort, share in SHARES.items() for _ in range(round(share * count))]
    makers: dict[str, Callable[[HostedDesk, int], Pull]] = {
        "models": _model,
        "associations": _association,
        "members": _member,
        "one path": _one_path,
        "unsigned": _unsigned,
    }
    desk.enter(
        {p: d for n, sort in enumerate(sorts) if sort == "associations" for p, d in _cube(desk, n).items()}
    )
    return [makers[sort](desk, number) for number, sort in enumerate(sorts)]


def ask_for_reviews(desk: HostedDesk, count: int) -> list[Pull]:
    """Open requests that all wait for approvals in the page, of which one of two is there."""
    desk.enter({p: d for n in range(count) for p, d in _cube(desk, n).items()})
    return [_association(desk, 2 * number + 1) for number in range(count)]


def _cube(desk: HostedDesk, number: int, **fields: object) -> dict[str, bytes]:
    fields = cube_fields("model", "infer", "4", description=f"no {number}", **fields)
    return desk.world.write(Kind.CUBE, f"acme/model{number:03d}x", **fields)


def _model(desk: HostedDesk, number: int) -> Pull:
    return desk.ask(_cube(desk, number))


def _association(desk: HostedDesk, number: int) -> Pull:
    model = f"acme/model{number:03d}x"
    if f"cubes/{model}/1.yml" not in desk.world.files:
        model = f"acme/model{number // 2:03d}x"
    fields = association_fields(desk.world, CHARTER, f"cubes/{model}/1.yml")
    pull = desk.ask(desk.world.write(Kind.ASSOCIATION, f"{TISSUE}/models/{model}", **fields))
    for name in ("boris", "clara")[: 2 - number % 2]:
        desk.forge.review(pull, name)
    return pull


def _member(desk: HostedDesk, number: int) -> Pull:
    files = member_file(desk.world, f"newcomer{number:03d}x")
    pull = desk.ask(files)
    if number % 2:
        subject = f"members/newcomer{number:03d}x/1.yml"
        desk.speak(pull, desk.world.decide("ada", subject, added=files, authority="root/2.yml"))
    return pull


def _one_path(desk: HostedDesk, number: int) -> Pull:
    fields = cube_fields("model", "infer", "4", description=f"no {number}")
    return desk.ask(desk.world.write(Kind.CUBE, "acme/wanted", **fields), login=f"writer{number}")


def _unsigned(desk: HostedDesk, number: int) -> Pull:
    return desk.ask({path: data for path, data in _cube(desk, number).items() if path.endswith(".yml")})


def measured(desk: HostedDesk, work: str) -> Row:
    """One round."""
    desk.calls()
    log = len(desk.forge.faults.log)
    began = time.perf_counter()
    outcomes = desk.run()
    seconds = time.perf_counter() - began
    calls = len(desk.calls())
    pushes = sum(asked.path.endswith("/git-receive-pack") for asked in desk.forge.faults.log[log:])
    fates = Counter(str(outcome.fate) for outcome in outcomes.values())
    return Row(work, len(outcomes), calls, pushes, seconds, _bare(desk, calls), dict(fates))


def _bare(desk: HostedDesk, calls: int) -> float:
    began = time.perf_counter()
    with requests.Session() as session:
        for _ in range(calls):
            session.get(f"{desk.forge.url}/api/v3/user", headers={"Authorization": f"token {desk.token}"})
    return time.perf_counter() - began


def rows(folder: Path, count: int) -> Iterator[Row]:
    """Rounds over as many requests of every sort, over the same again, and over as many that want reviews."""
    asking: dict[str, Callable[[HostedDesk, int], object]] = {
        "bot round": ask_for_everything,
        "bot round, reviews wanted": ask_for_reviews,
    }
    for number, (work, ask) in enumerate(asking.items()):
        place = folder / str(number)
        with on_forge(place, hosted(place / "host", ADMITTED)) as desk:
            desk.signer = recorder(desk)
            allow_recording(desk.world, desk.enter, desk.login)
            ask(desk, count)
            yield measured(desk, work)
            yield measured(desk, f"{work}, again")


def main(arguments: Sequence[str]) -> int:
    """Print the rows."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=50)
    count = parser.parse_args(arguments).requests
    print("| work | requests | measured | reference | must reach | |\n|---|---|---|---|---|---|")
    kept = True
    with tempfile.TemporaryDirectory() as folder:
        for row in rows(Path(folder), count):
            print(row, flush=True)
            kept = kept and row.kept
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
