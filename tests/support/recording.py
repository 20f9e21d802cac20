"""A registry whose root lets a merge bot record what a committee of two approves in a forge's page."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.support.acting import Action, act, decide, record, root, write
from tests.support.story_fields import FOREST, TISSUE
from tests.support.world import World

CHARTER = f"benchmarks/{TISSUE}/3.yml"
ASSOCIATION = f"associations/{TISSUE}/models/{FOREST}/1.yml"
RECORDED = f"recorded/{ASSOCIATION.removesuffix('.yml')}"
RECORDER = {"recorder": {"key": "key recorder"}, "recorded_kinds": ["association"]}
Enter = Callable[[Mapping[str, bytes]], object]


def allow_recording(
    world: World, enter: Enter, login: Callable[[str], object] = lambda name: f"login {name}"
) -> None:
    """Move to format 2 with a recorder; boris and clara, with logins, become the committee.

    Args:
        world: the story up to "a model is submitted".
        enter: puts a lawful change into the world (and into what else holds it).
        login: a member's account.

    """

    def merged(*actions: Action) -> None:
        enter(act(world, *actions).added)

    merged(root(2, "ada", format=2, **RECORDER))
    for path, name in (("members/boris/1.yml", "boris"), ("members/clara/2.yml", "clara")):
        merged(write(path, logins=[login(name)]), decide("ada", path, under="root/2.yml"))
    committee = {"committee.threshold": 2, "committee.members": ["boris", "clara"]}
    merged(write(CHARTER, **committee), decide("clara", CHARTER, under=f"benchmarks/{TISSUE}/2.yml"))


def asked() -> Action:
    """A model asks to take part."""
    return write(ASSOCIATION)


def recorded(by: str, **given: object) -> Action:
    """A committee member approves that in the forge."""
    return record(by, ASSOCIATION, **{"under": CHARTER, **given})


def signed(by: str, **given: object) -> Action:
    """A committee member decides about it by signing."""
    return decide(by, ASSOCIATION, **{"under": CHARTER, **given})
