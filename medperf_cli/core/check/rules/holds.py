"""Rules that stop the merge bot and ask people; replay of history ignores them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from medperf_cli.core.check.rules.table import Fault, Sort, rule
from medperf_cli.core.check.submission import Submission
from medperf_cli.core.names import FOLDERS, EntityPath, Kind

_ALIKE = str.maketrans({"0": "o", "1": "l", "i": "l", "5": "s", "8": "b", "2": "z", "-": None})
_PAIRS = (("rn", "m"), ("vv", "w"), ("cl", "d"))
_IDENTIFIERS = (
    (re.compile(r"\b\d{3}-\d{2}-\d{4}\b"), "a social security number"),
    (
        re.compile(r"\b(?:mrn|patient[ _-]?(?:id|no|number)|pid)\s*[:#=]?\s*\d{4,}", re.IGNORECASE),
        "a patient number",
    ),
    (re.compile(r"\b(?:dob|born|date of birth)\W{0,3}\d", re.IGNORECASE), "a date of birth"),
    (re.compile(r"\b\d{3} ?\d{3} ?\d{4}\b"), "a health service or telephone number"),
)
_TEXTS = ("description", "message", "reason", "population", "location", "title", "name", "ethics_approval")


def skeleton(name: str) -> str:
    """A name with look-alike characters folded together, hyphens dropped."""
    folded = name.translate(_ALIKE)
    for pair, single in _PAIRS:
        folded = folded.replace(pair, single)
    return folded


@rule("HOLD001", "a new name does not look like another", sort=Sort.HOLD)
def look_alike(submission: Submission) -> Iterator[Fault]:
    """`mgh-1` and `mgh-l` on a leaderboard would deceive; people decide whether it is meant."""
    kinds = (Kind.MEMBER, Kind.CUBE, Kind.BENCHMARK, Kind.DATASET)
    for path in submission.entities:
        if path.version != 1 or path.kind not in kinds:
            continue
        for other in _siblings(submission, path):
            if skeleton(other) == skeleton(path.parts[-1]):
                yield Fault(path, f"its name looks like '{other}'", "choose a name that cannot be confused")


def _siblings(submission: Submission, path: EntityPath) -> set[str]:
    """Names beside the new one: all members, or what else its member has of that kind."""
    folder = "/".join([FOLDERS[path.kind], *path.parts[:-1]])
    depth = folder.count("/") + 1
    found = submission.after.reader.snapshot.list(folder)
    return {p.split("/")[depth] for p in found} - {path.parts[-1]}


@rule("HOLD002", "no text looks like a patient's identifier", sort=Sort.HOLD)
def identifiers(submission: Submission) -> Iterator[Fault]:
    """Free text is public for ever; what looks like a number or birth date of a patient is read by people."""
    for path, entity in submission.entities.items():
        for field in _TEXTS:
            yield from _identified(path, field, getattr(entity, field, None))
        prepared = getattr(entity, "prepared", None)
        if prepared is not None:
            yield from _identified(path, "prepared", [prepared.statistics, prepared.metadata])


def _identified(path: EntityPath, field: str, value: Any) -> Iterator[Fault]:
    if isinstance(value, str):
        for pattern, what in _IDENTIFIERS:
            if pattern.search(value):
                yield Fault(path, f"field '{field}' holds what looks like {what}", "remove it, submit anew")
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _identified(path, f"{field}.{key}", item)
    elif isinstance(value, list):
        for item in value:
            yield from _identified(path, field, item)
