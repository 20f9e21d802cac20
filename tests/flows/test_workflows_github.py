"""The workflows' own lines against a simulated GitHub: real git, the files' rights, hostile people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from medperf_cli.adapters.forge.address import forge_address
from medperf_cli.adapters.forge.api import Vendor
from medperf_cli.adapters.forge.github import connect
from medperf_cli.flows.founding.scaffold import code_owners
from medperf_cli.flows.founding.workflows import workflow_files
from medperf_cli.flows.hosting.hosted_status import MARK
from medperf_cli.flows.hosting.pull_comment import Commenter
from medperf_cli.render.status import as_comment
from tests.support.forges import git
from tests.support.forges.repository import Pull, Repository
from tests.support.hosted_desk import LATER, HostedDesk, on_forge
from tests.support.hosting import Hosted
from tests.support.office import key_file
from tests.support.recording import RECORDED, allow_recording, asked
from tests.support.registry_repo import RegistryRepo
from tests.support.workflow_files import PINNED, own, scaffolded
from tests.support.workflow_runner import (
    HOSTILE,
    HOSTILE_BRANCH,
    HOSTILE_FILES,
    Ran,
    Runner,
    expect_escaped,
    github,
    pull_request,
)
from tests.support.world import member_file

ACTIONS, APP = "github-actions[bot]", "registry-merger[bot]"
FILES = {"own": own(), "pinned": scaffolded()}


@dataclass
class Site:
    """A registry on the simulated GitHub, and what its jobs are given there."""

    desk: HostedDesk
    folder: Path
    jobs: int = 0
    recorder: str = ""
    """The text of the recorder's private key, a secret of the merge job."""

    def run(self, name: str, event: Mapping[str, Any] | None = None, kind: str = "own") -> Ran:
        """Run a workflow with a token of the rights its file asks for; nothing hostile may come of it."""
        workflow = FILES[kind][name]
        rights = next(iter(workflow.jobs.values()))["permissions"]
        forge, self.jobs = self.desk.forge, self.jobs + 1
        may = {right.replace("-", "_"): level for right, level in rights.items()}
        contexts = {
            "github.token": forge.token(ACTIONS, (), kind="actions", permissions=may),
            "steps.app.outputs.token": forge.token(APP, (), kind="app", permissions={"contents": "write"}),
            "secrets.MEDPERF_RECORDER_KEY": self.recorder,
        }
        variables = github(self.desk.url, GITHUB_API_URL=f"{forge.url}/api/v3")
        runner = Runner(self.folder / f"job-{self.jobs}", variables, contexts)
        if "MEDPERF_ROOT:" in workflow.text:
            workflow = workflow.pinned_to(self.desk.root)
        ran = runner.run(workflow, event)
        ran.expect_harmless()
        for secret in contexts.values():
            assert not secret or secret not in ran.text
        return ran

    def hostile(self, files: Mapping[Any, bytes]) -> Pull:
        """A request by somebody who chooses every word of it."""
        fork = self.desk.forge.fork(self.desk.registry, "eve")
        git.git(fork.path, "fetch", "-q", str(self.desk.registry.path), "main")
        ref = f"refs/heads/{HOSTILE_BRANCH}"
        RegistryRepo(fork.path).commit(files, parents=[self.desk.main()], ref=ref)
        forge = self.desk.forge
        pull = forge.open(self.desk.registry, "eve", fork, HOSTILE_BRANCH, title=HOSTILE, body=HOSTILE)
        forge.comment(pull, "eve", HOSTILE)
        forge.comment(pull, "eve", f"{MARK}\n**AUTO**: {HOSTILE}")
        return pull

    def checked(self, pull: Pull) -> dict[str, Any]:
        """The event after the check of a request."""
        run = {
            "id": 1,
            "event": "pull_request",
            "conclusion": "success",
            "name": "check",
            "display_title": HOSTILE,
            "head_branch": pull.branch,
            "head_sha": pull.head,
            "head_commit": {"message": HOSTILE, "author": {"name": HOSTILE}},
            "head_repository": {"full_name": _source(pull).full_name},
            "pull_requests": [],
        }
        return {"action": "completed", "workflow_run": run}

    def statuses(self, pull: Pull) -> list[str]:
        return [c.body for c in pull.comments if c.author.login == ACTIONS]


def _source(pull: Pull) -> Repository:
    assert pull.source
    return pull.source


@pytest.fixture
def site(host: Hosted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "file:http")
    with on_forge(tmp_path, host, Vendor.GITHUB) as desk:
        for bot in (ACTIONS, APP):
            desk.forge.user(bot, "Bot")
        desk.registry.roles |= {ACTIONS: "write", APP: "write"}
        yield Site(desk, tmp_path)


def below(files: Mapping[str, bytes]) -> dict[Any, bytes]:
    return {f"registry/{path}": data for path, data in files.items()}


def cube(site: Site) -> dict[str, bytes]:
    return Hosted(site.folder, site.desk.world).cube()


def test_a_lawful_request_with_hostile_words_is_checked_commented_and_merged(site: Site) -> None:
    pull = site.hostile(below(cube(site)))
    before = site.desk.main()
    assert site.run("check", pull_request(pull.number, pull.head), "pinned").code == 0
    assert site.statuses(pull) == []
    ran = site.run("comment", site.checked(pull), "pinned")
    assert ran.code == 0, ran.text
    (status,) = site.statuses(pull)
    assert status.startswith(f"{MARK}\n**AUTO**")
    assert site.desk.main() == before
    merged = site.run("merge", {}, "pinned")
    assert merged.code == 0, merged.text
    assert site.desk.parents() == [before, pull.head]
    assert pull.state == "merged"
    (said,) = site.statuses(pull)  # the bot goes on in the same comment
    assert said.startswith(f"{MARK}\n**MERGED**")


def test_a_hostile_request_is_rejected_everywhere_and_its_words_stay_words(site: Site) -> None:
    pull = site.hostile({**below(cube(site)), **HOSTILE_FILES, b"\n::error::x": b"x"})
    before = site.desk.main()
    assert site.run("check", pull_request(pull.number, pull.head)).code == 1
    for name in ("comment", "merge"):
        ran = site.run(name, site.checked(pull))
        assert ran.code == 0, ran.text
    (status,) = site.statuses(pull)
    assert "REJECT" in status
    assert "TREE001" in status
    expect_escaped(status.removeprefix(MARK))
    assert site.desk.main() == before
    assert pull.state == "open"


def test_what_waits_for_people_is_said_once_whoever_says_it_again(site: Site) -> None:
    pull = site.desk.ask(member_file(site.desk.world, "general-hospital"), login="acme")
    site.desk.registry.private = True
    assert site.run("check", pull_request(pull.number, pull.head)).code == 0
    for name in ("comment", "review-ping", "merge"):
        assert site.run(name, site.checked(pull)).code == 0
    (status,) = site.statuses(pull)
    assert "waits for 1 more of the admins to approve: ada" in status
    assert pull.labels == ["medperf:review"]


def test_a_run_on_what_no_open_request_stands_at_says_nothing(site: Site) -> None:
    pull = site.hostile(below(cube(site)))
    event = site.checked(pull)
    moved = {**event["workflow_run"], "head_sha": site.desk.main()}
    ran = site.run("comment", {**event, "workflow_run": moved})
    assert ran.code == 0, ran.text
    assert "no open request stands" in ran.text
    assert site.statuses(pull) == []
    commenter = Commenter(site.desk.api, site.desk.url, as_comment, lambda: LATER)
    source = _source(pull).full_name
    assert commenter.standing_at(source, pull.branch, pull.head)
    for where in ((source, HOSTILE), (site.desk.registry.full_name, pull.branch), (HOSTILE, HOSTILE)):
        assert commenter.standing_at(*where, pull.head) is None


@pytest.mark.parametrize("host", [11], indirect=True)
def test_approvals_in_the_page_are_recorded_with_the_key_that_is_a_secret(site: Site) -> None:
    desk = site.desk
    site.recorder = key_file(site.folder / "keys" / "recorder", "recorder").read_text("ascii")
    allow_recording(desk.world, desk.enter, desk.login)
    pull = desk.act(asked())
    for name in ("boris", "clara"):
        desk.forge.review(pull, name)
    ran = site.run("merge", {})
    assert ran.code == 0, ran.text
    assert pull.state == "merged"
    assert desk.has(f"{RECORDED}/boris/1.yml", f"{RECORDED}/clara/1.yml")
    assert site.recorder.splitlines()[1] not in ran.text


def test_an_audit_reads_how_main_is_protected_and_fails_where_it_is_not(site: Site) -> None:
    ran = site.run("audit", {}, "pinned")
    assert ran.code == 1
    assert "replayed 5 changes" in ran.text
    assert "fail check" in ran.text
    assert "missing: .github/workflows/audit.yml" in ran.text
    desk = site.desk
    files = {
        **workflow_files(Vendor.GITHUB, PINNED, desk.root),
        ".github/CODEOWNERS": code_owners(Vendor.GITHUB, ("@consortium/admins",)),
    }
    desk.forge.commit(desk.registry, "main", files, by="admin", title="workflows")
    address = forge_address(desk.url, "github")
    assert address
    connect(address, desk.forge.token("admin")).protect(frozenset({"check"}), frozenset({APP}))
    ran = site.run("audit", {}, "pinned")
    assert ran.code == 0, ran.text
