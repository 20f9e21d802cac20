"""What goes wrong on the way to a forge is tried again, and nothing is made twice; over all vendors."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from medperf_cli.adapters.forge.api import ForgeApi, Vendor
from medperf_cli.adapters.forge.patience import ATTEMPTS, Patient
from medperf_cli.errors import BusyError, NetworkError
from tests.support.forges.faults import Asked, Faults, How, anything
from tests.support.forges.github_faults import primary_limit, secondary_limit
from tests.support.forges.stage import BOT, Stage, staged
from tests.support.forges.vendors import available

TIMEOUTS = {Vendor.GITHUB: "github_web.READ", Vendor.GITLAB: "gitlab_session.TIMEOUT"}
TIMEOUTS |= {Vendor.FORGEJO: "forgejo_web.PATIENCE"}


@pytest.fixture(params=available())
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    with staged(tmp_path / "forge", request.param) as stage:
        yield stage


@pytest.fixture
def waits() -> list[float]:
    return []


def changes(asked: Asked) -> bool:
    """Whether a request changes something."""
    return not asked.git and asked.method not in ("GET", "HEAD")


def lost(faults: Faults, way: str) -> None:
    """Let the next change go wrong in some way."""
    ways: dict[str, Callable[[], None]] = {
        "dropped before": lambda: faults.add(How.BEFORE, changes),
        "dropped after": lambda: faults.add(How.AFTER, changes),
        "no answer in time": lambda: faults.add(How.HANG, changes),
        "half of the answer": lambda: faults.add(How.CUT, changes),
        "a page instead": lambda: faults.html(changes),
        "a page after the work": lambda: faults.add(
            How.REPLACED, changes, headers={"content-type": "text/html"}, body=b"<html>502</html>", status=502
        ),
        "bad gateway": lambda: faults.busy(502, changes),
        "unavailable": lambda: faults.busy(503, changes, times=2),
        "too many": lambda: faults.busy(429, changes, retry_after="7"),
    }
    ways[way]()


WAYS = ("dropped before", "dropped after", "no answer in time", "half of the answer", "a page instead")
WAYS += ("a page after the work", "bad gateway", "unavailable", "too many")


def _hurry(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    module, name = TIMEOUTS[stage.vendor].split(".")
    monkeypatch.setattr(importlib.import_module(f"medperf_cli.adapters.forge.{module}"), name, 0.4)


@pytest.mark.parametrize("way", WAYS)
def test_nothing_is_made_twice_whatever_is_lost(
    stage: Stage, way: str, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    if way == "no answer in time":
        _hurry(stage, monkeypatch)
    api, faults = Patient(stage.api("mgh"), waits.append), stage.forge.faults
    lost(faults, way)
    fork = api.destination()
    stage.branch("mgh")
    lost(faults, way)
    made = api.create("a title", "a body", fork, "medperf/1")
    lost(faults, way)
    comment = api.comment(made.number, "a comment")
    lost(faults, way)
    api.close(made.number)
    assert faults.pending == 0
    assert len([name for name in stage.forge.repositories if name.startswith("mgh/")]) == 1
    (pull,) = stage.registry.pulls.values()
    assert (pull.number, pull.state) == (made.number, "closed")
    (there,) = pull.comments
    assert (there.number, there.body) == (comment.number, "a comment")
    assert len(waits) == (8 if way == "unavailable" else 4)


@pytest.mark.parametrize("way", ["dropped after", "a page after the work"])
def test_what_is_changed_in_place_may_be_changed_again(stage: Stage, way: str, waits: list[float]) -> None:
    pull = stage.request("mgh")
    bot = Patient(stage.api(BOT), waits.append)
    seen, comment = bot.pull(pull.number), bot.comment(pull.number, "one")
    for change in (
        lambda: bot.edit_comment(pull.number, comment.number, "two"),
        lambda: bot.label(seen, frozenset({"medperf:review"})),
        lambda: bot.edit(pull.number, "another title", "another body"),
    ):
        lost(stage.forge.faults, way)
        change()
    assert bot.pull(pull.number).labels == {"medperf:review"}
    assert (pull.title, pull.body) == ("another title", "another body")
    assert [there.body for there in bot.comments(pull.number)] == ["two"]
    lost(stage.forge.faults, way)
    bot.delete_comment(pull.number, comment.number)
    assert pull.comments == []


def test_a_closed_request_of_the_same_branch_is_not_taken_for_the_new_one(
    stage: Stage, waits: list[float]
) -> None:
    api = Patient(stage.api("mgh"), waits.append)
    stage.branch("mgh")
    old = api.create("t", "b", api.destination(), "medperf/1")
    api.close(old.number)
    stage.forge.faults.busy(503, changes)
    assert api.create("t", "b", api.destination(), "medperf/1").number != old.number


def test_an_adapter_itself_never_asks_again(stage: Stage) -> None:
    api = stage.api("mgh")
    for way in ("dropped before", "bad gateway", "too many", "a page instead"):
        lost(stage.forge.faults, way)
        before = len(stage.forge.faults.log)
        with pytest.raises(BusyError) as told:
            api.comment(1, "x")
        assert told.value.after == (7 if way == "too many" else None)
        changed = [asked for asked in stage.forge.faults.log[before:] if changes(asked)]
        assert len(changed) == 1


def test_who_is_always_busy_is_told_in_the_end(stage: Stage, waits: list[float]) -> None:
    api = Patient(stage.api("mgh"), waits.append)
    stage.forge.faults.busy(503, times=100)
    with pytest.raises(NetworkError) as told:
        api.pulls()
    assert not isinstance(told.value, BusyError)
    assert told.value.hint
    assert waits == [1, 2, 4, 8, 16]
    assert len(stage.forge.faults.calls()) == ATTEMPTS


def test_a_wait_that_is_asked_for_is_kept_unless_it_is_too_long(stage: Stage, waits: list[float]) -> None:
    api = Patient(stage.api("mgh"), waits.append)
    stage.forge.faults.busy(429, retry_after="7")
    api.pulls()
    assert waits == [7]
    stage.forge.faults.busy(429, retry_after="3600")
    with pytest.raises(NetworkError):
        api.pulls()
    assert waits == [7]


@pytest.mark.parametrize("field", ["number", "iid", "head", "sha", "state", "created_at"])
def test_an_answer_with_something_missing_is_no_answer(stage: Stage, field: str) -> None:
    pull = stage.request("mgh")
    api = stage.api("mgh")
    api.pull(pull.number)
    spoilt = lambda body: body.replace(f'"{field}":'.encode(), f'"not_{field}":'.encode())  # noqa: E731
    stage.forge.faults.add(How.SPOILT, anything, change=spoilt)
    try:
        seen = api.pull(pull.number)
    except BusyError:
        return
    # Another vendor's field; and Forgejo tells no commit where the branch is gone, so nothing counts for it.
    assert seen == api.pull(pull.number) or (field, seen.head) == ("sha", "")


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"3", b'{"a": 1}', b'"text"', b"[null]", b"[[]]", b"\xff"]
)
def test_an_answer_that_is_something_else_is_no_answer(stage: Stage, body: bytes) -> None:
    api = stage.api("mgh")
    told = {"content-type": "application/json"}
    for ask in (lambda: api.pull(1), api.whoami):
        stage.forge.faults.add(How.INSTEAD, anything, headers=told, body=body)
        with pytest.raises(BusyError):
            ask()


def _github(tmp_path: Path, waits: list[float]) -> Iterator[tuple[Stage, ForgeApi]]:
    with staged(tmp_path / "forge", Vendor.GITHUB) as stage:
        yield stage, Patient(stage.api("mgh"), waits.append)


def test_githubs_limits_say_how_long_to_wait(tmp_path: Path, waits: list[float]) -> None:
    for stage, api in _github(tmp_path, waits):
        faults = stage.forge.faults
        secondary_limit(faults, after=3)
        secondary_limit(faults, after=None)
        primary_limit(faults, seconds=30)
        assert list(api.pulls()) == []
        assert waits == [3, 60, 31]
        primary_limit(faults, seconds=3000)
        with pytest.raises(NetworkError, match="rate limit"):
            api.pulls()


def test_a_fork_that_is_not_ready_is_waited_for(tmp_path: Path, waits: list[float]) -> None:
    for stage, api in _github(tmp_path, waits):
        stage.forge.fork(stage.registry, "mgh").marks["not ready"] = 2
        assert api.destination().name == "mgh/registry"
        assert waits == [2, 2]
