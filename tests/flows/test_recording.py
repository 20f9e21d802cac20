"""Approvals in a forge's page become `recorded/` files: whose, of which commit, and where the root allows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from medperf_cli.adapters.forge.api import Vendor
from medperf_cli.adapters.keys.ssh_keygen import SshKeygenSigner
from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.core.entities.parsing import parse
from medperf_cli.core.entities.recorded import How, Recorded
from medperf_cli.core.lifecycle.reader import Reader
from medperf_cli.core.lifecycle.standing import Lifecycle, Standing
from medperf_cli.core.names import parse_path
from medperf_cli.flows.hosting.merge_bot import Fate
from tests.support.acting import act, decide, root, write
from tests.support.forges import git
from tests.support.forges.faults import on
from tests.support.hosted_desk import HostedDesk, on_forge, recorder
from tests.support.hosting import Hosted, replays
from tests.support.office import key_file
from tests.support.recording import ASSOCIATION, CHARTER, RECORDED, allow_recording, asked, signed
from tests.support.story_fields import TISSUE
from tests.support.world import member_file

pytestmark = pytest.mark.parametrize("host", [11], indirect=True)
ADMIN = decide("ada", "members/acme/2.yml", under="root/2.yml")
everywhere = pytest.mark.parametrize("desk", list(Vendor), indirect=True)
BORIS, CLARA = f"{RECORDED}/boris/1.yml", f"{RECORDED}/clara/1.yml"


@pytest.fixture
def desk(
    host: Hosted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[HostedDesk]:
    """A registry whose root takes approvals in the page, of a committee of two: boris and clara."""
    monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "file:http")
    with on_forge(tmp_path, host, getattr(request, "param", Vendor.GITHUB)) as desk:
        desk.signer = recorder(desk)
        allow_recording(desk.world, desk.enter, desk.login)
        yield desk


def written(desk: HostedDesk, path: str) -> Recorded:
    with GitStore(desk.registry.path) as store:
        assert replays(store, desk.main())
        data = store.snapshot(desk.main()).get(path)
    assert data
    found = parse(parse_path(path), data)
    assert isinstance(found, Recorded)
    return found


@everywhere
def test_reviews_of_the_head_by_enough_members_are_written_into_the_merge(desk: HostedDesk) -> None:
    pull = desk.act(asked())
    desk.forge.review(pull, "boris")
    assert desk.run()[pull.number].fate is Fate.WAITS
    assert "waits for 1 more of the committee to approve: clara" in desk.status(pull)
    assert "Approvals in this page that count: `boris`." in desk.status(pull)
    assert not desk.has(BORIS), "what is not merged is not recorded: a review may be dismissed"
    desk.forge.review(pull, "clara")
    before = desk.main()
    assert desk.run()[pull.number].fate is Fate.MERGED
    assert desk.parents() == [before, pull.head]
    found = written(desk, CLARA)
    assert (found.forge, found.repository, found.request) == ("127.0.0.1", "consortium/registry", 1)
    assert (found.login, found.number) == ("clara", desk.forge.user("clara").number)
    assert (found.commit, found.how) == (pull.head, How.REVIEW)
    assert desk.has(ASSOCIATION, BORIS)
    assert desk.run() == {}


def test_a_signed_and_a_page_approval_are_two_votes_and_of_one_member_one(desk: HostedDesk) -> None:
    change = act(desk.world, asked()).added
    pull = desk.ask(change)
    vote = act(desk.world, asked(), signed("clara")).added
    desk.speak(pull, {path: data for path, data in vote.items() if path.startswith("decisions/")})
    desk.forge.review(pull, "clara")
    assert desk.run()[pull.number].fate is Fate.WAITS
    desk.forge.review(pull, "boris")
    assert desk.run()[pull.number].fate is Fate.MERGED
    assert desk.has(BORIS)
    assert not desk.has(CLARA)


def test_a_review_counts_for_the_commit_that_was_seen_and_no_other(desk: HostedDesk) -> None:
    pull = desk.act(asked())
    for name in ("boris", "clara"):
        desk.forge.review(pull, name)
    assert pull.source
    desk.forge.commit(pull.source, pull.branch, {"registry/cubes/x": b"x"}, by="acme")
    assert desk.run()[pull.number].fate is Fate.REJECTED
    branch = git.git(pull.source.path, "rev-parse", f"{pull.branch}~1")
    tree = git.git(pull.source.path, "rev-parse", f"{branch}^{{tree}}")
    again = git.commit_tree(pull.source.path, tree, [branch], "as before", git.identity("acme", desk.now))
    before = pull.source.branches()
    git.git(pull.source.path, "update-ref", f"refs/heads/{pull.branch}", again)
    desk.forge.pushed(pull.source, before, desk.forge.user("acme"))
    assert desk.run()[pull.number].fate is Fate.WAITS, "the same files, and yet another commit than was seen"
    for name in ("boris", "clara"):
        desk.forge.review(pull, name)
    assert desk.run()[pull.number].fate is Fate.MERGED
    assert written(desk, BORIS).commit == again


def test_only_the_number_of_an_account_makes_it_a_members(desk: HostedDesk) -> None:
    """A renamed account stays its owner's; whoever takes the name that became free is nobody."""
    pull = desk.act(asked())
    desk.forge.rename("clara", "clara-m")
    for name in ("clara", "ada", "acme", "boris"):
        desk.forge.review(pull, name)
    assert desk.run()[pull.number].fate is Fate.WAITS
    assert "Approvals in this page that count: `boris`." in desk.status(pull)
    desk.forge.review(pull, "clara-m")
    assert desk.run()[pull.number].fate is Fate.MERGED
    assert written(desk, CLARA).login == "clara-m"


def test_nobody_approves_what_they_ask_for_in_the_page_either(desk: HostedDesk) -> None:
    desk.enter(act(desk.world, write("members/acme/2.yml", logins=[desk.login("acme")]), ADMIN).added)
    newer = f"benchmarks/{TISSUE}/4.yml"
    votes = [decide(name, newer, under=CHARTER) for name in ("boris", "clara")]
    people = {"committee.members": ["acme", "boris", "clara"]}
    desk.enter(act(desk.world, write(newer, **people), *votes).added)
    pull = desk.act(asked())
    for name in ("acme", "boris"):
        desk.forge.review(pull, name)
    assert desk.run()[pull.number].fate is Fate.WAITS
    assert "waits for 1 more of the committee to approve: clara" in desk.status(pull)


def test_who_took_an_approval_back_is_not_recorded(desk: HostedDesk) -> None:
    pull = desk.act(asked())
    desk.enter(act(desk.world, asked(), signed("clara")).added)
    desk.enter(act(desk.world, signed("clara", verdict="retract", version=2)).added)
    for name in ("boris", "clara"):
        desk.forge.review(pull, name)
    assert desk.run()[pull.number].fate is Fate.WAITS
    assert "Approvals in this page that count: `boris`." in desk.status(pull)


def test_whoever_approves_a_retraction_does_not_approve_what_it_is_about(desk: HostedDesk) -> None:
    """It came into main by another request, and its subject is pending there, one vote short."""
    desk.enter(act(desk.world, asked(), signed("boris")).added)
    retraction = act(desk.world, signed("boris", verdict="retract", version=2)).added
    pull = desk.ask(retraction, login="boris")
    desk.enter(retraction)
    desk.enter(act(desk.world, signed("boris", version=3)).added)
    desk.forge.review(pull, "clara")
    desk.run()
    assert not desk.has(CLARA)


def test_a_member_who_registers_is_never_admitted_by_the_page(desk: HostedDesk) -> None:
    pull = desk.ask(member_file(desk.world, "zoe"))
    desk.forge.review(pull, "ada")
    desk.calls()
    assert desk.run()[pull.number].fate is Fate.WAITS
    assert not any("reviews" in call for call in desk.calls()), "no question without use"


@pytest.mark.parametrize("how", ["another key", "no key", "not allowed"])
def test_where_the_root_does_not_name_this_recorder_nothing_is_recorded(desk: HostedDesk, how: str) -> None:
    if how == "another key":
        desk.signer = SshKeygenSigner(key_file(desk.folder / "keys" / "eve", "eve"))
    elif how == "no key":
        desk.signer = None
    else:
        until = {"expires": "2033-01-01T00:00:00Z"}
        desk.enter(act(desk.world, root(3, "ada", recorded_kinds=[], **until)).added)
    pull = desk.act(asked())
    for name in ("boris", "clara"):
        desk.forge.review(pull, name)
    assert desk.run()[pull.number].fate is Fate.WAITS
    assert [what for what, _ in desk.last.troubles] == ([] if how == "not allowed" else ["recorder"])
    assert "waits for 2 more" in desk.status(pull)


@everywhere
def test_merged_in_the_page_too_early_it_is_pending_until_the_page_has_enough(desk: HostedDesk) -> None:
    pull = desk.act(asked())
    merge = desk.forge.press_merge(desk.registry, pull, "boris")
    assert desk.run() == {}
    assert (written(desk, BORIS).how, written(desk, BORIS).commit) == (How.MERGE, pull.head)
    assert desk.parents() == [merge], "a commit of its own"
    recorded = desk.main()
    assert desk.run() == {}
    assert desk.main() == recorded, "what stands there is not written again"
    desk.forge.review(pull, "clara")
    desk.run()
    assert written(desk, CLARA).how is How.REVIEW
    with GitStore(desk.registry.path) as store:
        state = Lifecycle(Reader(store.snapshot(desk.main())))
        assert state.standing(parse_path(ASSOCIATION)) is Standing.EFFECTIVE
    desk.calls()
    desk.run()
    assert not any(recorded[:12] in call or merge in call for call in desk.calls()), "nothing is pending"


def test_a_squash_in_the_page_is_recorded_by_the_head_that_was_seen(desk: HostedDesk) -> None:
    pull = desk.act(asked())
    desk.forge.review(pull, "clara")
    desk.forge.press_merge(desk.registry, pull, "boris", method="squash")
    desk.run()
    assert written(desk, BORIS).commit == written(desk, CLARA).commit == pull.head
    assert desk.last.troubles == ()


def test_what_the_page_merged_otherwise_than_it_was_seen_is_not_recorded(desk: HostedDesk) -> None:
    pull = desk.act(asked())
    desk.forge.review(pull, "clara")
    seen = pull.head
    assert pull.source
    desk.forge.commit(pull.source, "other", {"README.md": b"x"}, by="acme", base=desk.main())
    desk.forge.press_merge(desk.registry, pull, "boris", method="squash")
    pull.head = pull.source.commit("other")
    git.git(desk.registry.path, "fetch", "-q", str(pull.source.path), f"+other:refs/pull/{pull.number}/head")
    desk.forge.review(pull, "clara")
    assert pull.head != seen
    desk.run()
    assert not desk.has(BORIS)
    assert not desk.has(CLARA)


def test_what_came_into_main_by_a_push_is_nobodys_act_in_the_page(desk: HostedDesk) -> None:
    files = act(desk.world, asked()).added
    pull = desk.ask(files)
    for name in ("boris", "clara"):
        desk.forge.review(pull, name)
    desk.forge.close(pull, "acme")
    desk.enter(files)
    assert desk.run() == {}
    assert not desk.has(BORIS)


def test_an_open_request_for_what_is_pending_in_main_gathers_approvals_there(desk: HostedDesk) -> None:
    files = act(desk.world, asked()).added
    pull = desk.ask(files)
    desk.enter(files)
    assert desk.run()[pull.number].fate is Fate.WAITS
    assert "waits in main for 2 more of the committee to approve: boris, clara" in desk.status(pull)
    for name in ("boris", "clara"):
        desk.forge.review(pull, name)
    assert desk.run()[pull.number].fate is Fate.MERGED
    assert desk.has(BORIS, CLARA)
    assert pull.state == "merged"


def test_reviews_that_cannot_be_read_are_named_and_stop_nothing_else(desk: HostedDesk) -> None:
    one, two = desk.act(asked()), desk.ask(act(desk.world, write("cubes/acme/bush/1.yml")).added)
    for name in ("boris", "clara"):
        desk.forge.review(one, name)
    desk.forge.faults.busy(503, on("GET", f"/pulls/{one.number}/reviews"))
    fates = {number: outcome.fate for number, outcome in desk.run().items()}
    assert fates == {one.number: Fate.WAITS, two.number: Fate.MERGED}
    assert [what for what, _ in desk.last.troubles] == [f"request {one.number}"]
    assert desk.run()[one.number].fate is Fate.MERGED
