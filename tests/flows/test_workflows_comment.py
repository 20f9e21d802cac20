"""What the comment job writes below a request: the merge bot's words, in one comment, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from medperf_cli.adapters.store.remote import init
from medperf_cli.flows.hosting.hosted_status import MARK, Status
from medperf_cli.flows.hosting.merge_bot import Fate
from medperf_cli.flows.hosting.pull_comment import Commenter
from medperf_cli.render.status import as_comment
from tests.support.forges import git
from tests.support.forges.repository import Pull
from tests.support.hosted_desk import BOT, LATER, HostedDesk, on_forge
from tests.support.hosting import Hosted
from tests.support.registry_repo import RegistryRepo
from tests.support.workflow_runner import HOSTILE_FILES, expect_escaped
from tests.support.world import member_file


@pytest.fixture
def desk(host: Hosted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HostedDesk]:
    monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "file:http")
    with on_forge(tmp_path, host) as desk:
        yield desk


def commented(desk: HostedDesk, pull: Pull, name: str = "job") -> Status | None:
    commenter = Commenter(desk.api, desk.url, as_comment, lambda: LATER)
    with init(desk.folder / f"{name}.git") as store:
        return commenter.comment(store, desk.api.pull(pull.number))


def cube(desk: HostedDesk, **fields: Any) -> Mapping[str, bytes]:
    return Hosted(desk.folder, desk.world).cube(**fields)


def ask_beside(desk: HostedDesk, files: Mapping[Any, bytes]) -> Pull:
    """A request for files anywhere, by path from the top."""
    fork = desk.forge.fork(desk.registry, "eve")
    git.git(fork.path, "fetch", "-q", str(desk.registry.path), "main")
    RegistryRepo(fork.path).commit(files, parents=[desk.main()], ref="refs/heads/odd")
    return desk.forge.open(desk.registry, "eve", fork, "odd", title="odd")


def test_it_says_what_the_merge_bot_says_and_the_bot_goes_on_in_the_same_comment(desk: HostedDesk) -> None:
    newcomer = member_file(desk.world, "general-hospital")
    pull = desk.ask(newcomer)
    status = commented(desk, pull)
    assert status is not None
    assert status.fate is Fate.WAITS
    first = desk.status(pull)
    main = desk.main()
    desk.run()
    assert desk.status(pull) == first
    assert desk.main() == main
    approval = desk.world.decide("ada", "members/general-hospital/1.yml", added=newcomer)
    desk.speak(pull, approval)
    again = commented(desk, pull, "second")
    assert again is not None
    assert again.fate is Fate.MERGED
    assert "the merge bot merges it" in desk.status(pull)
    assert (desk.main(), pull.state, pull.labels) == (main, "open", ["medperf:review"]), "that is the bot's"


def test_a_request_that_is_rejected_is_told_why_and_stays_open(desk: HostedDesk) -> None:
    pull = ask_beside(desk, {**{f"registry/{p}": d for p, d in cube(desk).items()}, **HOSTILE_FILES})
    status = commented(desk, pull)
    assert status is not None
    assert status.fate is Fate.REJECTED
    assert "TREE001" in desk.status(pull)
    expect_escaped(desk.status(pull).removeprefix(MARK))
    assert pull.state == "open"


def test_a_request_beside_the_registry_is_left_to_people_by_both(desk: HostedDesk) -> None:
    pull = ask_beside(desk, {"README.md": b"a better page\n"})
    assert commented(desk, pull) is None
    assert desk.run() == {}
    assert pull.comments == []
    assert pull.labels == []
    assert pull.state == "open"


def test_a_request_that_moved_on_while_it_was_fetched_is_left_to_its_own_run(desk: HostedDesk) -> None:
    pull = desk.ask(cube(desk))
    seen = desk.api.pull(pull.number)
    fork = desk.forge.fork(desk.registry, "acme")
    desk.forge.commit(fork, seen.branch, {"registry/x": b"x"}, by="acme", title="more")
    commenter = Commenter(desk.api, desk.url, as_comment, lambda: LATER)
    with init(desk.folder / "job.git") as store:
        assert commenter.comment(store, seen) is None
    assert [c for c in pull.comments if c.author.login == BOT] == []
