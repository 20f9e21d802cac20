"""The whole story of a registry, act by act: from its founding to a number proved with stock tools.

Each scene is a function on a `Stage`; `play` sets a stage up to any act, for the demo, tutorials and tests.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from story.associating import associate
from story.datasets import prepare_data
from story.defining import define
from story.founding import found
from story.going_wrong import go_wrong
from story.joining import join
from story.models import submit_models
from story.proving import prove
from story.publishing import publish_results
from story.running import run_models
from story.stage import SceneError, Stage
from story.world import set_up

ACTS: dict[str, Callable[[Stage], None]] = {
    "founding": found,
    "joining": join,
    "defining": define,
    "models": submit_models,
    "datasets": prepare_data,
    "associating": associate,
    "running": run_models,
    "publishing": publish_results,
    "going-wrong": go_wrong,
    "proving": prove,
}
"""What happens, in this order; each act needs those before it."""


def play(stage: Stage, until: str | None = None) -> dict[str, float]:
    """Clear the stage and play from the beginning, up to and including act `until`, or all.

    Returns:
        Seconds by act; `building` comes first.

    Raises:
        SceneError: a command did not do what the story says, or there is no such act.

    """
    names = list(ACTS)
    if until not in (None, *names):
        raise SceneError(f"there is no act '{until}': {', '.join(names)}")
    last = len(names) if until is None else names.index(until) + 1
    seconds, began = {}, time.monotonic()
    for name, act in [("building", set_up), *list(ACTS.items())[:last]]:
        act(stage)
        seconds[name], began = time.monotonic() - began, time.monotonic()
    return seconds
