"""`registry redact` as it is typed, from the draft to a reader who is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from medperf_cli.adapters.store.settings import save
from tests.support.acting import act, root, write
from tests.support.hosting import Hosted, hosted
from tests.support.office import office
from tests.support.terminal import Terminal

CUBE = "cubes/acme/forest/1"


@pytest.fixture
def host(tmp_path: Path) -> Hosted:
    found = hosted(tmp_path, 5)
    found.enter(act(found.world, root(2, "ada", format=2)).added)
    found.enter(act(found.world, write(f"{CUBE}.yml", description="Trained on Jane Doe")).added)
    return found


def at(host: Hosted, member: str, terminal: Terminal) -> Terminal:
    who = office(host, member, add=False)
    save(who.settings, {"member": member, "key": who.settings.key})
    who.add()
    return terminal.at(who.home)


def test_a_description_that_names_a_patient_goes(host: Hosted, terminal: Terminal, tmp_path: Path) -> None:
    acme, folder = at(host, "acme", terminal), str(tmp_path / "draft")
    ada = at(host, "ada", terminal)
    asking = ("registry", "redact", CUBE, "--draft", folder)
    ada(*asking).failed(2, "MP-USAGE", "say why", "--reason")
    ada(*asking, "--reason", "named a patient", "--dry-run").ok(f"registry/{CUBE}.yml  (asked for)")
    assert not Path(folder).exists()
    ada(*asking, "--reason", "named a patient", "--yes").ok("signed by ada")
    applying = ("registry", "redact", "--apply", folder)
    ada(*applying, "--yes").failed(2, "MP-USAGE", "say which repository")
    applying = (*applying, "--repository", str(host.path))
    ada(*applying, "--dry-run").ok("will be rewritten", "nothing was changed")
    ada(*applying, "--yes").ok("main is now", "git gc --prune=now", "cannot be called back")
    ada(*applying, "--yes").failed(1, "MP-CONFLICT", "draft it anew")
    acme("registry", "sync").ok("history was rewritten by redaction 1, signed by ada")
    acme("cube", "ls", "--json").ok()
    acme("cube", "view", "forest").failed(2, "MP-UNKNOWN-ID")
