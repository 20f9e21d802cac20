"""The merge bot may be killed anywhere, run twice at once, and be overtaken: nothing is lost or doubled."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from typing_extensions import override

from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.adapters.store.writing import Author
from medperf_cli.core.requests import MAIN, open_requests
from medperf_cli.flows.hosting.gathering import gather, merge_request
from medperf_cli.flows.hosting.merge_bot import Fate, Outcome, run_once
from tests.support.desk import LATER, Desk
from tests.support.hosting import Hosted, clock, replays
from tests.support.story import STEPS
from tests.support.world import member_file


def test_killed_before_main_moved_the_next_run_merges(desk: Desk) -> None:
    request = desk.lay(desk.cube())
    merge_request(
        desk.store, gather(desk.store, desk.host.main(), request), author=Author("b", "b@b"), now=LATER
    )
    assert desk.one(request).fate is Fate.MERGED


def test_killed_after_main_moved_the_next_run_removes_the_refs(desk: Desk) -> None:
    files = member_file(desk.host.world, "general-hospital")
    request = desk.lay(files)
    desk.vote(request, "ada", desk.host.world.decide("ada", "members/general-hospital/1.yml", added=files))
    main = desk.host.main()
    gathered = gather(desk.store, main, open_requests(desk.waiting())[0])
    commit = merge_request(desk.store, gathered, author=Author("b", "b@b"), now=LATER)
    desk.store.update_ref(MAIN, commit, main)
    assert desk.one(request).fate is Fate.CLOSED
    assert desk.host.main() == commit
    assert desk.waiting() == {}


def test_a_decision_that_came_while_its_request_was_merged_is_swept_up(desk: Desk) -> None:
    request = desk.lay(desk.cube())
    desk.one(request)
    desk.vote(request, "ada", desk.cube("other"))
    assert desk.run() == {}
    assert desk.waiting() == {}


class Contended(GitStore):
    """A store whose main somebody else moves, each time just before the bot would."""

    rivals: list[dict[str, bytes]]
    host: Hosted

    @override
    def update_ref(self, ref: str, new: str | None, old: str | None) -> None:
        if ref == MAIN and self.rivals:
            self.host.enter(self.rivals.pop())
        super().update_ref(ref, new, old)


def test_when_main_moves_under_way_the_request_is_judged_anew(desk: Desk) -> None:
    mine, theirs = desk.cube(description="mine"), desk.cube(description="theirs")
    harmless = desk.cube("other")
    request, second = desk.lay(mine), desk.lay(desk.cube("third"))
    with Contended(desk.host.path) as store:
        store.host, store.rivals = desk.host, [theirs, harmless]
        outcomes = {outcome.id: outcome for outcome in run_once(store, clock)}
    assert store.rivals == []
    assert outcomes[second.id].fate is Fate.MERGED
    assert outcomes[request.id].fate is Fate.REJECTED
    assert desk.in_main(*theirs, *harmless)
    assert (
        desk.store.snapshot(desk.host.main()).get("cubes/acme/forest/1.yml")
        == theirs["cubes/acme/forest/1.yml"]
    )
    assert replays(desk.store, desk.host.main())


def test_two_bots_at_once_merge_each_request_once(desk: Desk) -> None:
    requests = [desk.lay(desk.cube(f"model-{number}", description=f"no {number}")) for number in range(6)]

    def bot(_: int) -> list[Outcome]:
        with desk.host.store() as store:
            return run_once(store, clock)

    with ThreadPoolExecutor(3) as pool:
        outcomes = [outcome for run in pool.map(bot, range(3)) for outcome in run]
    merged = [outcome.id for outcome in outcomes if outcome.fate is Fate.MERGED]
    assert len(desk.store.first_parents(desk.host.main())) == 5 + len(merged)
    assert sorted(merged) == sorted(request.id for request in requests)
    assert replays(desk.store, desk.host.main())


def test_the_story_goes_through_requests_step_by_step(desk: Desk) -> None:
    for _, make in STEPS[5:]:
        files = {p: d for part in make(desk.host.world) for p, d in part.items()}
        assert desk.one(desk.lay(files)).fate is Fate.MERGED
        desk.host.world.force(files)
        assert desk.host.stands()
