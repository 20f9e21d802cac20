"""Whoever hosts a registry, compared with what it needs: a forge's rules, files in main, a bare host."""

from __future__ import annotations

import dataclasses
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from medperf_cli.adapters.forge.address import forge_address
from medperf_cli.adapters.forge.api import Account, Protection, Vendor
from medperf_cli.adapters.store.remote import init
from medperf_cli.adapters.store.settings import Settings
from medperf_cli.adapters.store.writing import write_commit
from medperf_cli.core.lifecycle.reader import sha256
from medperf_cli.core.requests import MAIN
from medperf_cli.errors import ConfigurationError, NetworkError, TokenError, UsageError
from medperf_cli.flows.deps import Deps
from medperf_cli.flows.doctor.hosting import hosting
from medperf_cli.flows.doctor.registry_host import BARE, HOSTED, checkup_of, host_checkup
from medperf_cli.flows.founding.protecting import protect, set_rules
from medperf_cli.flows.founding.scaffold import scaffold_files, site_of
from tests.support.hosting import BEGIN, SOMEBODY, Hosted, hosted
from tests.support.office import Talk
from tests.support.world import genesis

ROOT = sha256(genesis()["root/1.yml"])
URL = "https://forge.example.org/lab/breast.git"
GOOD = Protection(
    protected=True,
    pull_required=True,
    checks=frozenset({"check"}),
    force_push=False,
    deletion=False,
    linear=False,
    pushers=frozenset({"bot"}),
    code_owners=True,
)
Row = tuple[str, str, str]


class Forge:
    """A forge's answers about main's rules, in memory."""

    host, repository = "forge.example.org", "lab/breast"

    def __init__(self, found: Protection | Exception = GOOD, who: str | Exception = "ada") -> None:
        self._found, self._who = found, who
        self.asked = 0
        self.set: list[tuple[frozenset[str], frozenset[str]]] = []

    def whoami(self) -> Account:
        if isinstance(self._who, Exception):
            raise self._who
        return Account(self._who, 7)

    def protection(self) -> Protection:
        self.asked += 1
        if isinstance(self._found, Exception):
            raise self._found
        return self._found

    def protect(self, checks: frozenset[str], pushers: frozenset[str]) -> Sequence[str]:
        self.set.append((checks, pushers))
        return ["make the environment 'merge'"]


def deps(home: Path, *, answer: bool = True, **settings: Any) -> Deps:
    return Deps(Settings(home=home, **settings), lambda: BEGIN, Talk(), lambda _: answer, interactive=False)


def repository(folder: Path, files: dict[str, bytes], branch: str = "main") -> str:
    """A repository with some files beside a registry, as a forge would serve it; its address."""
    with init(folder, branch=branch) as store:
        first = write_commit(store, None, files, "beside", author=SOMEBODY, date=BEGIN, folder="")
        main = write_commit(store, first, genesis(), "the registry begins", author=SOMEBODY, date=BEGIN)
        store.update_ref(f"refs/heads/{branch}", main, None)
        if branch != "main":
            store.update_ref(MAIN, main, None)
    return f"file://{folder}"


def scaffolded(vendor: str = "github", tool: str | None = None) -> dict[str, bytes]:
    return scaffold_files(site_of(vendor, URL, ("@lab/admins",), tool), "Breast imaging", f"sha256:{ROOT}")


def looked(
    home: Path, url: str, api: Any = None, vendor: str = "github", *, root: str = ROOT, **given: Any
) -> dict[str, Row]:
    address = forge_address(URL, vendor)
    assert address is not None
    forge = (address, api or Forge())
    found = checkup_of(hosting(deps(home), url, forge, None, expected=root, **given))
    assert [item.name for item in found] == list(HOSTED)
    return {item.name: (str(item.finding.state), item.finding.text, item.finding.repair) for item in found}


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> str:
    return repository(tmp_path_factory.mktemp("forge") / "breast.git", scaffolded())


def test_a_registry_as_it_was_scaffolded_and_protected_has_nothing_to_repair(
    good: str, tmp_path: Path
) -> None:
    api = Forge()
    found = looked(tmp_path, good, api, bots=frozenset({"bot"}))
    assert {state for state, _, _ in found.values()} == {"ok"}, found
    assert "medperf-registry==0.1.0" in found["workflows"][1]
    assert found["owners file"][1].startswith("@lab/admins")
    assert api.asked == 1


@pytest.mark.parametrize(
    ("vendor", "rules"),
    [("gitlab", {"pipeline"}), ("forgejo", {"check / check (pull_request)"}), ("forgejo", {"check*"})],
)
def test_each_vendor_is_compared_with_its_own_files_and_words(
    tmp_path: Path, vendor: str, rules: set[str]
) -> None:
    url = repository(tmp_path / "breast.git", scaffolded(vendor))
    api = Forge(dataclasses.replace(GOOD, checks=frozenset(rules)))
    found = looked(tmp_path, url, api, vendor)
    assert {state for state, _, _ in found.values()} == {"ok"}, found


@pytest.mark.parametrize(
    ("changed", "check", "state", "says"),
    [
        ({"protected": False}, "rules", "fail", "no rules at all"),
        ({"pull_required": False, "pushers": frozenset()}, "requests", "fail", "past all requests"),
        ({"pull_required": False, "pushers": frozenset()}, "pushers", "warn", "no rule says"),
        ({"pull_required": False, "pushers": frozenset({"Maintainers"})}, "requests", "warn", "Maintainers"),
        ({"checks": frozenset({"lint"})}, "check", "fail", "required: lint"),
        ({"checks": frozenset()}, "check", "fail", "required: none"),
        ({"force_push": True}, "force push", "fail", "force-pushed"),
        ({"deletion": True}, "deletion", "fail", "deleted"),
        ({"linear": True}, "merge commits", "fail", "could not push any"),
        ({"pushers": frozenset()}, "pushers", "fail", "bot is missing"),
        ({"pushers": frozenset({"eve"})}, "pushers", "fail", "bot is missing among 'eve'"),
        ({"pushers": frozenset({"bot", "eve"})}, "pushers", "warn", "bot, eve"),
        ({"code_owners": False}, "code owners", "warn", "whoever may merge"),
        *(({field: None}, name, "warn", "cannot be told") for field, name in [
            ("protected", "rules"), ("pull_required", "requests"), ("checks", "check"),
            ("force_push", "force push"), ("deletion", "deletion"), ("linear", "merge commits"),
            ("pushers", "pushers"), ("code_owners", "code owners"),
        ]),
    ],
)  # fmt: skip
def test_a_rule_that_is_not_as_it_must_be_is_named_with_its_repair(  # noqa: PLR0917 - a row of the table
    good: str, tmp_path: Path, changed: dict[str, Any], check: str, state: str, says: str
) -> None:
    api = Forge(dataclasses.replace(GOOD, **changed))
    found = looked(tmp_path, good, api, bots=frozenset({"bot"}))
    assert found[check][0] == state
    assert says in found[check][1]
    assert found[check][2]


def test_an_app_is_known_by_its_number_where_the_forge_tells_no_name(good: str, tmp_path: Path) -> None:
    api = Forge(dataclasses.replace(GOOD, pushers=frozenset({"Integration 12", "grace"})))
    assert looked(tmp_path, good, api, bots=frozenset({"merge[bot]", "grace"}))["pushers"][0] == "ok"
    assert looked(tmp_path, good, api, bots=frozenset({"merge[bot]"}))["pushers"][0] == "warn"
    assert looked(tmp_path, good, api, bots=frozenset({"merge", "grace"}))["pushers"][0] == "fail"


def test_without_a_right_to_look_nothing_is_called_well(good: str, tmp_path: Path) -> None:
    api = Forge(TokenError("token may not read rules", hint="scope `repo`"), NetworkError("no answer"))
    found = looked(tmp_path, good, api)
    for name in ("rules", "requests", "check", "force push", "deletion", "pushers", "code owners"):
        assert found[name] == ("warn", "cannot be told: token may not read rules", "scope `repo`")
    assert found["token"][0] == "warn"
    assert found["workflows"][0] == "ok"


def without(*names: str) -> Callable[[dict[str, bytes]], dict[str, bytes]]:
    return lambda files: {name: data for name, data in files.items() if name not in names}


def having(name: str, data: bytes) -> Callable[[dict[str, bytes]], dict[str, bytes]]:
    return lambda files: {**files, name: data}


MERGE = ".github/workflows/merge.yml"


@pytest.mark.parametrize(
    ("change", "check", "state", "says"),
    [
        (without(MERGE), "workflows", "fail", f"missing: {MERGE}"),
        (having(MERGE, b"on: push\n"), "workflows", "warn", f"not as this version writes them: {MERGE}"),
        (having(MERGE, scaffolded(tool="medperf-registry==9.9")[MERGE]), "workflows", "fail", "2 versions"),
        (having(".github/workflows/own.yml", b""), "workflows", "warn", "own.yml"),
        (without(".github/CODEOWNERS"), "owners file", "fail", "nobody must look"),
        (having(".github/CODEOWNERS", b"* @lab/admins\n"), "owners file", "warn", "something else"),
        (
            having(".github/CODEOWNERS", b"* @a/b\n/registry/\n/.github/\n"),
            "owners file",
            "warn",
            "something",
        ),
    ],
)
def test_what_stands_in_main_is_compared_with_the_scaffold(
    tmp_path: Path,
    change: Callable[[dict[str, bytes]], dict[str, bytes]],
    check: str,
    state: str,
    says: str,
) -> None:
    found = looked(tmp_path, repository(tmp_path / "breast.git", change(scaffolded())))
    assert found[check][0] == state, found[check]
    assert says in found[check][1]
    assert {s for name, (s, _, _) in found.items() if name != check} == {"ok"}


def test_another_root_branch_or_nothing_there_is_said_first(good: str, tmp_path: Path) -> None:
    state, text, _ = looked(tmp_path, good, root="0" * 64)["root"]
    assert (state, ROOT in text) == ("fail", True)
    url = repository(tmp_path / "breast.git", scaffolded(), branch="develop")
    assert looked(tmp_path, url)["branch"][:2] == (
        "fail",
        "the default branch is 'develop': requests would ask to enter that",
    )
    found = looked(tmp_path, f"file://{tmp_path}/nowhere.git")
    assert {found[name][0] for name in ("branch", "root", "workflows", "owners file")} == {"fail"}
    assert found["rules"][0] == "ok"


# --- bare hosts


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Hosted:
    return hosted(tmp_path_factory.mktemp("bare"), 1)


def examined(host: Hosted, home: Path, url: str | None = None) -> dict[str, Row]:
    root = sha256(host.world.files["root/1.yml"])
    found = checkup_of(hosting(deps(home), url or str(host.path), None, None, expected=root))
    assert [item.name for item in found] == list(BARE)
    return {item.name: (str(item.finding.state), item.finding.text, item.finding.repair) for item in found}


def test_a_bare_host_as_it_was_made_has_nothing_to_repair(bare: Hosted, tmp_path: Path) -> None:
    for url in (str(bare.path), bare.url):
        found = examined(bare, tmp_path, url)
        assert {state for state, _, _ in found.values()} == {"ok"}, found


def test_each_fault_of_a_bare_host_is_found_for_itself(bare: Hosted, tmp_path: Path) -> None:
    def spoilt(name: str, spoil: Callable[[Path], object]) -> dict[str, Row]:
        host = bare.copy(tmp_path / name)
        spoil(host.path)
        return {check: row for check, row in examined(host, tmp_path).items() if row[0] != "ok"}

    for folder in "abcdefgh":
        (tmp_path / folder).mkdir()
    hook = Path("hooks") / "pre-receive"
    found = spoilt("a", lambda path: (path / hook).chmod(0o644))
    assert {name: row[0] for name, row in found.items()} == {"hooks": "fail"}
    found = spoilt("b", lambda path: (path / hook).write_text("#!/bin/sh\nexit 0\n"))
    assert {name: row[0] for name, row in found.items()} == {"hooks": "warn", "python": "fail"}

    def elsewhere(path: Path) -> None:
        for name in ("pre-receive", "post-receive"):
            script = (path / "hooks" / name).read_text().splitlines()
            script[-1] = f"exec {python} -I -m ci.hook {name}"
            (path / "hooks" / name).write_text("\n".join(script) + "\n")

    python = tmp_path / "python"
    assert "is not there" in spoilt("c", elsewhere)["python"][1]
    python.write_text("#!/bin/sh\ntouch ran\nexit 1\n")
    python.chmod(0o755)
    found = spoilt("g", elsewhere)
    assert list(found) == ["python"]
    assert "cannot run the hooks" in found["python"][1]
    python.chmod(0o777)
    assert "was not run" in spoilt("h", elsewhere)["python"][1]
    found = spoilt("d", lambda path: (path / hook).chmod(0o777))
    assert list(found) == ["permissions"]
    assert "hooks/pre-receive" in found["permissions"][1]

    def reconfigured(path: Path) -> None:
        text = (path / "config").read_text().replace("denyDeletes = true", "denyDeletes = false")
        (path / "config").write_text(text)

    assert "receive.denyDeletes" in spoilt("e", reconfigured)["settings"][1]

    def repinned(path: Path) -> None:
        (path / "config").write_text((path / "config").read_text().replace(ROOT, "0" * 64))

    assert "main begins with another" in spoilt("f", repinned)["settings"][1]


def test_a_bare_host_elsewhere_says_where_to_look(
    bare: Hosted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = examined(bare, tmp_path, bare.over_ssh(monkeypatch))
    assert [state for state, _, _ in found.values()] == ["ok", "ok", "warn", "warn", "warn", "warn"]


def test_a_shared_host_whose_group_may_not_write_is_found(tmp_path: Path) -> None:
    host = hosted(tmp_path, 1)
    with host.store() as store:
        store.git.read("config", "core.sharedRepository", "group")
    objects = host.path / "objects"
    objects.chmod(objects.stat().st_mode & ~stat.S_IWGRP)
    assert "its group may not write" in examined(host, tmp_path)["permissions"][1]


def test_who_hosts_is_told_from_the_address(bare: Hosted, tmp_path: Path) -> None:
    found = host_checkup(deps(tmp_path), str(bare.path), f"sha256:{ROOT}")
    assert [item.name for item in found] == list(BARE)
    with pytest.raises(UsageError, match="not a fingerprint"):
        host_checkup(deps(tmp_path), str(bare.path), "sha256:1")
    with pytest.raises(ConfigurationError, match="no registry is in use"):
        host_checkup(deps(tmp_path), None)


# --- protecting


def test_rules_are_set_when_the_answer_is_yes_and_what_is_left_is_told(tmp_path: Path) -> None:
    api, bots = Forge(), frozenset({"bot"})
    assert set_rules(deps(tmp_path, answer=False), api, Vendor.GITHUB, bots) is None  # type: ignore[arg-type]
    assert api.set == []
    left = set_rules(deps(tmp_path), api, Vendor.FORGEJO, bots)  # type: ignore[arg-type]
    assert left == ["make the environment 'merge'"]
    assert api.set == [(frozenset({"check / check (pull_request)"}), bots)]


def test_a_bare_repository_or_no_bot_cannot_be_protected(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nobody could merge"):
        protect(deps(tmp_path), URL, frozenset())
    with pytest.raises(ConfigurationError, match="on no hosted forge"):
        protect(deps(tmp_path), "file:///srv/registry.git", frozenset({"bot"}))
