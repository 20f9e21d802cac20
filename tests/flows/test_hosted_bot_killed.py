"""The bot on a forge may be killed at any step and run twice at once: nothing is lost, no page lies."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from medperf_cli.adapters.forge import api
from medperf_cli.adapters.forge.patience import Patient
from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.flows.hosting.hosted_status import MARK
from medperf_cli.flows.hosting.hosted_upstream import HostedUpstream
from medperf_cli.flows.hosting.merge_bot import Fate
from tests.support.forges.repository import Pull
from tests.support.hosted_desk import BOT, HostedDesk, on_forge
from tests.support.hosting import Hosted, replays
from tests.support.world import member_file

WRITES = ("comment", "edit_comment", "close")


@pytest.fixture
def desk(host: Hosted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HostedDesk]:
    monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "file:http")
    with on_forge(tmp_path, host) as desk:
        yield desk


class Killed(BaseException):
    """What no handler of the program catches, as the end of a process."""


class Steps:
    """Lets a step happen and dies before or after the one of number `at`."""

    def __init__(self, at: int) -> None:
        self.at, self.count = at, 0

    def around(self, done: Callable[..., Any]) -> Callable[..., Any]:
        def stepped(*arguments: Any, **named: Any) -> Any:
            self._step()
            found = done(*arguments, **named)
            self._step()
            return found

        return stepped

    def _step(self) -> None:
        self.count += 1
        if self.count == self.at:
            raise Killed


def mortal(desk: HostedDesk, monkeypatch: pytest.MonkeyPatch, at: int) -> int:
    """A round that dies at a step that others can see; how many of them it came to."""
    steps, forge = Steps(at), desk.api
    for name in WRITES:
        monkeypatch.setattr(forge, name, steps.around(getattr(forge, name)))
    with monkeypatch.context() as patched, desk.bot(api=forge) as bot:
        patched.setattr(HostedUpstream, "push", steps.around(HostedUpstream.push))
        if at:
            with pytest.raises(Killed):
                bot.run_once()
        else:
            bot.run_once()
    return steps.count


def work(desk: HostedDesk, name: str) -> dict[str, Pull]:
    """A request that waited until now, two for one path, and one that waits."""
    files = member_file(desk.world, f"decided-{name}")
    decided = desk.ask(files)
    desk.forge.comment(decided, BOT, f"{MARK}\n**REVIEW**: an earlier round said so")
    desk.speak(decided, desk.world.decide("ada", f"members/decided-{name}/1.yml", added=files))
    host = Hosted(desk.folder, desk.world)
    one, two = (host.cube(f"model-{name}", description=text) for text in ("one", "two"))
    waits = desk.ask(member_file(desk.world, f"waits-{name}"))
    return {"decided": decided, "first": desk.ask(one), "taken": desk.ask(two, login="bob"), "waits": waits}


def nothing_is_lied_about(desk: HostedDesk, made: Mapping[str, Pull]) -> None:
    for pull in made.values():
        said = desk.statuses(pull)
        assert len(said) <= 1
        if pull.state == "merged":
            assert not any("**REVIEW**" in text or "**REJECT**" in text for text in said)
        if pull.state == "closed":
            assert "TREE002" in said[0]


def test_killed_at_any_step_that_others_see_the_next_round_completes_it(
    desk: HostedDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    work(desk, "all")
    steps = mortal(desk, monkeypatch, 0)
    assert steps == 2 * 7, "two edits, the push, three comments, a closing; before each and after it"
    # Between one step's end and the next one's beginning nothing is done that anybody could see.
    for at in (1, *range(2, steps + 1, 2)):
        before = desk.main()
        made = work(desk, str(at))
        mortal(desk, monkeypatch, at)
        nothing_is_lied_about(desk, made)
        desk.run()
        nothing_is_lied_about(desk, made)
        assert len(desk.first_parents(before)) == 2, "each request is merged once"
        assert {name: pull.state for name, pull in made.items()} == {
            "decided": "merged",
            "first": "merged",
            "taken": "closed",
            "waits": "open",
        }
        assert "waits for 1 more of the admins" in desk.status(made["waits"])
    with GitStore(desk.registry.path) as store:
        assert replays(store, desk.main())


class Slow(Patient):
    """A forge that does not see what a push merged, until it is told."""

    settled: list[tuple[int, str]]

    @override
    def settle(self, pull: api.Pull, merge: str) -> None:
        self.settled.append((pull.number, merge))


def test_what_a_killed_bot_merged_is_settled_where_the_page_does_not_see_it(desk: HostedDesk) -> None:
    pull = desk.ask(Hosted(desk.folder, desk.world).cube())
    desk.run()
    merge = desk.main()
    pull.state, pull.merged_as = "open", None
    forge = Slow(desk.api)
    forge.settled = []
    with desk.bot(api=forge) as bot:
        (outcome,) = bot.run_once().outcomes
    assert (outcome.fate, outcome.commit) == (Fate.CLOSED, merge)
    assert forge.settled == [(pull.number, merge)]
    assert pull.state == "open", "it is not closed: that would say that it was not merged"
    assert f"**MERGED**: it stands in main, as `{merge}`" in desk.status(pull)
    assert desk.main() == merge
