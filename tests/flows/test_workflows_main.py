"""The jobs that run for main, as their workflows run them: the site of what is verified, and the audit."""

from __future__ import annotations

from pathlib import Path

import pytest

from medperf_cli.adapters.forge.api import Vendor
from medperf_cli.core.lifecycle.reader import sha256
from tests.support.hosting import Hosted
from tests.support.workflow_files import Workflow, own, scaffolded
from tests.support.workflow_runner import HOSTILE_FILES, Ran, Runner, github

SITE = "https://consortium.example.org/registry"
CONTEXT = {"github.token": "", "steps.pages.outputs.base_url": SITE}


def pinned(workflow: Workflow, host: Hosted) -> Workflow:
    """A workflow with the root of the registry that is there."""
    return workflow.pinned_to(f"sha256:{sha256(host.world.files['root/1.yml'])}")


def ran(workflow: Workflow, host: Hosted, tmp_path: Path) -> Ran:
    found = Runner(tmp_path / "runner", github(host.url, MEDPERF_FORGE="bare"), CONTEXT).run(workflow)
    found.expect_harmless()
    return found


def test_the_site_shows_what_is_verified(host: Hosted, tmp_path: Path) -> None:
    found = ran(pinned(own()["site"], host), host, tmp_path)
    assert found.code == 0, found.text
    page = (found.runner.work / "site/index.html").read_text("utf-8")
    assert f'href="{SITE}/' in page


def test_gitlabs_pages_are_the_same(host: Hosted, tmp_path: Path) -> None:
    files = pinned(scaffolded(Vendor.GITLAB)[".gitlab-ci"], host)
    variables = {"GITLAB_CI": "true", "CI_PROJECT_URL": host.url.removesuffix(".git"), "CI_PAGES_URL": SITE}
    found = Runner(tmp_path / "runner", variables).script(files.data["pages"])
    found.expect_harmless()
    assert found.code == 0, found.text
    assert (found.runner.work / "public/index.html").exists()


def test_an_audit_replays_all_of_it(host: Hosted, tmp_path: Path) -> None:
    found = ran(pinned(own()["audit"], host), host, tmp_path)
    assert found.code == 0, found.text
    assert f"replayed 5 changes with {len(host.world.files) // 2} files" in found.text
    assert host.main() in found.summary


@pytest.mark.parametrize("name", ["audit", "site"])
def test_what_entered_main_past_the_check_fails_and_is_named(host: Hosted, tmp_path: Path, name: str) -> None:
    odd = {path.decode("utf-8", "replace").removeprefix("registry/"): d for path, d in HOSTILE_FILES.items()}
    commit = host.enter(odd)
    found = ran(pinned(own()[name], host), host, tmp_path)
    assert found.code == 10
    assert commit[:12] in found.text
    assert "TREE001" in found.text
    assert not (found.runner.work / "site").exists()


def test_another_registry_than_the_pinned_one_fails(host: Hosted, tmp_path: Path) -> None:
    found = ran(scaffolded()["audit"], host, tmp_path)
    assert found.code == 10
    assert "not the one named" in found.text
