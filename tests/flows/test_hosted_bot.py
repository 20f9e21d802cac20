"""The merge bot's rounds on a hosted forge: what is merged, how main moves, and what is said about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from medperf_cli.adapters.forge.api import Pull
from medperf_cli.adapters.forge.base import Answer
from medperf_cli.adapters.forge.patience import Patient
from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.adapters.store.settings import Settings
from medperf_cli.core.requests import request_id
from medperf_cli.errors import BusyError, ConflictError, IntegrityError, RejectedError
from medperf_cli.flows.deps import Deps
from medperf_cli.flows.hosting import hosted_batch, hosted_bot
from medperf_cli.flows.hosting.hosted_run import run_hosted
from medperf_cli.flows.hosting.hosted_status import MARK
from medperf_cli.flows.hosting.hosted_upstream import HostedUpstream
from medperf_cli.flows.hosting.merge_bot import Fate
from medperf_cli.flows.reading.replay import LawlessError
from medperf_cli.render.status import as_comment
from tests.support.acting import act, write
from tests.support.closing import closing
from tests.support.forges import git
from tests.support.forges.faults import How, on
from tests.support.forges.repository import Protection
from tests.support.hosted_desk import BOT, HostedDesk, on_forge
from tests.support.hosting import Hosted, replays
from tests.support.keys import member_key
from tests.support.office import Talk
from tests.support.world import World, member_file


@pytest.fixture
def desk(host: Hosted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HostedDesk]:
    monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "file:http")
    with on_forge(tmp_path, host) as desk:
        yield desk


def cube(desk: HostedDesk, name: str = "forest", **fields: object) -> dict[str, bytes]:
    return Hosted(desk.folder, desk.world).cube(name, **fields)


def test_a_draft_waits_until_its_author_says_it_is_ready(desk: HostedDesk) -> None:
    pull = desk.ask(cube(desk), title="Draft: a forest")
    assert desk.run()[pull.number].fate is Fate.WAITS
    assert "marked as a draft" in desk.status(pull)
    pull.title = "a forest"
    assert desk.run()[pull.number].fate is Fate.MERGED


def test_one_push_merges_each_request_by_a_commit_of_its_own(desk: HostedDesk) -> None:
    before = desk.main()
    pulls = [desk.ask(cube(desk, f"forest-{n}")) for n in range(3)]
    pushed = len([asked for asked in desk.forge.faults.log if "receive-pack" in asked.path])
    outcomes = desk.run()
    assert {o.fate for o in outcomes.values()} == {Fate.MERGED}
    chain = desk.first_parents(before)
    assert [desk.parents(commit) for commit in chain] == [
        [first, pull.head] for first, pull in zip([before, *chain], pulls, strict=False)
    ]
    assert [outcomes[pull.number].commit for pull in pulls] == chain
    assert [pull.state for pull in pulls] == ["merged"] * 3
    receive = [a for a in desk.forge.faults.log[pushed:] if a.path.endswith("/git-receive-pack")]
    assert len(receive) == 1
    with GitStore(desk.registry.path) as store:
        assert replays(store, desk.main())
    assert f"it stands in main, as `{chain[0]}`" in desk.status(pulls[0])


NEWCOMER = "members/general-hospital/1.yml"


def test_what_needs_a_decision_says_whom_it_waits_for_and_is_merged_with_it(desk: HostedDesk) -> None:
    files = member_file(desk.world, "general-hospital")
    pull = desk.ask(files)
    assert desk.run()[pull.number].fate is Fate.WAITS
    assert "**REVIEW**" in desk.status(pull)
    assert "waits for 1 more of the admins to approve: ada" in desk.status(pull)
    assert desk.run()[pull.number].fate is Fate.WAITS
    assert pull.labels == ["medperf:review"]
    before = desk.main()
    desk.speak(pull, desk.world.decide("ada", NEWCOMER, added=files), login="ada-at-work")
    assert desk.run()[pull.number].fate is Fate.MERGED
    first, head, decision = desk.parents()
    assert (first, head) == (before, pull.head)
    assert desk.has(NEWCOMER, "decisions/members/general-hospital/1/ada/1.yml")
    assert desk.parents(decision) == [pull.head]
    assert "waits" not in desk.status(pull)


def test_a_comment_that_only_looks_like_a_decision_is_named_with_what_it_lacks(desk: HostedDesk) -> None:
    files = member_file(desk.world, "general-hospital")
    pull = desk.ask(files)
    desk.speak(pull, desk.world.decide("ada", NEWCOMER, added=files, key=member_key("eve")), login="eve")
    desk.forge.comment(pull, "eve", "LGTM, approved by ada")
    assert desk.run()[pull.number].fate is Fate.WAITS
    odd = desk.status(pull).partition("Comments that look like decisions and are none:")[2]
    assert "- by `eve`: `'decisions/members/general-hospital/1/ada/1.yml' is not signed with a valid" in odd
    assert odd.count("eve") == 1


def test_of_two_that_take_one_path_the_later_is_told_which_version_to_take(desk: HostedDesk) -> None:
    one, two = desk.ask(cube(desk, description="one")), desk.ask(cube(desk, description="two"), login="bob")
    outcomes = desk.run()
    assert (outcomes[one.number].fate, outcomes[two.number].fate) == (Fate.MERGED, Fate.REJECTED)
    assert (one.state, two.state) == ("merged", "closed")
    assert "version 2 is free" in desk.status(two)
    assert "TREE002" in desk.status(two)
    assert "so this request is closed" in desk.status(two)
    assert desk.run() == {}


def test_what_stands_in_main_already_is_closed_and_says_so(desk: HostedDesk) -> None:
    files = cube(desk)
    pull = desk.ask(files)
    desk.enter(files)
    assert desk.run()[pull.number].fate is Fate.CLOSED
    assert pull.state == "closed"
    assert "everything in it stands in main already" in desk.status(pull)


def test_a_request_below_another_one_enters_main_with_it(desk: HostedDesk) -> None:
    files = member_file(desk.world, "general-hospital")
    lower = desk.ask(files)
    assert lower.source
    vote = {f"registry/{p}": d for p, d in desk.world.decide("ada", NEWCOMER, added=files).items()}
    desk.forge.commit(lower.source, "upper", vote, by="acme", base=lower.head)
    upper = desk.forge.open(desk.registry, "acme", lower.source, "upper", title="with the decision")
    fates = {number: outcome.fate for number, outcome in desk.run().items()}
    assert fates == {lower.number: Fate.CLOSED, upper.number: Fate.MERGED}
    assert desk.parents()[1:] == [upper.head]
    assert (lower.state, upper.state) == ("merged", "merged")
    assert "everything in it stands in main already" in desk.status(lower)


def test_a_closing_by_who_may_closes_the_request_and_no_other_does(desk: HostedDesk) -> None:
    files = member_file(desk.world, "general-hospital")
    pull = desk.ask(files)
    desk.speak(pull, closing("clara", request_id(files), pull.head))
    assert desk.run()[pull.number].fate is Fate.WAITS
    desk.speak(pull, closing("ada", request_id(files), pull.head, reason="not @you <b>known</b>"))
    assert desk.run()[pull.number].fate is Fate.CLOSED
    assert pull.state == "closed"
    assert "rejected by `ada` on 2026-01-02: `not @you <b>known</b>`" in desk.status(pull)


def test_a_hold_sees_what_the_same_batch_merged_before(desk: HostedDesk) -> None:
    first, second = desk.ask(cube(desk, "model-1")), desk.ask(cube(desk, "model-l"))
    outcomes = desk.run()
    assert (outcomes[first.number].fate, outcomes[second.number].fate) == (Fate.MERGED, Fate.WAITS)
    assert "HOLD001" in desk.status(second)


def test_bad_requests_keep_no_good_one_from_main(desk: HostedDesk) -> None:
    unsigned = {p: d for p, d in cube(desk, "other").items() if p.endswith(".yml")}
    odd = desk.ask(unsigned)
    fork = desk.forge.fork(desk.registry, "eve")
    both = {"README.md": b"mine", "registry/x": b"x"}
    desk.forge.commit(fork, "readme", both, by="eve", base=desk.main())
    stray = desk.forge.open(desk.registry, "eve", fork, "readme", title="`@ada` <script>")
    fork = desk.forge.fork(desk.registry, "mallory")
    git.git(fork.path, "update-ref", "-d", "refs/heads/main")
    desk.forge.commit(fork, "unrelated", {"registry/x": b"x"}, by="mallory")
    unrelated = desk.forge.open(desk.registry, "mallory", fork, "unrelated", title="x")
    good = desk.ask(cube(desk))
    fates = {number: outcome.fate for number, outcome in desk.run().items()}
    assert fates.pop(good.number) is Fate.MERGED
    assert set(fates.values()) == {Fate.REJECTED}
    assert "TREE003" in desk.status(odd)
    assert "'README.md' stands outside 'registry/'" in desk.status(stray)
    assert "shares no commit with main" in desk.status(unrelated)
    assert not desk.has("README.md")


def test_what_is_said_twice_is_written_once(desk: HostedDesk) -> None:
    pull = desk.ask(member_file(desk.world, "general-hospital"))
    stranger = desk.forge.comment(pull, "eve", f"{MARK}\nmerge this")
    desk.run()
    desk.run()
    desk.calls()
    desk.run()
    at = "/api/v3/repos/consortium/registry"
    assert desk.calls() == [f"GET {at}/pulls", f"GET {at}/issues/{pull.number}/comments", "GET /api/v3/user"]
    assert stranger.body == f"{MARK}\nmerge this"
    assert len(desk.statuses(pull)) == 1


def test_the_twin_of_a_comment_by_a_second_bot_is_removed_and_the_oldest_kept(desk: HostedDesk) -> None:
    pull = desk.ask(member_file(desk.world, "general-hospital"))
    first = desk.forge.comment(pull, BOT, f"{MARK}\nold")
    desk.forge.comment(pull, BOT, f"{MARK}\r\nnewer")
    desk.run()
    assert [c for c in pull.comments if c.author.login == BOT] == [first]
    assert "**REVIEW**" in first.body


class Meddling(Patient):
    """A forge on which something happens just before the bot looks at the open requests again."""

    meddle: Callable[[], object] | None = None
    asked = 0

    @override
    def pulls(self) -> Sequence[Pull]:
        self.asked += 1
        if self.asked == 2 and self.meddle is not None:
            self.meddle()
        return super().pulls()


def test_what_changed_meanwhile_waits_for_the_next_round(desk: HostedDesk) -> None:
    moved, closed, still = (desk.ask(cube(desk, name), login=name) for name in ("one", "two", "three"))
    api = Meddling(desk.api)

    def meddle() -> None:
        assert moved.source
        desk.forge.commit(moved.source, moved.branch, {"registry/x": b"x"}, by="one")
        desk.forge.close(closed, "two")

    api.meddle = meddle
    with desk.bot(api=api) as bot:
        done = bot.run_once()
    assert {int(o.id): o.fate for o in done.outcomes} == {still.number: Fate.MERGED}
    assert [p.state for p in (moved, closed, still)] == ["open", "closed", "merged"]
    assert not desk.has("cubes/acme/one/1.yml")
    assert moved.comments == closed.comments == []


def test_when_main_moves_the_round_begins_again(desk: HostedDesk) -> None:
    mine, harmless = desk.ask(cube(desk, description="mine")), desk.ask(cube(desk, "other"))
    theirs = cube(desk, description="theirs")
    api = Meddling(desk.api)
    api.meddle = lambda: desk.enter(theirs)
    with desk.bot(api=api) as bot:
        done = {int(o.id): o.fate for o in bot.run_once().outcomes}
    assert done == {mine.number: Fate.REJECTED, harmless.number: Fate.MERGED}
    with GitStore(desk.registry.path) as store:
        assert replays(store, desk.main())
        assert store.snapshot(desk.main()).get("cubes/acme/forest/1.yml") == theirs["cubes/acme/forest/1.yml"]


def test_a_push_that_the_forge_refuses_is_told_and_nothing_is_said_as_done(desk: HostedDesk) -> None:
    desk.registry.protection["main"] = Protection(pull_only=True)
    pull = desk.ask(cube(desk))
    with pytest.raises(RejectedError, match="does not take the bot's push of main") as caught:
        desk.run()
    assert "Changes must be made through a pull request" in str(caught.value)
    assert "let the bot's account push to main" in caught.value.hint
    assert (pull.state, pull.comments) == ("open", [])


def test_a_push_whose_answer_is_lost_is_not_made_again(desk: HostedDesk) -> None:
    pull = desk.ask(cube(desk))
    before = desk.main()
    desk.forge.faults.add(How.AFTER, lambda asked: asked.path.endswith("/git-receive-pack"))
    assert desk.run()[pull.number].fate is Fate.MERGED
    assert len(desk.first_parents(before)) == 1
    assert "stands in main" in desk.status(pull)


def test_onto_a_main_that_is_not_lawful_nothing_is_merged(desk: HostedDesk) -> None:
    desk.run()
    pull = desk.ask(cube(desk, "other"))
    unsigned = {p: d for p, d in cube(desk).items() if p.endswith(".yml")}
    desk.forge.commit(desk.registry, "main", {f"registry/{p}": d for p, d in unsigned.items()}, by="admin")
    with pytest.raises(LawlessError, match="TREE003"):
        desk.run()
    assert pull.comments == []
    with pytest.raises(LawlessError, match="TREE003"):
        desk.run("another clone")


def test_what_cannot_be_written_below_a_request_stops_no_merge(desk: HostedDesk) -> None:
    waits = desk.ask(member_file(desk.world, "general-hospital"))
    refused = {
        "status": 403,
        "headers": {"Content-Type": "application/json"},
        "body": b'{"message": "locked"}',
    }
    desk.forge.faults.add(How.INSTEAD, on("POST", f"/issues/{waits.number}/comments"), **refused)
    good = desk.ask(cube(desk))
    assert desk.run()[good.number].fate is Fate.MERGED
    ((what, error),) = desk.last.troubles
    assert what == f"request {waits.number}"
    assert "locked" in error.message


def test_a_head_that_git_refuses_to_take_keeps_no_other_waiting(desk: HostedDesk) -> None:
    odd, good = desk.ask(cube(desk, "other"), login="eve"), desk.ask(cube(desk))
    assert odd.source
    blob = git.git(desk.registry.path, "hash-object", "-w", "--stdin", stdin=b"x")
    tree = b"100644 ..\0" + bytes.fromhex(blob)
    bent = git.git(
        desk.registry.path, "hash-object", "-t", "tree", "-w", "--literally", "--stdin", stdin=tree
    )
    head = git.commit_tree(desk.registry.path, bent, [desk.main()], "bent", git.identity("eve", desk.now))
    git.git(desk.registry.path, "update-ref", f"refs/pull/{odd.number}/head", head)
    odd.head = head
    assert {number: outcome.fate for number, outcome in desk.run().items()} == {good.number: Fate.MERGED}
    assert odd.comments == []


def test_a_request_that_is_gone_or_a_page_that_is_silent_stops_no_merge(desk: HostedDesk) -> None:
    gone, good = desk.ask(cube(desk, "other")), desk.ask(cube(desk))
    told = {"Content-Type": "application/json"}
    absent = {"status": 404, "headers": told, "body": b'{"message": "Not Found"}'}
    desk.forge.faults.add(How.INSTEAD, on("GET", f"/issues/{gone.number}/comments"), **absent)
    desk.forge.faults.busy(503, on("POST", "/comments"), times=9)
    assert {number: outcome.fate for number, outcome in desk.run().items()} == {good.number: Fate.MERGED}
    assert [what for what, _ in desk.last.troubles] == [f"request {good.number}"]


def test_comments_that_cannot_be_read_keep_no_other_request_waiting(desk: HostedDesk) -> None:
    flooded, good = desk.ask(cube(desk, "other")), desk.ask(cube(desk))
    desk.forge.faults.busy(502, on("GET", f"/issues/{flooded.number}/comments"))
    assert {number: outcome.fate for number, outcome in desk.run().items()} == {good.number: Fate.MERGED}
    assert [what for what, _ in desk.last.troubles] == [f"request {flooded.number}"]
    desk.forge.faults.busy(502, on("GET", f"/{flooded.number}"), times=2)
    with pytest.raises(BusyError):  # the forge itself
        desk.run()
    assert desk.run()[flooded.number].fate is Fate.MERGED


def test_a_row_opened_the_wrong_way_round_takes_rounds_and_not_for_ever(
    desk: HostedDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosted_batch, "PASSES", 2)
    ahead = World(dict(desk.world.files), list(desk.world.trees))
    row = []
    for version in (1, 2, 3, 4):
        row.append(act(ahead, write(f"cubes/acme/bush/{version}.yml")).added)
        ahead.force(row[-1])
    last, *_, first = [desk.ask(files) for files in reversed(row)]
    fates = [outcome.fate for _, outcome in sorted(desk.run().items())]
    assert fates == [Fate.REJECTED, Fate.REJECTED, Fate.MERGED, Fate.MERGED]
    assert first.state == "merged"
    desk.run()
    assert last.state == "merged"


def test_when_main_moves_every_time_the_round_is_given_up(
    desk: HostedDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosted_bot, "_TRIES", 2)
    pull, rivals = desk.ask(cube(desk)), iter(range(9))
    push = HostedUpstream.push

    def overtaken(upstream: HostedUpstream, *arguments: Any) -> Answer:
        desk.enter(cube(desk, f"rival{next(rivals)}x"))
        return push(upstream, *arguments)

    monkeypatch.setattr(HostedUpstream, "push", overtaken)
    with pytest.raises(ConflictError, match="main moved 2 times"):
        desk.run()
    assert (pull.state, next(rivals)) == ("open", 2)


def test_a_working_copy_is_used_again_and_stays_pinned(
    desk: HostedDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDPERF_FORGE_TOKEN", desk.token)
    settings = Settings(home=desk.folder / "copy", forge="github")
    deps = Deps(settings, lambda: desk.now, Talk(), lambda _: False, interactive=False)
    first = desk.ask(cube(desk))
    assert [o.id for o in run_hosted(deps, desk.url, desk.root, as_comment).outcomes] == [str(first.number)]
    second = desk.ask(cube(desk, "other"))
    assert [o.id for o in run_hosted(deps, desk.url, None, as_comment).outcomes] == [str(second.number)]
    with pytest.raises(IntegrityError, match=f"is pinned to root {desk.root}, not to that"):
        run_hosted(deps, desk.url, f"sha256:{'0' * 64}", as_comment)
