"""The same story on every forge, typed: found, join, decide, submit, reject, prove; the bot in between."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from medperf_cli.adapters.forge import patience
from medperf_cli.adapters.forge.api import Vendor
from medperf_cli.adapters.store import remote_errors
from tests.support.forges.repository import Pull
from tests.support.forges.stage import BOT, Stage, staged
from tests.support.forges.vendors import available
from tests.support.office import CubeFolder
from tests.support.terminal import Done, Terminal


@dataclass
class Site:
    """Where the registry is, and who is there: each with a home, and on a forge with an account and token."""

    folder: Path
    terminal: Terminal
    stage: Stage | None = None
    tokens: dict[str, str] = field(default_factory=dict)
    root: str = ""

    @property
    def url(self) -> str:
        return self.stage.url if self.stage else str(self.folder / "registry.git")

    def type(self, who: str, *words: object) -> Done:
        """What somebody types, with their home and their token."""
        if self.stage:
            self.tokens.setdefault(who, self.stage.forge.token(who))
            self.terminal.patch.setenv("MEDPERF_FORGE", str(self.stage.vendor))
            self.terminal.patch.setenv("MEDPERF_FORGE_TOKEN", self.tokens[who])
        return self.terminal.at(self.folder / who)(*words)

    def found(self) -> None:
        """Ada makes the registry; on a forge she pushes what the tool made."""
        self.type("admin", "key", "new").ok()
        about = ("--title", "Breast imaging", "--admin", "admin", "--contact", "desk@example.org")
        if self.stage is None:
            self.root = (
                self.type("admin", "registry", "init", self.url, "--bare", *about).ok().out.split()[-1]
            )
            return
        tree = self.folder / "tree"
        where = ("--forge", str(self.stage.vendor), "--url", self.stage.url, "--owner", "@consortium/admins")
        made = self.type("admin", "registry", "init", tree, *where, *about).ok()
        self.root = next(word for word in (made.out + made.err).split() if word.startswith("sha256:"))
        push = ("push", "-q", "--force", self.stage.url, "HEAD:main")
        done = self.stage.git(tree, self.tokens["admin"], *push)
        assert done.returncode == 0, done.stderr

    def join(self, who: str) -> None:
        self.type(who, "registry", "add", self.url, "--root", self.root).ok("is verified")

    def bot(self) -> list[dict[str, str]]:
        """A round of the merge bot; on a bare repository its hooks have made it already."""
        if self.stage is None:
            return []
        words = ("bot", "run", self.url, "--once", "--root", self.root, "--json")
        rows: list[dict[str, str]] = self.type(BOT, *words).ok().json
        return rows

    def pull(self, number: str) -> Pull:
        assert self.stage
        return self.stage.registry.pulls[int(number)]

    def request(self, who: str, of: str) -> str:
        """The open request that somebody made, as the list names it."""
        found = [
            r["request"] for r in self.type(who, "review", "ls", "--json").ok().json if r["author"] == of
        ]
        assert len(found) == 1
        return str(found[0])


@pytest.fixture(params=["bare", *map(str, available())])
def site(
    request: pytest.FixtureRequest, tmp_path: Path, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Site]:
    if request.param == "bare":
        yield Site(tmp_path, terminal)
        return
    monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "file:http")
    with staged(tmp_path / "forge", Vendor(request.param)) as stage:
        yield Site(tmp_path, terminal, stage)


def cube(site: Site, who: str, name: str) -> Done:
    """Somebody submits a model that needs nobody's approval."""
    folder = CubeFolder(site.folder / f"cube-{name}")
    about = ("--container-config", folder.config_file, "--about", folder.about_file)
    return site.type(who, "model", "submit", name, *about, "--archive", folder.archive("one"), "--yes")


def test_the_story(site: Site) -> None:
    site.found()
    for who in ("admin", "acme"):
        site.join(who)

    # a newcomer asks, twice: one request; an admin looks, and decides with a signature
    site.type("acme", "key", "new").ok()
    asking = ("member", "register", "acme", "--contact", "desk@acme.example", "--yes")
    site.type("acme", *asking).ok("is open: 'members/acme/1.yml' waits for 1 more of the admins", "admin")
    site.type("acme", *asking).ok("is open")
    site.bot()
    number = site.request("admin", "acme")
    site.type("admin", "review", "show", number).ok(
        "registry/members/acme/1.yml", "APP001", f"repair: medperf review approve {number}"
    )
    site.type("admin", "review", "approve", number, "--reason", "telephoned", "--yes").ok(number[:8])
    site.type("admin", "review", "approve", number, "--yes")  # once more is no second decision
    site.bot()
    site.type("acme", "registry", "sync").ok()
    (member,) = site.type("acme", "member", "ls", "--name", "acme", "--json").ok().json
    assert member["in_force"] is True
    assert site.type("admin", "review", "ls", "--json").ok().json == []
    if site.stage:
        pull = site.pull(number)
        assert pull.state in ("merged", "closed")
        (decision,) = [c for c in pull.comments if c.author.login == "admin"]
        assert "**admin** decides on this request: approve." in decision.body
        assert len([c for c in pull.comments if c.author.login == BOT]) == 1

    # what needs nobody is merged by the next round
    cube(site, "acme", "forest").ok("registry/cubes/acme/forest/1.yml")
    site.bot()
    site.type("acme", "registry", "sync").ok()
    site.type("acme", "model", "set_operational", "forest", "--yes").ok("registry/cubes/acme/forest/2.yml")
    site.bot()
    site.type("acme", "registry", "sync").ok()
    (model,) = site.type("acme", "model", "ls", "--mine", "--json").ok().json
    assert (model["id"], model["version"], model["state"]) == ("acme/forest", 2, "operation")

    # what an admin does not want ends with a signed reason, and is not asked for again as it was
    site.join("eve")
    site.type("eve", "key", "new").ok()
    asking = ("member", "register", "eve", "--contact", "desk@eve.example", "--yes")
    site.type("eve", *asking).ok("is open")
    number = site.request("admin", "eve")
    site.type("admin", "review", "reject", number, "--reason", "who are you", "--yes").ok("rejected by admin")
    site.bot()
    assert site.type("eve", "review", "ls", "--json").ok().json == []
    (closed,) = site.type("eve", "review", "ls", "--closed", "--json").ok().json
    assert (closed["by"], closed["reason"]) == ("admin", "who are you")
    site.type("eve", *asking).failed(1, "MP-CLOSED", "who are you")

    # and everybody can prove all of it
    site.type("eve", "registry", "verify").ok("lawful from the first commit", "4 changes")
    site.type("eve", "verify", "cubes/acme/forest/2").ok("signed by acme", "admin: approve")


def doctor_on_forge(site: Site, who: str) -> tuple[str, str, str]:
    """What `medperf doctor` says of the forge: state, what was found, the repair."""
    (row,) = (row for row in site.type(who, "doctor", "--json").json if row["check"] == "forge")
    return row["state"], row["found"], row["repair"]


@pytest.mark.parametrize("site", [str(v) for v in available()], indirect=True)
def test_without_a_good_token_nothing_is_lost(site: Site) -> None:
    assert site.stage
    site.found()
    site.join("acme")
    site.type("acme", "key", "new").ok()
    asking = ("member", "register", "acme", "--contact", "desk@acme.example", "--yes")
    good = site.tokens["acme"]
    site.tokens["acme"] = "expired-token"
    site.type("acme", *asking).failed(4, "MP-TOKEN")
    assert not site.stage.registry.pulls
    state, found, repair = doctor_on_forge(site, "acme")
    assert (state, "variable MEDPERF_FORGE_TOKEN" in found) == ("fail", True)
    site.tokens["acme"] = ""
    state, found, repair = doctor_on_forge(site, "acme")
    assert (state, "no token" in found, "MEDPERF_FORGE_TOKEN" in repair) == ("warn", True, True)
    site.tokens["acme"] = good
    assert doctor_on_forge(site, "acme")[1].endswith("is that of 'acme'")
    site.type("acme", *asking).ok("is open")
    assert len(site.stage.registry.pulls) == 1


@pytest.mark.parametrize(
    ("site", "down"),
    [("github", "all"), ("gitlab", "the page only"), ("forgejo", "the page only")],
    indirect=["site"],
)
def test_while_the_forge_is_down_a_submission_waits_in_the_outbox(
    site: Site, down: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert site.stage
    monkeypatch.setattr(patience, "ATTEMPTS", 1)  # nobody waits in a test
    monkeypatch.setattr(remote_errors, "PAUSES", ())
    site.found()
    site.join("acme")
    site.type("acme", "key", "new").ok()
    asking = ("member", "register", "acme", "--contact", "desk@acme.example", "--yes")
    faults = site.stage.forge.faults
    faults.busy(503, lambda asked: down == "all" or not asked.git, times=1000)
    site.type("acme", *asking).failed(5, "MP-NETWORK")
    faults.clear()
    (item,) = site.type("acme", "outbox", "ls", "--json").ok().json
    assert item["paths"] == ["members/acme/1.yml"]
    site.type("acme", "outbox", "send", "--yes").ok()
    assert site.type("acme", "outbox", "ls", "--json").ok().json == []
    (pull,) = site.stage.registry.pulls.values()
    assert "members/acme/1.yml" in pull.body


@pytest.mark.parametrize("site", [str(available()[0])], indirect=True)
def test_reading_needs_neither_a_token_nor_the_libraries_for_forges(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert site.stage
    site.found()
    monkeypatch.setitem(sys.modules, f"medperf_cli.adapters.forge.{site.stage.vendor}", None)
    site.join("acme")
    site.type("acme", "registry", "sync").ok("open requests could not be fetched", "is missing")
    site.type("acme", "registry", "verify").ok("lawful from the first commit")
    site.type("acme", "key", "new").ok()
    asking = ("member", "register", "acme", "--contact", "desk@acme.example", "--yes")
    site.type("acme", *asking).failed(4, "MP-CONFIG", "medperf-registry[forges]")


@pytest.mark.parametrize("site", [str(v) for v in available()], indirect=True)
def test_what_was_closed_in_the_page_is_listed_and_can_be_asked_anew(site: Site) -> None:
    assert site.stage
    site.found()
    site.join("acme")
    site.type("acme", "key", "new").ok()
    asking = ("member", "register", "acme", "--yes", "--contact")
    site.type("acme", *asking, "desk@acme.example").ok("is open")
    (pull,) = site.stage.registry.pulls.values()
    site.stage.forge.close(pull, "admin")
    assert site.type("acme", "review", "ls", "--json").ok().json == []
    for _ in range(2):  # also as it was kept
        (closed,) = site.type("acme", "review", "ls", "--closed", "--json").ok().json
        assert (closed["request"], closed["author"], closed["verdict"]) == (
            str(pull.number),
            "acme",
            "closed",
        )
        assert "in the page" in closed["reason"]
    assert site.type("acme", "review", "ls", "--closed", "--offline", "--json").ok().json == [closed]
    site.type("acme", *asking, "desk@acme.example").failed(1, "MP-REJECTED", "was closed")
    site.type("acme", *asking, "other@acme.example").ok("is open")
