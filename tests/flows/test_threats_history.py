"""Threats by history, on real git: going back, going round, coming again, trees that git would not write."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest

from medperf_cli.adapters.store.index_rows import Filter
from medperf_cli.core.check.findings import Verdict
from medperf_cli.core.names import Kind
from medperf_cli.core.requests import MAIN
from medperf_cli.errors import IntegrityError, NetworkError
from medperf_cli.flows.reading.listing import listed
from medperf_cli.flows.reading.replay import LawlessError
from medperf_cli.flows.reading.sync import sync
from tests.support.acting import act, decide, judge, write
from tests.support.attack import CUBE, Scene, in_registry
from tests.support.hosting import Hosted, hosted
from tests.support.story_fields import TISSUE
from tests.support.world import genesis

BENCHMARK = f"benchmarks/{TISSUE}"
YEAR_2099 = int(dt.datetime(2099, 1, 1, tzinfo=dt.UTC).timestamp())


@pytest.fixture(scope="module")
def scene(templates: Callable[[int], Hosted], tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return Scene.set(templates(5).copy(tmp_path_factory.mktemp("attacked")))


def test_rollback(scene: Scene) -> None:
    before = scene.repository.git("rev-parse", f"{scene.good}~2")
    assert "does not go on from where main stands" in scene.pushed(f"+{before}")
    assert isinstance(scene.forced(before), IntegrityError)


def test_a_force_push_of_other_lawful_commits(scene: Scene) -> None:
    other = scene.commit(scene.files(write(CUBE)), on=f"{scene.good}~1")
    assert "does not go on from where main stands" in scene.pushed(f"+{other}")
    assert isinstance(scene.forced(other), IntegrityError)


def test_the_same_registry_begun_anew(scene: Scene) -> None:
    """The pinned root and all that stands in main, in one commit without a past."""
    tree = scene.repository.git("rev-parse", f"{scene.good}^{{tree}}")
    anew = scene.repository.commit_tree(tree)
    assert "does not go on" in scene.pushed(f"+{anew}")
    assert isinstance(scene.forced(anew), IntegrityError)


def test_a_fast_forward_past_the_first_parent_chain(scene: Scene) -> None:
    """Its first parent is the attacker's own commit: main is among its ancestors, and hidden."""
    side = scene.commit({"registry/members/acme/1.yml": b"x: 1\n"}, on=f"{scene.good}~1")
    tree = scene.repository.git("rev-parse", f"{scene.good}^{{tree}}")
    bent = scene.repository.commit_tree(tree, side, scene.good)
    assert "does not go on from where main stands" in scene.pushed(bent)
    error = scene.forced(bent)
    assert isinstance(error, IntegrityError)
    assert not isinstance(error, LawlessError)


def test_a_merge_commit_that_brings_more_than_both_its_sides(scene: Scene) -> None:
    """An evil merge: neither parent has the file; the step from the first parent shows it."""
    one = scene.commit(scene.files(write(CUBE)))
    tree = scene.commit(scene.files(write(CUBE)) | {"registry/cubes/acme/.gitattributes": b"* text\n"})
    merge = scene.repository.commit_tree(f"{tree}^{{tree}}", scene.good, one)
    scene.refused_everywhere(merge, "TREE001")


def test_a_commit_dated_2099(host: Hosted) -> None:
    """The hook refuses it; past the hook it is lawful, since no clock is asked, and the reader is warned."""
    scene = Scene.set(host)
    late = scene.commit(scene.files(write(CUBE)), time=YEAR_2099)
    assert "is dated 2099-01-01" in scene.pushed(late)
    scene.repository.git("update-ref", MAIN, late)
    assert sync(scene.reader.deps).commit == late
    assert any("clock is before the registry's last change" in text for text in scene.reader.talk.said)
    assert [row["id"] for row in listed(scene.reader.deps, Kind.CUBE, Filter())] == ["acme/tree"]


def test_replay_of_an_old_closed_submission(tmp_path: Path) -> None:
    limits = {"seen_commits": 10, "change_entities": 10, "change_bytes": 65_536}
    host = hosted(tmp_path, first=genesis(limits=limits))
    closed = act(host.world, write("cubes/ada/tree/1.yml")).added
    for number in range(11):
        host.enter(host.cube(f"bush-{number}", "ada"))
    scene = Scene.set(host)
    error = scene.refused_everywhere(scene.commit(in_registry(closed)), "DOC005")
    assert "is 11 commits old, more than 10" in error.findings[0].message


def test_replay_of_a_submission_that_was_merged(host: Hosted) -> None:
    files = host.cube("tree")
    host.enter(files)
    scene = Scene.set(host)
    again = scene.commit(in_registry(files), on=f"{scene.good}~1")
    tree = scene.repository.git("rev-parse", f"{again}^{{tree}}")
    assert tree == scene.repository.git("rev-parse", f"{scene.good}^{{tree}}"), "the same bytes are no change"
    other = in_registry(host.cube("tree", description="other bytes at a path that is taken"))
    scene.refused_everywhere(scene.commit(other), "TREE001")


@pytest.mark.parametrize("host", [10], indirect=True)
def test_two_changes_valid_alone_and_invalid_together(host: Hosted) -> None:
    """As one merge of both branches, and as one merge after the other."""
    three = f"{BENCHMARK}/3.yml"
    policy = write(three, **{"association_policy.models": {"mode": "always"}})
    host.enter(act(host.world, policy).added)
    never = {"association_policy.models": {"mode": "never"}, "title": "Masses"}
    approval, overtaking = (
        decide("clara", three, under=f"{BENCHMARK}/2.yml"),
        write(f"{BENCHMARK}/4.yml", **never),
    )
    assert judge(host.world, approval).verdict is judge(host.world, overtaking).verdict is Verdict.AUTO
    scene = Scene.set(host)
    one, two = scene.commit(scene.files(approval)), scene.commit(scene.files(overtaking))
    both = scene.commit(scene.files(approval) | scene.files(overtaking))
    merged = scene.repository.commit_tree(f"{both}^{{tree}}", scene.good, one, two)
    scene.refused_everywhere(merged, "VER003")
    late = scene.commit(scene.files(approval), on=two)
    assert "DEC002" in scene.pushed(late)
    error = scene.forced_to_last_good(late, two)
    assert {finding.rule for finding in error.findings} == {"DEC002", "DEC003"}


# --- trees that git would not write


@pytest.fixture
def careless(host: Hosted) -> Scene:
    """A host that takes whatever objects are sent to it."""
    scene = Scene.set(host)
    scene.repository.git("config", "receive.fsckObjects", "false")
    return scene


def broken(name: str, found: dict[bytes, bytes], blob: bytes) -> bytes:
    """The entries of a registry's tree, with one thing wrong."""
    whole = b"".join(found.values())
    return {
        "two entries of one name": whole.replace(found[b"members"], found[b"members"] * 2),
        "a file and a folder of one name": whole + b"100644 members\0" + blob,
        "not in order": b"".join(reversed(found.values())),
        "a mode with a zero before it": whole.replace(b"40000 ", b"040000 "),
        "a file called .git": b"100644 .git\0" + blob + whole,
        "a name that leads up": b"100644 ..\0" + blob + whole,
        "a name with a slash": whole + b"100644 root/2.yml\0" + blob,
        "an empty name": b"100644 \0" + blob + whole,
        "cut short": whole[:-4],
        "a mode that is none": whole + b"1x0644 zoe\0" + blob,
        "a mode of another sort": whole + b"10 zoe\0" + blob,
    }[name]


BROKEN = (
    *("two entries of one name", "a file and a folder of one name", "not in order"),
    *("a mode with a zero before it", "a file called .git", "a name that leads up", "a name with a slash"),
    *("an empty name", "cut short", "a mode that is none", "a mode of another sort"),
)


@pytest.mark.parametrize("name", BROKEN)
def test_a_tree_that_git_would_not_write(careless: Scene, name: str) -> None:
    blob = bytes.fromhex(careless.repository.git("hash-object", "-w", "--stdin", stdin=b"x\n"))
    registry = careless.repository.raw_tree(broken(name, careless.registry_entries(), blob))
    commit = careless.tree_on_main(registry)
    careless.pushed(commit)
    assert isinstance(careless.forced(commit), IntegrityError | NetworkError)


def test_a_tree_whose_objects_are_missing(careless: Scene) -> None:
    found = careless.registry_entries()
    lost = b"".join(found.values()) + b"40000 results\0" + b"\x11" * 20
    commit = careless.tree_on_main(careless.repository.raw_tree(lost))
    assert isinstance(careless.forced(commit), IntegrityError | NetworkError)
