"""A registry of one's own on a simulated forge: founded, pushed, protected, compared, joined."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from medperf_cli.adapters.forge.api import Vendor
from tests.support.forges.stage import BOT, Stage, staged
from tests.support.terminal import Done, Terminal

VENDORS = list(Vendor)


@pytest.fixture(params=VENDORS)
def stage(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "file:http")
    with staged(tmp_path / "forge", request.param) as made:
        yield made


@pytest.fixture
def ada(terminal: Terminal, stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("MEDPERF_FORGE", stage.vendor)
    monkeypatch.setenv("MEDPERF_FORGE_API", stage.address.api)
    monkeypatch.setenv("MEDPERF_FORGE_TOKEN", stage.forge.token("admin"))
    founder = terminal.at(tmp_path / "ada")
    founder("key", "new").ok()
    return founder


def rows(done: Done) -> dict[str, str]:
    return {row["check"]: row["state"] for row in done.json}


def test_founded_pushed_protected_compared_and_joined(ada: Terminal, stage: Stage, tmp_path: Path) -> None:
    empty = stage.forge.repository("consortium/breast")
    empty.roles |= {"admin": "admin", stage.forge.user(BOT).login: "write"}
    url, folder = f"{stage.forge.url}/consortium/breast.git", tmp_path / "breast"
    hosted = ("--forge", stage.vendor, "--url", url, "--owner", "@consortium/admins")
    who = ("--admin", "ada", "--contact", "registry@consortium.example", "--title", "Breast imaging")
    *_, root = ada("registry", "init", folder, *who, *hosted).ok().out.split()
    ada("registry", "protect", url, "--bot", BOT, "--yes").failed(2, "MP-USAGE", "no main to protect yet")
    empty_main = {row["check"]: row["repair"] for row in ada("registry", "doctor", url, "--json").json}
    assert "git push --set-upstream origin main" in empty_main["branch"]
    pushed = stage.git(folder, os.environ["MEDPERF_FORGE_TOKEN"], "push", "origin", "main")
    assert pushed.returncode == 0, pushed.stderr
    before = ada("registry", "doctor", url, "--root", root, "--json")
    assert (before.code, rows(before)["rules"], rows(before)["workflows"]) == (1, "fail", "ok")
    assert any(f"medperf registry protect {url} --bot NAME" in row["repair"] for row in before.json)
    ada("registry", "protect", url, "--bot", BOT, "--dry-run").ok("nothing was changed", f"may: {BOT}")
    ada("registry", "protect", url, "--bot", BOT, typing="y\n").ok("main is protected")
    after = ada("registry", "doctor", url, "--root", root, "--bot", BOT, "--json").ok()
    assert {name for name, state in rows(after).items() if state != "ok"} <= {"code owners"}, after.out
    refused = stage.git(folder, stage.forge.token("writer"), "push", "origin", "main:main")
    assert refused.returncode != 0

    newcomer = ada.at(tmp_path / "acme")
    newcomer("key", "new").ok()
    newcomer("registry", "add", url, "--root", root).ok("'Breast imaging' is verified: 1 change, 2 files")
    asked = newcomer("member", "register", "acme", "--contact", "ai@acme.example", "--login", "--yes").ok()
    assert "is open" in asked.err
    (waiting,) = ada.at(tmp_path / "acme")("review", "ls", "--json").ok().json
    shown = newcomer("review", "show", waiting["request"]).ok().out
    assert 'login: "admin"' in shown or "login: admin" in shown
    assert newcomer("member", "add-login", "--yes").failed(4, "MP-CONFIG", "not a member")
