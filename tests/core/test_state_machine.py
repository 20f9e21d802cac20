"""Many members act at random, lawfully or not: the registry is at each step what a naive model says it is.

`MEDPERF_STATE_MACHINE=2000 pytest -s tests/core/test_state_machine.py` plays so many histories, others each
time, and prints what happened how often.
"""

from __future__ import annotations

import os
import sys
from collections import Counter

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from tests.support.registry_play import MOVES, Play, played
from tests.support.registry_stages import STAGES

pytestmark = pytest.mark.xdist_group("state machine")  # both tests look at the same histories

LONG = int(os.environ.get("MEDPERF_STATE_MACHINE", "0"))
HISTORIES, STEPS = 80, 30
SEED = st.integers(0, 2**32 - 1)
"""What one request is made of: quicker than a draw for each word of it, and steps still shrink."""
MOVE = st.sampled_from(MOVES)
SEEN: Counter[str] = Counter()

_LAWFUL = "approve associate benchmark cube dataset join rekey result retract revoke root withdraw"
_RULES = (
    "APP001 APP002 APP003 ASC002 DEC001 DEC002 DEC003 DEC004 DEC005 DOC004 DOC005 FRZ001 FRZ002 MEM001 "
    "MEM002 REF002 RES001 RES005 ROOT001 ROOT002 SIG001 SIG002 TREE001 TREE002 TREE003 VER001 VER002 VER003"
)
_STANDINGS = {
    "member": "pending effective revoked",
    "benchmark": "pending effective revoked withdrawn",
    "association": "pending effective withdrawn",
    "cube": "effective revoked withdrawn",
    "dataset": "effective withdrawn",
    "result": "effective withdrawn",
}
REACHED = {
    **dict.fromkeys((f"{move}: lawful" for move in _LAWFUL.split()), 5),
    **dict.fromkeys((f"{move}: refused" for move in _LAWFUL.split()), 5),
    **dict.fromkeys((f"said: {rule}" for rule in _RULES.split()), 1),
    **{f"{kind}: {word}": 1 for kind, words in _STANDINGS.items() for word in words.split()},
    **dict.fromkeys(
        ("together: lawful", "replay: lawful", "replay: waits", "two lawful alone, not together"), 1
    ),
    **dict.fromkeys(("approve: waits", "revoke: waits", "root: waits", "edit: refused"), 5),
}
"""What all histories together must reach, and how often at the least."""


class Registry(RuleBasedStateMachine):
    """Hypothesis chooses who begins where and which moves are made."""

    play: Play | None = None

    @initialize(where=st.sampled_from([*STAGES, STAGES[-1]]))
    def begin(self, where: str) -> None:
        self.play = Play.begin(where, SEEN)

    @rule(seed=SEED, name=MOVE)
    def act(self, seed: int, name: str) -> None:
        self.playing.act(seed, name)

    @rule(seed=SEED)
    def go_on(self, seed: int) -> None:
        self.playing.go_on(seed)

    @property
    def playing(self) -> Play:
        assert self.play is not None
        return self.play

    def teardown(self) -> None:
        if self.play is not None:
            self.play.finish()


@pytest.fixture(scope="module")
def seen() -> Counter[str]:
    """What happened in all histories, of which none disagreed with the model."""
    how = settings(
        max_examples=LONG or HISTORIES,
        stateful_step_count=STEPS,
        derandomize=not LONG,
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    SEEN.clear()
    run_state_machine_as_test(Registry, settings=how)
    for seed in range(HISTORIES):  # by chance alone: Hypothesis leaves some moves out of most histories
        played(seed, STEPS, SEEN)
    return SEEN


def test_the_play_reaches_what_is_hard(seen: Counter[str]) -> None:
    """That nothing disagreed says little unless it happened."""
    short = {what: seen[what] for what, times in REACHED.items() if seen[what] < times}
    assert not short


def test_the_registry_is_what_the_model_says(seen: Counter[str]) -> None:
    assert seen["steps"] > 10 * HISTORIES
    if LONG:
        report = [f"{times:7} {what}" for what, times in sorted(seen.items())]
        sys.stdout.write("\n".join(report))
