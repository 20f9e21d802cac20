"""The outbox on the command line: a hospital without a network, and somebody who carries."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from medperf_cli.adapters.store.settings import save
from tests.support.hosting import Hosted, hosted
from tests.support.office import CubeFolder, office
from tests.support.terminal import Terminal


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory) -> Hosted:
    """A registry with the story's members."""
    return hosted(tmp_path_factory.mktemp("outbox"), 5)


@pytest.fixture
def place(members: Hosted, tmp_path: Path) -> Hosted:
    return members.copy(tmp_path)


def sits(terminal: Terminal, host: Hosted, member: str) -> Terminal:
    """A member at a terminal, without a registry yet."""
    who = office(host, member, add=False)
    save(who.settings, {"member": member, "key": who.settings.key})
    return terminal.at(who.home)


def submitting(folder: Path) -> tuple[object, ...]:
    cube = CubeFolder(folder)
    return (
        *("model", "submit", "grove", "--container-config", cube.config_file),
        *("--about", cube.about_file, "--archive", cube.archive("one")),
    )


def test_a_machine_that_never_had_a_network(terminal: Terminal, place: Hosted, tmp_path: Path) -> None:
    """Everything goes in and out on a stick: the registry, a member's model, and the registry again."""
    stick = tmp_path / "stick"
    stick.mkdir()
    carrier = sits(terminal, place, "clara")
    root = office(place, "clara", add=False).root
    carrier("registry", "add", place.url, "--root", root).ok()
    carrier("registry", "export-bundle", stick / "registry.bundle").ok("holds what is verified")

    acme = sits(terminal, place, "acme")
    acme("profile", "set", "offline", "true").ok()
    acme("registry", "add", stick / "registry.bundle", "--root", root).ok("5 changes")
    kept = acme(*submitting(tmp_path / "cube"), typing="y\n").ok(
        "kept in the outbox", "medperf outbox export"
    )
    assert kept.out == "registry/cubes/acme/grove/1.yml\n"
    (item,) = acme("outbox", "ls", "--json").ok().json
    assert (item["what"], item["why"], item["by"]) == ("cube acme/grove", "not tried yet", "acme")
    table = acme("outbox", "ls").ok(f"  next: medperf outbox send {item['item']}")
    assert [line.split() for line in table.out.splitlines()] == [
        ["ITEM", "WHAT", "SINCE", "WHY"],
        [item["item"], "cube", "acme/grove", item["since"][:10], "not", "tried", "yet"],
    ]
    acme("todo").ok("Signed, and has not arrived", "cube acme/grove: not tried yet", "medperf outbox send")
    told = acme("outbox", "export", stick / "acme.bundle").ok("medperf outbox import acme.bundle")
    assert told.out == f"{item['item']}\n"
    verify = ["git", f"--git-dir={place.path}", "bundle", "verify", stick / "acme.bundle"]
    assert subprocess.run(verify, capture_output=True, check=False).returncode == 0, "stock git reads it too"

    carrier("outbox", "import", stick / "acme.bundle").failed(2, "MP-USAGE", "no terminal to ask at")
    shown = carrier("outbox", "import", stick / "acme.bundle", "--dry-run").ok("you only carry it")
    assert "nothing was sent" in shown.err
    assert carrier("outbox", "ls", "--json").json == []
    done = carrier("outbox", "import", stick / "acme.bundle", typing="y\n").ok(
        "is merged", "signed by acme with"
    )
    assert done.out == "registry/cubes/acme/grove/1.yml\n"
    carrier("outbox", "import", stick / "acme.bundle", "--yes").failed(2, "MP-USAGE", "has arrived already")
    carrier("registry", "export-bundle", stick / "registry.bundle").failed(2, "MP-USAGE", "is there already")
    carrier("registry", "export-bundle", stick / "newer.bundle").ok()

    acme("registry", "sync", "--from", stick / "nowhere").failed(2, "MP-USAGE", "there is no file")
    (stick / "torn").write_bytes((stick / "newer.bundle").read_bytes()[:-40])
    acme("registry", "sync", "--from", stick / "torn").failed(10, "MP-INTEGRITY", "not a whole bundle")
    acme("registry", "sync", "--from", stick / "newer.bundle").ok("1 new change")
    assert acme("outbox", "ls", "--json").json == [], "it is seen in the registry"
    older = acme("registry", "sync", "--from", stick / "registry.bundle")
    older.failed(2, "MP-USAGE", "is older than what is verified here")
    assert acme("model", "ls", "--mine", "--json").json[0]["id"] == "acme/grove"


def test_no_network_for_a_while(terminal: Terminal, place: Hosted, tmp_path: Path) -> None:
    acme = sits(terminal, place, "acme")
    acme("registry", "add", place.url, "--root", office(place, "acme", add=False).root).ok()
    away = place.path.rename(place.path.with_name("away.git"))
    command = submitting(tmp_path / "cube")
    acme(*command, "--yes").failed(5, "MP-NETWORK", "what is signed is kept", "`medperf outbox send`")
    acme("outbox", "send", "--yes").failed(5, "MP-NETWORK")
    (item,) = acme("outbox", "ls", "--json").ok().json
    assert (item["code"], item["next"]) == ("MP-NETWORK", f"medperf outbox send {item['item']}")
    away.rename(place.path)
    acme("outbox", "send", "--dry-run").ok("nothing was sent", "registry/cubes/acme/grove/1.yml")
    acme("outbox", "send", item["item"][:5], typing="y\n").ok("is merged", "registry/cubes/acme/grove/1.yml")
    acme("outbox", "send").ok("nothing was sent")
    acme("outbox", "drop", "ffff").failed(2, "MP-UNKNOWN-ID", "medperf outbox ls")
    acme("outbox", "export", tmp_path / "b").failed(2, "MP-USAGE", "nothing waits")
