"""The jobs on GitLab and Forgejo, by the files a registry is given there, against their simulated servers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from medperf_cli.adapters.forge.api import Vendor
from medperf_cli.flows.hosting.hosted_status import MARK
from tests.support.forges import git
from tests.support.forges.repository import Pull
from tests.support.hosted_desk import BOT, HostedDesk, on_forge
from tests.support.hosting import Hosted
from tests.support.registry_repo import RegistryRepo
from tests.support.workflow_files import scaffolded
from tests.support.workflow_runner import (
    HOSTILE,
    HOSTILE_BRANCH,
    HOSTILE_FILES,
    Ran,
    Runner,
    github,
    pull_request,
)


@pytest.fixture(params=[Vendor.GITLAB, Vendor.FORGEJO])
def desk(
    host: Hosted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[HostedDesk]:
    monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "file:http")
    with on_forge(tmp_path, host, request.param) as desk:
        desk.registry.roles[BOT] = "maintain"
        yield desk


@pytest.fixture
def vendor(request: pytest.FixtureRequest) -> Vendor:
    found: Vendor = request.node.callspec.params["desk"]
    return found


def hostile(desk: HostedDesk, files: Mapping[Any, bytes]) -> Pull:
    fork = desk.forge.fork(desk.registry, "eve")
    git.git(fork.path, "fetch", "-q", str(desk.registry.path), "main")
    ref = f"refs/heads/{HOSTILE_BRANCH}"
    RegistryRepo(fork.path).commit(files, parents=[desk.main()], ref=ref)
    pull = desk.forge.open(desk.registry, "eve", fork, HOSTILE_BRANCH, title=HOSTILE, body=HOSTILE)
    desk.forge.comment(pull, "eve", f"{MARK}\n**AUTO**: {HOSTILE}")
    return pull


def run(desk: HostedDesk, vendor: Vendor, job: str, pull: Pull) -> Ran:
    """Run a job of the scaffolded files, told what its CI would tell it."""
    folder = desk.folder / f"job-{job}-{pull.number}"
    token = desk.forge.token(BOT) if job == "merge" else ""
    if vendor is Vendor.GITLAB:
        asked = {
            "CI_MERGE_REQUEST_PROJECT_URL": desk.url.removesuffix(".git"),
            "CI_MERGE_REQUEST_IID": str(pull.number),
            "CI_COMMIT_SHA": pull.head,
            "CI_MERGE_REQUEST_TITLE": HOSTILE,
            "CI_COMMIT_REF_NAME": HOSTILE_BRANCH,
        }
        told = {
            "GITLAB_CI": "true",
            "CI_PROJECT_URL": desk.url.removesuffix(".git"),
            "CI_SERVER_URL": desk.forge.url,
            "CI_COMMIT_MESSAGE": HOSTILE,
            "MEDPERF_MERGE_TOKEN": token,
            **(asked if job == "check" else {}),
        }
        file = scaffolded(vendor)[".gitlab-ci"].pinned_to(desk.root)
        ran = Runner(folder, told).script(file.data[job])
    else:
        contexts = dict.fromkeys(("github.token", "secrets.MEDPERF_RECORDER_KEY"), "")
        contexts["secrets.MEDPERF_MERGE_TOKEN"] = token
        file = scaffolded(vendor)[job]
        file = file.pinned_to(desk.root) if job == "merge" else file
        event = pull_request(pull.number, pull.head)
        ran = Runner(folder, github(desk.url, FORGEJO_ACTIONS="true"), contexts).run(file, event)
    ran.expect_harmless()
    assert not token or token not in ran.text
    return ran


def test_lawful_and_hostile_requests_are_checked_and_merged_or_rejected(
    desk: HostedDesk, vendor: Vendor
) -> None:
    lawful = {f"registry/{path}": data for path, data in Hosted(desk.folder, desk.world).cube().items()}
    pull, before = hostile(desk, lawful), desk.main()
    checked = run(desk, vendor, "check", pull)
    assert checked.code == 0, checked.text
    merged = run(desk, vendor, "merge", pull)
    assert merged.code == 0, merged.text
    assert desk.parents() == [before, pull.head]
    other = hostile(desk, {**HOSTILE_FILES, **{f"registry/{p}": b"x" for p in ("x", "\n::error::y")}})
    assert run(desk, vendor, "check", other).code == 1
    assert run(desk, vendor, "merge", other).code == 0
    assert "REJECT" in desk.status(other)
    assert desk.parents() == [before, pull.head]
