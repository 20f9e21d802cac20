"""Requests are made by strangers: however many and large they are, lists stay whole and hide no small one."""

from __future__ import annotations

from pathlib import Path

import pytest

from medperf_cli.flows.reading.asked import Asked, AskedFile, AskedRequest, Waits, read_asked, write_asked
from medperf_cli.flows.reading.registry import Place
from medperf_cli.flows.submitting import keep
from medperf_cli.flows.submitting.desk import keep_up
from tests.support.hosting import Hosted
from tests.support.office import office
from tests.support.world import member_file

LONG = "\N{OLD ITALIC LETTER A}" * 200


def request(number: int, files: int) -> AskedRequest:
    """One that asks for so many benchmarks, each with the longest texts there may be."""
    paths = [f"benchmarks/acme/{'b' * 20}-{number}-{i}/1.yml" for i in range(files)]
    fields = dict.fromkeys(("title", "name", "description", "message"), LONG)
    about = (f"{number:016x}", LONG, "acme", "2026-01-02T10:00:00Z", "REVIEW")
    waits = tuple(Waits(path, "approve", "admins", 1, ("ada", f"m{i % 3}")) for i, path in enumerate(paths))
    return AskedRequest(
        *about, tuple(AskedFile(p, "0" * 64, fields) for p in paths), waits, (), (LONG,), "commits"
    )


def test_huge_requests_neither_fill_the_copy_nor_hide_a_small_one(tmp_path: Path) -> None:
    small, huge = request(99, 3), [request(number, 1500) for number in range(40)]
    here = Place(tmp_path)
    write_asked(here, Asked("2026-01-03T10:00:00Z", (*huge, small)))
    assert here.requests.stat().st_size < 64 << 20
    found = read_asked(here)
    assert found.requests[-1] == small
    assert [r.id for r in found.requests[:-1]] == [r.id for r in huge]
    cut = next(r for r in found.requests if len(r.files) < 1500)
    assert cut.hindrances[0] == "1480 more files in it"
    assert {m for w in cut.waits for m in w.members} == {"ada", "m0", "m1", "m2"}, "nobody asked is forgotten"


def test_too_many_requests_are_told(host: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keep, "_MOST", 1)
    for name in ("eve", "mallory"):
        host.member(name).open(member_file(host.world, name), author=name)
    ada = office(host, "ada")
    _, asked = keep_up(ada.deps)
    assert (len(asked.requests), asked.left_out) == (1, 1)
    assert asked.unseen.startswith("1 more open requests were not looked at")
    assert read_asked(Place(ada.copy)) == asked
