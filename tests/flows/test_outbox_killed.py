"""Killed at any step, the same command again: one request, one signature, and nothing that waits."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from medperf_cli.adapters.store.settings import save
from tests.flows.test_outbox import join
from tests.support.hosting import Hosted
from tests.support.killing_submit import POINTS
from tests.support.office import Office, office

ROOT = Path(__file__).parents[2]


def killed(who: Office, act: str, *points: str, request: str = "", again: int = 0) -> list[dict[str, Any]]:
    """What each kill left, and what there was after the same command again, by the helper process."""
    save(who.settings, {"member": who.settings.member, "key": who.settings.key})
    scratch = who.host.folder / "scratch"
    scratch.mkdir()
    plan = {"home": str(who.home), "host": str(who.host.path), "scratch": str(scratch)}
    asked = json.dumps({**plan, "act": act, "request": request, "points": points})
    argv = [sys.executable, "-m", "tests.support.killing_submit"]
    done = subprocess.run(argv, input=asked, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    assert [f["point"] for f in found if f["code"] != -signal.SIGKILL] == [], "every kill hits"
    assert [f["point"] for f in found if f["again"] != again] == [], done.stderr
    assert [f["point"] for f in found if f["waiting"]] == []
    return found


def same_bytes(found: dict[str, Any]) -> bool:
    """Whether what was signed before the kill is what arrived in the end."""
    return bool(found["kept"]) and found["kept"].items() <= found["held"].items()


def test_a_submission_that_is_merged(host: Hosted) -> None:
    with host.store() as store:
        merges = len(store.first_parents(host.main()))
    for found in killed(office(host, "acme"), "submit", *POINTS):
        assert (found["merges"], found["pulls"]) == (merges + 1, []), found["point"]
        assert {p for p in found["held"] if p.endswith(".sig")} == {"cubes/acme/grove/1.sig"}
        assert same_bytes(found) or found["point"] == "while cleaning", found["point"]


def test_a_submission_that_stays_open(host: Hosted) -> None:
    points = ("after the push", "while cleaning")
    for found in killed(office(host, "eve"), "join", *points):
        (ref,) = found["pulls"]
        assert ref.endswith("/head")
        assert same_bytes(found), found["point"]


@pytest.mark.parametrize(("point", "again"), [("after the record", 0), ("after the push", 1)])
def test_a_decision(point: str, again: int, host: Hosted) -> None:
    """Once it is pushed the request is merged: the same command is told that nothing is left to approve."""
    request = join(office(host, "eve"), "eve").request or ""
    with host.store() as store:
        merges = len(store.first_parents(host.main()))
    (found,) = killed(office(host, "ada"), "approve", point, request=request, again=again)
    assert (found["merges"], found["pulls"]) == (merges + 1, [])
    assert same_bytes(found)
