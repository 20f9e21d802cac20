"""What a new root changes, in plain words, for those who are asked to sign it."""

from __future__ import annotations

from collections.abc import Iterator

from medperf_cli.core.entities.root import Admins, Root
from medperf_cli.core.ssh_keys import parse_public_key

_SCALARS = (
    ("title", "title"),
    ("format", "format of the rules"),
    ("minimum_tool", "oldest tool that may be used"),
    ("expires", "holds until"),
)


def root_changes(old: Root, new: Root) -> list[str]:
    """One line for each difference, and one for who decides, which is what a root is for."""
    return [*_scalars(old, new), *_admins(old.admins, new.admins), *_recorded(old, new), *_limits(old, new)]


def _scalars(old: Root, new: Root) -> Iterator[str]:
    for name, words in _SCALARS:
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            yield f"{words}: {before} -> {after}"


def _admins(old: Admins, new: Admins) -> Iterator[str]:
    before = {admin.member: admin.key for admin in old.members}
    after = {admin.member: admin.key for admin in new.members}
    for name in sorted(before.keys() - after.keys()):
        yield f"{name} is no admin any more"
    for name in sorted(after.keys() - before.keys()):
        yield f"{name} becomes an admin, with key {_fingerprint(after[name])}"
    for name in sorted(before.keys() & after.keys()):
        if before[name] != after[name]:
            keys = f"{_fingerprint(before[name])} -> {_fingerprint(after[name])}"
            yield f"admin {name} signs with another key: {keys}"
    if (old.threshold, len(before)) != (new.threshold, len(after)):
        yield f"admins who decide together: {_of(old)} -> {_of(new)}"
    else:
        yield f"admins who decide together: {_of(new)}, as before"


def _recorded(old: Root, new: Root) -> Iterator[str]:
    before, after = ("none" if r.recorder is None else _fingerprint(r.recorder.key) for r in (old, new))
    if before != after:
        yield f"the merge bot's recorder key: {before} -> {after}"
    kinds = [", ".join(r.recorded_kinds) or "none" for r in (old, new)]
    if kinds[0] != kinds[1]:
        yield f"kinds for which the forge's word suffices: {kinds[0]} -> {kinds[1]}"


def _limits(old: Root, new: Root) -> Iterator[str]:
    before, after = old.limits.model_dump(), new.limits.model_dump()
    for name, value in after.items():
        if before[name] != value:
            yield f"limit {name}: {before[name]} -> {value}"


def _of(admins: Admins) -> str:
    return f"{admins.threshold} of {len(admins.members)}"


def _fingerprint(key: str) -> str:
    return parse_public_key(key).fingerprint
