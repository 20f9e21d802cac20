"""Requests of many writers for one registry: most of them AUTO, some that wait, some that want one path."""

from __future__ import annotations

import enum
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import registry_text as text
from generate_registry import Maker
from registry_story import Story

_KEPT_RESULTS = 5
"""Results of a dataset that others are compared with or that were withdrawn."""


class Expected(enum.StrEnum):
    """What must become of a request."""

    MERGED = "merged"
    WAITS = "waits"
    CONTESTED = "contested"
    """One of two for the same path is merged, the other refused."""


@dataclass(frozen=True)
class Wanted:
    """What one writer asks for: by whom, and the signed files by path below `registry/`."""

    author: str
    files: dict[str, bytes]
    expected: Expected


def wanted(maker: Maker, story: Story, count: int) -> list[Wanted]:
    """So many requests on the last commit of main, each by itself lawful.

    Of ten, seven are merged (results corrected or withdrawn, datasets, a cube), one waits for people (a new
    member), and two want the same path (cubes).
    """
    _, maker.desk.seen = maker.history[-1]
    results = _results(story)
    one = Expected.MERGED, partial(_corrected, results)
    gone = Expected.MERGED, partial(_withdrawn, results)
    data, rival = (Expected.MERGED, _dataset), (Expected.CONTESTED, _rival)
    waiting, cube = (Expected.WAITS, _member), (Expected.MERGED, _cube)
    kinds = (one, data, rival, one, cube, waiting, gone, rival, data, one)
    found = []
    for place in range(count):
        expected, write = kinds[place % len(kinds)]
        found.append(_written(maker, story, partial(write, story, place), expected))
    return found


def _written(maker: Maker, story: Story, write: Callable[[], str], expected: Expected) -> Wanted:
    """What is written now, as if nobody else had written anything since main."""
    del story
    desk = maker.desk
    pins = dict(desk.pins)
    author = write()
    files, desk.files, desk.pins = desk.files, {}, pins
    return Wanted(author, files, expected)


def _results(story: Story) -> Iterator[str]:
    """Results that stand, of one dataset after the other; the last one takes part no more."""
    for dataset in story.datasets[:-1]:
        yield from islice(story.results[dataset], _KEPT_RESULTS, None)


def _corrected(results: Iterator[str], story: Story, place: int) -> str:
    del place
    _, _, _, vendor, model, hospital, dataset, _ = next(results).split("/")
    story.correct(f"{vendor}/{model}", f"{hospital}/{dataset}")
    return hospital


def _withdrawn(results: Iterator[str], story: Story, place: int) -> str:
    path = next(results)
    owner = path.split("/")[5]
    story.desk.decide(owner, path, "withdraw", "", f"measured with a wrong protocol, case {place}")
    return owner


def _dataset(story: Story, place: int) -> str:
    desk, hospital = story.desk, story.hospitals[place % len(story.hospitals)]
    charter = desk.pin(f"benchmarks/{story.benchmark}/3.yml")
    body = text.dataset("Radiology", desk.pin(story.cubes[0]), charter)
    desk.write("dataset", f"{hospital}/more-{place:03d}", 1, body, [hospital])
    return hospital


def _cube(story: Story, place: int) -> str:
    return _named(story, f"more-{place:03d}")


def _rival(story: Story, place: int) -> str:
    return _named(story, f"rival-{place // 10:03d}")


def _named(story: Story, name: str) -> str:
    vendor = story.vendors[0]
    body = text.cube("model", story.desk.digits(), description=f"The model {name}", operation=True)
    story.desk.write("cube", f"{vendor}/{name}", 1, body, [vendor])
    return vendor


def _member(story: Story, place: int) -> str:
    name = f"newcomer-{place:03d}"
    body = text.member(name, person=False, login=99_000_000 + place, keys=[(story.desk.key(name).text, "")])
    story.desk.write("member", name, 1, body, [name])
    return name
