"""Threats by who says what, on real git: a benchmark in operation, pushed at and merged past its hook."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from medperf_cli.adapters.forge.base import RequestState
from medperf_cli.core.check.findings import Verdict
from medperf_cli.flows.reading.sync import sync
from tests.support.acting import Action, act, decide, judge, keys, withdraw, write
from tests.support.attack import Scene
from tests.support.hosting import Hosted
from tests.support.office import office
from tests.support.story_fields import DATASET, FOREST, REFERENCE, TISSUE

BENCHMARK = f"benchmarks/{TISSUE}"
MODEL = f"associations/{TISSUE}/models/{FOREST}"
RESULT = f"results/{TISSUE}/{REFERENCE}/{DATASET}/1.yml"
OWN = f"associations/{TISSUE}/models/clara/tree/1.yml"
ZERO = "0" * 64


@pytest.fixture(scope="module")
def scene(templates: Callable[[int], Hosted], tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """All of the story but results; beside it a cube of a committee's member, and a revoked key."""
    host = templates(15).copy(tmp_path_factory.mktemp("attacked"))
    for actions in (
        [write("cubes/clara/tree/1.yml")],
        [write(f"{MODEL}/2.yml")],
        [
            write("members/st-mary/2.yml", keys=keys("st-mary", "st-mary-2")),
            decide("ada", "members/st-mary/2.yml"),
        ],
        [write("members/st-mary/3.yml", keys=keys("st-mary", "st-mary-2", revoked=("st-mary-2",)))],
    ):
        assert judge(host.world, *actions).verdict is not Verdict.REJECT
        host.enter(act(host.world, *actions).added)
    return Scene.set(host)


def clara(about: str, **given: object) -> Action:
    return decide("clara", about, **{"under": f"{BENCHMARK}/2.yml", **given})


def stolen(*keys_of: str) -> Action:
    return write("members/zoe/1.yml", keys=keys(*keys_of), signer=keys_of[0])


LOGIN = {"forge": "forge.example", "login": "ada", "number": 7}
ATTACKS: dict[str, tuple[list[Action], set[str]]] = {
    "a revoked key": ([write("datasets/st-mary/slides/1.yml", signer="st-mary-2")], {"SIG001"}),
    "a stolen key that withdraws its own revocation": (
        [withdraw("st-mary", "members/st-mary/3.yml", signer="st-mary-2")],
        {"SIG001", "DEC002"},
    ),
    "a stolen key that brings itself back": (
        [write("members/st-mary/4.yml", keys=keys("st-mary", "st-mary-2"), signer="st-mary-2")],
        {"MEM002"},
    ),
    "self-approval": ([write(OWN), clara(OWN)], {"DEC004"}),
    "one key for two members": ([stolen("acme")], {"MEM001"}),
    "an approval of version 1 used for version 2": (
        [clara(f"{MODEL}/2.yml", subject=f"pin {MODEL}/1.yml")],
        {"DEC001"},
    ),
    "an approval of different bytes": (
        [clara(f"{MODEL}/2.yml", subject={"path": f"{MODEL}/2.yml", "sha256": ZERO})],
        {"DEC001"},
    ),
    "an approval under an outdated authority": (
        [clara(f"{MODEL}/2.yml", under=f"{BENCHMARK}/1.yml")],
        {"DEC003"},
    ),
    "an approval by a non-member": (
        [decide("mallory", f"{MODEL}/2.yml", under=f"{BENCHMARK}/2.yml")],
        {"SIG001", "DEC003"},
    ),
    "an approval by a member without the role": (
        [decide("st-mary", f"{MODEL}/2.yml", under=f"{BENCHMARK}/2.yml")],
        {"DEC003"},
    ),
    "a committee that makes itself": (
        [
            write(f"{BENCHMARK}/3.yml", **{"committee.members": ["acme"]}),
            decide("acme", f"{BENCHMARK}/3.yml"),
        ],
        {"SIG001", "DEC003"},
    ),
    "a result for something not associated": (
        [write(f"results/{TISSUE}/clara/tree/{DATASET}/1.yml")],
        {"RES001"},
    ),
    "a result for other digests": (
        [write(RESULT, dataset={"path": f"datasets/{DATASET}/2.yml", "sha256": ZERO})],
        {"REF001", "RES001"},
    ),
    "a result signed by the model's owner": ([write(RESULT, signer="tumor-board")], {"SIG001"}),
    "skipping a version": (
        [write(f"cubes/{FOREST}/3.yml", previous=f"digest cubes/{FOREST}/1.yml")],
        {"VER001"},
    ),
    "a root by one admin of another key": (
        [
            {
                "root": {
                    "signed_by": {"ada": "mallory"},
                    "admins.members": [{"member": "ada", "key": "key mallory"}],
                }
            }
        ],
        {"SIG002", "ROOT001"},
    ),
    "an address that is not plain https": (
        [
            write("cubes/acme/tree/1.yml", links=["https://models.example.org/x"]),
            {
                "text": {
                    "path": "cubes/acme/tree/1.yml",
                    "old": "https://models.example.org/x",
                    "new": "file:///x",
                }
            },
        ],
        {"DOC002"},
    ),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_somebody_may_not_say(scene: Scene, attack: str) -> None:
    actions, rules = ATTACKS[attack]
    error = scene.refused_everywhere(scene.commit(scene.files(*actions)), *rules)
    assert {finding.rule for finding in error.findings} == rules


def test_one_login_for_two_members(scene: Scene) -> None:
    people = [write(f"members/{name}/1.yml", logins=[LOGIN]) for name in ("zoe", "yan")]
    votes = [decide("ada", f"members/{name}/1.yml") for name in ("zoe", "yan")]
    scene.refused_everywhere(scene.commit(scene.files(*people, *votes)), "MEM001")


HELD = {
    "a look-alike name": [write("members/st-rnary/1.yml"), decide("ada", "members/st-rnary/1.yml")],
    "an identifier in free text": [write("cubes/acme/tree/1.yml", description="slides of MRN 00123456")],
}


@pytest.mark.parametrize("what", HELD)
def test_what_asks_people_stops_the_bot_and_no_reader(host: Hosted, what: str) -> None:
    """Nobody's decision is missing, and the bot merges it not; once people did, it is lawful."""
    files = act(host.world, *HELD[what]).added
    assert host.member().open(files).state is RequestState.OPEN
    reader = office(host, "acme")
    merged = host.enter(files)
    assert sync(reader.deps).commit == merged
