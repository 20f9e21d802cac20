"""Where a rule asks the registry for what it needs, it finds what reading every file would have found."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medperf_cli.core import snapshot as snap
from medperf_cli.core.check.engine import check
from medperf_cli.core.check.findings import Finding
from medperf_cli.core.check.rules import holds, members
from medperf_cli.core.check.submission import Submission
from medperf_cli.core.entities.member import Login
from medperf_cli.core.names import FOLDERS, EntityPath, Kind, parse_path
from tests.support.keys import member_key
from tests.support.world import World, genesis, member_file

NAMES = ["mgh", "mgh-1", "mgh-l", "acme", "acrne", "zoe"]
KEYS = ["one", "two", "three", "four"]
NUMBERS = [1, 2, 12, 121]
KIND_IDS = {Kind.MEMBER: "mgh", Kind.CUBE: "mgh/unet", Kind.DECISION: "members/mgh/1/ada", Kind.ROOT: ""}


def holders_by_reading(
    submission: Submission, keys: Iterable[str], logins: Iterable[Login] = ()
) -> list[EntityPath]:
    """As the rules did it before: every member's file is read."""
    del keys, logins
    found = submission.after.reader.snapshot.list(FOLDERS[Kind.MEMBER])
    return [parse_path(text) for text in found if text.endswith(".yml")]


def siblings_by_reading(submission: Submission, path: EntityPath) -> set[str]:
    folder = "/".join([FOLDERS[path.kind], *path.parts[:-1]])
    depth = folder.count("/") + 1
    found = submission.after.reader.snapshot.list(folder)
    return {p.split("/")[depth] for p in found} - {path.parts[-1]}


def versions_by_reading(snapshot: snap.Snapshot, kind: Kind, entity_id: str) -> list[EntityPath]:
    prefix = f"{FOLDERS[kind]}/{entity_id}" if entity_id else FOLDERS[kind]
    depth = prefix.count("/") + 1
    found = (p for p in snapshot.list(prefix) if p.endswith(".yml") and p.count("/") == depth)
    return sorted(parse_path(p) for p in found)


fields = st.fixed_dictionaries({
    "keys": st.lists(st.sampled_from(KEYS), min_size=1, max_size=2, unique=True),
    "logins": st.lists(st.sampled_from(NUMBERS), max_size=2, unique=True),
    "forge": st.sampled_from(["forge.example", "other.example"]),
    "approved": st.booleans(),
})  # fmt: skip


def written(world: World, name: str, given_: dict[str, Any]) -> dict[str, bytes]:
    keys = [{"key": member_key(word).public_text, "label": word} for word in given_["keys"]]
    logins = [{"forge": given_["forge"], "login": name, "number": n} for n in given_["logins"]]
    added = member_file(world, name, keys=keys, logins=logins)
    vote = world.decide("ada", f"members/{name}/1.yml", added=added) if given_["approved"] else {}
    return {**added, **vote}


def said(world: World, added: dict[str, bytes]) -> list[Finding]:
    report = check(world.change(added))
    return [finding for finding in report.findings if finding.rule in ("MEM001", "MEM003", "HOLD001")]


@settings(deadline=None, max_examples=150)
@given(
    standing=st.dictionaries(st.sampled_from(NAMES), fields, max_size=4),
    coming=st.dictionaries(st.sampled_from(NAMES), fields, min_size=1, max_size=2),
)
def test_whose_key_and_login_it_is(standing: dict[str, Any], coming: dict[str, Any]) -> None:
    world = World()
    world.force(genesis(recorder={"key": member_key("three").public_text}))
    for name, given_ in standing.items():
        world.force(written(world, name, given_))
    added: dict[str, bytes] = {}
    for name, given_ in coming.items():
        added |= written(world, name, given_)
    quick = said(world, added)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(members, "_holders", holders_by_reading)
        patch.setattr(holds, "_siblings", siblings_by_reading)
        assert said(world, added) == quick


def test_these_rules_do_speak() -> None:
    world = World()
    world.force(genesis(recorder={"key": member_key("three").public_text}))
    one = {"keys": ["one", "three"], "logins": [12], "forge": "forge.example", "approved": True}
    world.force(written(world, "mgh-1", one))
    found = said(world, written(world, "mgh-l", one))
    assert {finding.rule for finding in found} == {"MEM001", "MEM003", "HOLD001"}
    assert len(found) == 4, "the key, the login, the recorder's key, the name"


@given(
    files=st.sets(st.sampled_from([
        *("members/mgh/1.yml", "members/mgh/2.yml", "members/mgh/10.yml", "members/mgh/1.sig"),
        *("cubes/mgh/unet/1.yml", "cubes/mgh/unet/2.yml", "root/1.yml", "root/1.ada.sig", "root/2.yml"),
        *("decisions/members/mgh/1/ada/1.yml", "decisions/members/mgh/1/ada/2.yml", "cubes/mgh/other/1.yml"),
    ])),
    kind=st.sampled_from(sorted(KIND_IDS)),
)  # fmt: skip
def test_which_versions_there_are(files: set[str], kind: Kind) -> None:
    base = snap.MemorySnapshot(dict.fromkeys(files, b"x"))
    for snapshot in (base, snap.Overlay(base, {"members/mgh/3.yml": b"y"})):
        expected = versions_by_reading(snapshot, kind, KIND_IDS[kind])
        assert snap.versions(snapshot, kind, KIND_IDS[kind]) == expected
