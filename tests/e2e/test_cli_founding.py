"""Founding a registry for a hosted forge on the command line: alone, with others, killed, mistyped."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from medperf_cli.adapters.forge.api import Vendor
from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.core.check.engine import check
from medperf_cli.core.check.findings import Verdict
from medperf_cli.core.names import GITATTRIBUTES_BYTES
from medperf_cli.core.requests import MAIN
from medperf_cli.flows.founding import found_on_forge
from medperf_cli.flows.founding.workflows import workflow_files
from tests.support.terminal import Terminal

URL = "https://github.com/consortium/breast.git"
ALONE = ("--admin", "ada", "--contact", "registry@consortium.example", "--title", "Breast imaging")
HOSTED = ("--forge", "github", "--url", URL, "--owner", "@consortium/admins")


@pytest.fixture
def ada(terminal: Terminal, tmp_path: Path) -> Terminal:
    founder = terminal.at(tmp_path / "ada")
    founder("key", "new").ok()
    return founder


def public_key(who: Terminal) -> Path:
    return who.home / "keys" / "id_ed25519.pub"


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", "-C", folder, *arguments], capture_output=True, check=True, text=True
    ).stdout


def test_a_registry_for_a_forge_is_whole_lawful_and_can_be_joined(ada: Terminal, tmp_path: Path) -> None:
    folder = tmp_path / "breast"
    ada("registry", "init", folder, *ALONE, *HOSTED, "--dry-run").ok("README.md", "nothing was made")
    assert not folder.exists()
    adding = ada("registry", "init", folder, *ALONE, *HOSTED).ok().out.split()
    assert adding[:4] == ["medperf", "registry", "add", URL]
    assert git(folder, "status", "--short", "--branch").split() == ["##", "main"]
    assert git(folder, "remote", "get-url", "origin").strip() == URL
    with GitStore(folder) as store:
        head = store.rev(MAIN) or ""
        assert check(store.change(store.parent(head), head)).verdict is Verdict.AUTO
        assert not store.touches_registry(None, store.parent(head) or "")
    assert (folder / ".gitattributes").read_bytes() == GITATTRIBUTES_BYTES
    assert (folder / ".github" / "CODEOWNERS").read_text().endswith("* @consortium/admins\n/registry/\n")
    page = (folder / "README.md").read_text()
    assert page.startswith("# Breast imaging\n")
    assert adding[-1] in page
    workflows = workflow_files(Vendor.GITHUB, "medperf-registry==0.1.0", adding[-1])
    assert {path: (folder / path).read_bytes() for path in workflows} == workflows

    clone = tmp_path / "clone.git"
    git(tmp_path, "clone", "--quiet", "--bare", str(folder), str(clone))
    ada("registry", "add", clone, *adding[4:]).ok("'Breast imaging' is verified: 1 change, 2 files")
    ada("registry", "init", folder, "--forge", "gitlab").failed(2, "MP-USAGE", "was founded for github")
    again = ada("registry", "init", folder).ok("Selected branches and tags", "MEDPERF_APP_KEY", "doctor")
    assert again.out.split() == adding
    assert git(folder, "rev-parse", "main").strip() == head


def test_several_admins_found_it_together(ada: Terminal, tmp_path: Path) -> None:
    grace, rosa = ada.at(tmp_path / "grace"), ada.at(tmp_path / "rosa")
    for who in (grace, rosa):
        who("key", "new").ok()
    folder = tmp_path / "breast"
    others = [f"--admin={name}={public_key(who)}" for name, who in (("grace", grace), ("rosa", rosa))]
    bot = ada.at(tmp_path / "bot")
    bot("key", "new").ok()
    recorder = ("--recorder", public_key(bot))
    begun = ada("registry", "init", folder, *ALONE, *HOSTED, *others, *recorder, "--threshold", "2").ok()
    assert begun.out == ""
    assert "waits for: grace, rosa" in begun.err
    sent = tmp_path / "sent" / "registry"
    shutil.copytree(folder / "registry", sent)

    contact = ("--contact", "ai@lakeside.example")
    grace("registry", "sign-root", sent).failed(2, "MP-USAGE", "mailbox")
    grace("registry", "sign-root", sent, *contact, typing="n\n").ok("nothing was signed")
    signed = grace("registry", "sign-root", sent, *contact, typing="y\n")
    signed.ok(
        "as admin 'grace'", "2 of these admins decide together", "recorded_kinds", "still to sign: rosa"
    )
    back = signed.out.split()
    assert back == [
        "registry/members/grace/1.yml",
        "registry/members/grace/1.sig",
        "registry/root/1.grace.sig",
    ]
    rosa("registry", "sign-root", sent, *contact, "--yes").ok("everybody has signed")
    shutil.copytree(sent, folder / "registry", dirs_exist_ok=True)
    (folder / "registry" / "root" / "1.rosa.sig").write_bytes((sent / "root" / "1.grace.sig").read_bytes())
    ada("registry", "init", folder).failed(1, "MP-REJECTED", "SIG002", "sign-root")
    (folder / "registry" / "root" / "1.rosa.sig").write_bytes((sent / "root" / "1.rosa.sig").read_bytes())
    ada("registry", "init", folder, "--dry-run").ok()
    assert git(folder, "log", "--format=%s").split("\n")[0] == "Scaffold the registry"
    *adding, root = ada("registry", "init", folder).ok().out.split()
    grace("registry", "add", folder, "--root", root).ok("1 change, 4 files")
    assert "threshold: 2" in grace("registry", "view").ok().out
    assert adding[-2] == URL


def test_killed_before_git_knows_of_the_first_commit_it_is_finished(
    ada: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "breast"

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    for step in ("_write", "_begin", "_match_index"):
        with monkeypatch.context() as patch:
            patch.setattr(found_on_forge, step, killed)
            assert ada("registry", "init", folder, *ALONE, *HOSTED).code == 130
    ada("registry", "init", folder).ok()
    assert git(folder, "status", "--short") == ""
    assert len(git(folder, "log", "--format=%h").split()) == 2
    assert [left.name for left in tmp_path.iterdir() if left.name.startswith(".")] == []


@pytest.mark.parametrize(
    ("vendor", "owners", "told"),
    [
        ("gitlab", ".gitlab/CODEOWNERS", "* @lab/admins\n!/registry/\n"),
        ("forgejo", "CODEOWNERS", "!registry/.* @lab/admins\n"),
    ],
)
def test_each_vendor_gets_its_own_files(
    ada: Terminal, tmp_path: Path, vendor: str, owners: str, told: str
) -> None:
    folder = tmp_path / vendor
    hosted = ("--forge", vendor, "--url", f"https://git.example.org/lab/{vendor}", "--owner", "@lab/admins")
    commit = f"medperf-registry @ git+https://git.example.org/lab/tool@{'a' * 40}"
    done = ada("registry", "init", folder, *ALONE, *hosted, "--tool", commit).ok("MEDPERF_MERGE_TOKEN")
    assert f"registry protect https://git.example.org/lab/{vendor}.git" in done.err
    assert (folder / owners).read_text().endswith(told)
    assert f"medperf profile set forge {vendor}\n" in (folder / "README.md").read_text()
    assert "medperf-registry[forges] @ git+" in (folder / "README.md").read_text()
    root = done.out.split()[-1]
    for path, data in workflow_files(Vendor(vendor), commit, root).items():
        assert (folder / path).read_bytes() == data


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 2, "--bare"),
        (("--bare", *HOSTED), 2, "not both"),
        (("--forge", "github", "--owner", "@a/b"), 2, "--url https://"),
        (("--forge", "github", "--url", "git@github.com:a/b.git", "--owner", "@a/b"), 2, "https address"),
        (("--forge", "github", "--url", "https://me:secret@github.com/a/b"), 2, "not a plain address"),
        (("--forge", "github", "--url", "http://forge.example/a/b"), 2, "can be read on the way"),
        (("--forge", "gitlab", "--url", "https://forge.example/a"), 4, "names no repository"),
        (("--forge", "github", "--url", URL), 2, "--owner"),
        (("--forge", "github", "--url", URL, "--owner", "admins"), 2, "is no owner"),
        ((*HOSTED, "--tool", "medperf-registry"), 2, "does not pin the tool"),
        ((*HOSTED, "--threshold", "2"), 2, "2 of 1 admins"),
        ((*HOSTED, "--threshold", "0"), 2, "0 of 1 admins"),
        ((*HOSTED, "--admin", "grace"), 2, "NAME=KEYFILE.pub"),
        ((*HOSTED, "--admin", "grace=none.pub"), 2, "is not the file of a public SSH key"),
        ((*HOSTED, "--admin", "Grace!=none.pub"), 2, "is not a member's name"),
        ((*HOSTED, "--admin", "grace={mine}"), 2, "named twice"),
        ((*HOSTED, "--recorder", "{mine}"), 2, "is the key of an admin"),
        ((*HOSTED, "--recorded-kind", "association"), 2, "--recorder"),
        ((*HOSTED, "--years", "0"), 2, "a year at least"),
        ((*HOSTED, "--years", "99999"), 2, "calendar"),
        ((*HOSTED, "--title", "two\nlines"), 1, "field 'title'"),
        ((*HOSTED, "--contact", "somebody"), 1, "field 'contact'"),
    ],
)
def test_what_makes_no_sense_makes_nothing(
    ada: Terminal, tmp_path: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    given = [word.replace("{mine}", str(public_key(ada))) for word in words]
    done = ada("registry", "init", tmp_path / "breast", *ALONE, *given)
    done.failed(code, {1: "MP-DOCUMENT", 2: "MP-USAGE", 4: "MP-CONFIG"}[code], said)
    assert "secret" not in done.err
    assert not (tmp_path / "breast").exists()


def test_without_a_key_or_in_a_folder_in_use_nothing_is_made(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = terminal.at(tmp_path / "nobody")
    nobody("registry", "init", tmp_path / "breast", *ALONE, *HOSTED).failed(
        4, "MP-CONFIG", "no key is chosen"
    )
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "thesis.tex").touch()
    nobody("registry", "init", tmp_path / "used", *ALONE, *HOSTED).failed(4, "MP-CONFIG", "is not empty")
    nobody("key", "new").ok()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for sort in (HOSTED, ("--bare",)):
        nobody("registry", "init", ".", *ALONE, *sort).failed(2, "MP-USAGE", "the folder you are in")
    nobody("registry", "sign-root", tmp_path / "used").failed(2, "MP-USAGE", "no draft of a registry")


def test_a_root_is_signed_only_by_whom_it_names(ada: Terminal, tmp_path: Path) -> None:
    grace, eve = ada.at(tmp_path / "grace"), ada.at(tmp_path / "eve")
    grace("key", "new").ok()
    eve("key", "new").ok()
    folder = tmp_path / "breast"
    others = ("--admin", f"grace={public_key(grace)}", "--threshold", "1")
    ada("registry", "init", folder, *ALONE, *HOSTED, *others).ok("waits for: grace")
    mail = ("--contact", "eve@mail.example", "--yes")
    trap = tmp_path / "trap" / "registry"
    shutil.copytree(folder / "registry", trap)
    shutil.rmtree(trap / "members")
    (trap / "members").symlink_to(tmp_path)
    grace("registry", "sign-root", trap, *mail).failed(10, "MP-INTEGRITY", "leads out of it")
    assert not (tmp_path / "grace" / "1.yml").exists()
    eve("registry", "sign-root", folder, *mail).failed(4, "MP-CONFIG", "names no admin with key")
    ada("registry", "init", tmp_path / "bare.git", "--bare", *ALONE, *others).failed(
        2, "MP-USAGE", "founded by one admin", "renew-root"
    )


def test_workflows_are_written_anew_for_another_version_of_the_tool(ada: Terminal, tmp_path: Path) -> None:
    folder = tmp_path / "breast"
    ada("registry", "init", folder, *ALONE, *HOSTED).ok()
    ada("registry", "init", folder, "--tool", "medperf-registry==0.1.0").ok("are as this version writes them")
    newer = ("--tool", "medperf-registry==0.2.0")
    told = ada("registry", "init", folder, *newer, "--dry-run").ok("would be written").out
    assert ".github/workflows/merge.yml" in told.split()
    assert git(folder, "status", "--short") == ""
    assert ada("registry", "init", folder, *newer).ok("commit them").out == told
    assert "medperf-registry[forges]==0.2.0" in (folder / ".github/workflows/merge.yml").read_text()
    ada("registry", "init", folder, "--tool", "newest").failed(2, "MP-USAGE", "does not pin")


def test_a_host_is_looked_at_and_its_rules_are_not_touched_unasked(ada: Terminal, tmp_path: Path) -> None:
    ada("registry", "doctor").failed(4, "MP-CONFIG", "no registry is in use")
    place = tmp_path / "registry.git"
    *_, root = ada("registry", "init", "--bare", place, *ALONE).ok().out.split()
    ada("registry", "doctor", place, "--root", root).ok("begins with the pinned root", "0 to repair")
    (place / "hooks" / "pre-receive").unlink()
    ada("registry", "add", place, "--root", root).ok()
    found = ada("registry", "doctor", "--json")
    assert found.code == 1
    wrong = {row["check"] for row in found.json if row["state"] == "fail"}
    assert wrong == {"hooks", "python"}
    ada("registry", "protect", URL).failed(2, "MP-USAGE", "--bot")
    ada("registry", "protect", place, "--bot", "bot").failed(4, "MP-CONFIG", "on no hosted forge")
