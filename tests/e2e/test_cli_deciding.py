"""Saying no, ending things and seeing what waits, on the command line; a closing is proved by stock tools."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from medperf_cli.adapters.store.settings import save
from tests.support.admins import board
from tests.support.hosting import Hosted, hosted
from tests.support.office import office
from tests.support.story_fields import FOREST, TISSUE
from tests.support.terminal import Terminal


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Hosted:
    """The story up to a model that takes part."""
    return hosted(tmp_path_factory.mktemp("deciding"), 12)


@pytest.fixture
def place(story: Hosted, tmp_path: Path) -> Hosted:
    return story.copy(tmp_path)


def sits(terminal: Terminal, host: Hosted, member: str) -> Terminal:
    """A member at a terminal, with the registry added."""
    who = office(host, member)
    save(who.settings, {"member": member, "key": who.settings.key, "registry": who.settings.registry})
    return terminal.at(who.home)


def test_a_request_is_rejected_seen_and_asked_anew(terminal: Terminal, place: Hosted, tmp_path: Path) -> None:
    ada, eve = sits(terminal, place, "ada"), sits(terminal, place, "eve")
    asking = ("member", "register", "eve", "--contact")
    eve(*asking, "ai@eve.example", "--yes").ok("waits for 1 more of the admins to approve: ada")
    eve("todo").ok("Yours, waits for others", "for ada")
    ada("registry", "sync").ok("1 request waiting for you: see `medperf todo`")
    (item,) = [i for i in ada("todo", "--json").ok().json if i["sort"] == "decide"]
    request = item["command"].split()[-1]
    assert item["command"].endswith(f"medperf review approve {request}")
    ada("member", "ls", "--standing", "requested").ok("eve", "WAITS", request)
    ada("review", "reject", request).failed(2, "MP-USAGE", "--reason")
    ada("review", "reject", request, "--reason", "nobody knows eve", "--dry-run").ok("nothing was sent")
    ada("review", "reject", request, "--reason", "nobody knows eve", typing="y\n").ok(
        "is closed: rejected by ada"
    )
    eve(*asking, "ai@eve.example", "--yes").failed(1, "MP-CLOSED", "rejected by ada", "nobody knows eve")
    (closed,) = eve("review", "ls", "--closed", "--json").ok().json
    assert (closed["by"], closed["verdict"], closed["paths"]) == ("ada", "rejected", ["members/eve/1.yml"])
    eve("todo").ok("Was rejected", "nobody knows eve")
    eve(*asking, "desk@eve.example", "--yes").ok("is open")
    assert proved(ada, place, closed["request"], tmp_path)


def proved(who: Terminal, host: Hosted, request: str, folder: Path) -> bool:
    """Whether stock git and ssh-keygen agree that ada signed the closing."""
    signers = folder / "allowed_signers"
    who("registry", "export-allowed-signers", "-o", signers).ok()
    for name in ("closing.yml", "closing.sig"):
        show = ["git", f"--git-dir={host.path}", "show", f"refs/pull/{request}/closed/ada:{name}"]
        (folder / name).write_bytes(subprocess.run(show, capture_output=True, check=True).stdout)
    verify = ["ssh-keygen", "-Y", "verify", "-f", signers, "-I", "ada", "-n"]
    verify += [f"closing.v1@{host.world.registry}", "-s", folder / "closing.sig"]
    data = (folder / "closing.yml").read_bytes()
    return subprocess.run(verify, input=data, capture_output=True, check=False).returncode == 0


def test_a_committee_changes_and_ends_what_takes_part(terminal: Terminal, place: Hosted) -> None:
    owner, clara, acme = (sits(terminal, place, m) for m in (TISSUE.split("/")[0], "clara", "acme"))
    named = ("-b", "wdbc", "-m", "forest")
    owner("association", "set-priority", *named, "-p", "7", "--yes").ok("is merged")
    policy = (
        "benchmark",
        "update_associations_policy",
        "-b",
        "wdbc",
        "--dataset_auto_approve_mode",
        "ALLOWLIST",
    )
    owner(*policy, "--yes").failed(2, "MP-USAGE", "nobody is named for the allow-list of datasets")
    owner(*policy, "--allow-dataset", "st-mary", "--yes").ok("of the committee to approve: clara")
    (waiting,) = clara("review", "ls", "--for-me", "--json").ok().json
    clara("review", "approve", waiting["request"], "--yes").ok("is merged")
    acme("association", "revoke", *named, "--reason", "r", "--yes").failed(
        1, "MP-REJECTED", "none of the committee"
    )
    clara("association", "revoke", *named, "--reason", "the weights were exchanged", "--yes").ok("is merged")
    (row,) = clara("association", "ls", "--standing", "revoked", "--json").ok().json
    assert row["subject"] == FOREST
    clara("association", "reject", *named, "--reason", "r", "--yes").failed(
        2, "MP-UNKNOWN-ID", "no open request"
    )
    acme("model", "withdraw", "forest", "--reason", "a better one comes", "--yes").ok("is merged")
    acme("model", "withdraw", "forest", "--reason", "again", "--yes").failed(
        2, "MP-USAGE", "in force or pending"
    )


def test_a_key_is_rotated_and_the_old_one_refused(terminal: Terminal, place: Hosted) -> None:
    ada, acme = sits(terminal, place, "ada"), sits(terminal, place, "acme")
    old = acme.home / "keys" / "acme"
    acme("member", "rotate-key", "--yes").failed(2, "MP-USAGE", "which key is the new one")
    acme("key", "new", "--file", acme.home / "next").ok()
    asked = acme("member", "rotate-key", "--old", old, "--yes").ok("once it is merged", "medperf key use")
    (waiting,) = ada("review", "ls", "--for-me", "--json").ok().json
    ada("review", "approve", waiting["request"], "--yes").ok("is merged")
    fingerprint = asked.err.partition("revoke-key ")[2].split()[0]
    acme("member", "revoke-key", fingerprint, "--reason", "lost", "--yes").ok(
        "is merged", "valid keys left: 1"
    )
    acme("key", "use", old).ok()
    acme("todo").ok("the key in use is revoked")
    cannot = acme("model", "withdraw", "forest", "--reason", "r", "--yes")
    cannot.failed(4, "MP-CONFIG", "is revoked (lost", "medperf key use FILE")


def test_requests_are_listed_offline_as_they_were_known(terminal: Terminal, place: Hosted) -> None:
    ada, eve = sits(terminal, place, "ada"), sits(terminal, place, "eve")
    eve("member", "register", "eve", "--contact", "ai@eve.example", "--yes").ok()
    ada("registry", "sync").ok()
    place.path.rename(place.path.with_name("gone.git"))
    ada("review", "ls").failed(5, "MP-NETWORK")
    ada("review", "ls", "--offline").ok("eve")
    assert ada("review", "ls", "--offline", "--mine", "--json").json == []
    assert ada("review", "ls", "--offline", "--owner", "eve", "--json").json[0]["waits_for"] == ["ada"]
    assert ada("review", "ls", "--offline", "--name", "members/eve", "--json").json
    assert ada("review", "ls", "--offline", "-b", "wdbc", "--json").json == []
    ada("todo").ok("Waits for you", "eve")


def test_a_root_is_renewed_by_two_admins(terminal: Terminal, tmp_path: Path) -> None:
    host = board(tmp_path, "dan")
    ada, bea, dan = (sits(terminal, host, name) for name in ("ada", "bea", "dan"))
    dan("registry", "renew-root", "--yes").failed(2, "MP-USAGE", "'dan' is an admin of neither root")
    ada("registry", "renew-root", "--limit", "much").failed(2, "MP-USAGE", "'much' is not a limit")
    ada("registry", "renew-root", "--years", "0", "--yes").failed(2, "MP-USAGE", "not later than")
    wanted = ("registry", "renew-root", "--admin", "dan", "--limit", "change_entities=60")
    shown = ada(*wanted, "--dry-run").ok("dan becomes an admin", "2 of 3 -> 2 of 4", "nothing was sent")
    assert "limit change_entities: 50 -> 60" in shown.err
    asked = ada(*wanted, typing="y\n").ok("is open", "has 1 of 2 signatures")
    assert asked.out == "registry/root/2.yml\n"
    (item,) = bea("review", "ls", "--for-me", "--json").ok().json
    assert (item["verdict"], item["waits_for"]) == ("REVIEW", ["bea", "carl", "dan"])
    number = item["request"][:8]
    bea("review", "show", number).ok("REVIEW: root 2", "changes: dan becomes an admin", "SIG002")
    dan("review", "merge", number, "--yes").failed(1, "MP-REJECTED", "1 of 2 signatures by the admins")
    bea("review", "approve", number, "--yes").ok("waits for an admin to merge it")
    ada("review", "merge", number, "--yes").ok("is merged")
    assert "version: 2" in ada("registry", "view").ok("dan").out
