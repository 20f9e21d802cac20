"""Rules that stop the merge bot and ask people; replay of history ignores them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from medperf_cli.core.check.rules.table import Fault, Sort, rule
from medperf_cli.core.check.submission import Submission
from medperf_cli.core.entities.member import Member
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
_NO_TEXTS = frozenset(
    {"schema", "registry", "id", "previous", "seen", "path", "sha256", "hash", "key", "image", "image_id"}
)
"""Fields that hold names, digests and keys: what they hold has rules of its own."""


@lru_cache(maxsize=8192)
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
        wanted = skeleton(path.parts[-1])
        for other in _siblings(submission, path):
            if skeleton(other) == wanted:
                yield Fault(path, f"its name looks like '{other}'", "choose a name that cannot be confused")


def _siblings(submission: Submission, path: EntityPath) -> set[str]:
    """Names beside the new one: all members, or what else its member has of that kind."""
    folder = "/".join([FOLDERS[path.kind], *path.parts[:-1]])
    found = submission.after.reader.snapshot.names(folder)
    return {name.rstrip("/") for name in found} - {path.parts[-1]}


@rule("HOLD002", "no text looks like a patient's identifier", sort=Sort.HOLD)
def identifiers(submission: Submission) -> Iterator[Fault]:
    """Free text is public for ever; what looks like a number or birth date of a patient is read by people."""
    for path, entity in submission.entities.items():
        for field, value in entity.document().items():
            yield from _identified(path, field, value)


def _identified(path: EntityPath, field: str, value: Any) -> Iterator[Fault]:
    """What in a value, or in the keys of a mapping, looks like an identifier; `field` is its dotted name."""
    if field.rpartition(".")[2] in _NO_TEXTS:
        return
    if isinstance(value, str):
        for pattern, what in _IDENTIFIERS:
            if pattern.search(value):
                yield Fault(path, f"field '{field}' holds what looks like {what}", "remove it, submit anew")
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _identified(path, f"{field}, a key", key)
            yield from _identified(path, f"{field}.{key}", item)
    elif isinstance(value, list):
        for item in value:
            yield from _identified(path, field, item)


@rule("HOLD003", "an admin's key is replaced in the root before it is revoked", sort=Sort.HOLD)
def admin_key_revoked(submission: Submission) -> Iterator[Fault]:
    """A revoked key signs no root and no decision: a registry whose only admin did this could do nothing."""
    admins = {} if submission.root is None else {a.key: a.member for a in submission.root.admins.members}
    for path, member in submission.of(Member):
        for key in member.keys:
            if key.revoked is not None and admins.get(key.key) == path.id:
                message = f"revokes the key that the root in force names for admin '{path.id}'"
                yield Fault(path, message, "merge a root with another key first")
