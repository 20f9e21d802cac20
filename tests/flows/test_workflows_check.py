"""The check job as the workflow runs it: real objects, hostile requests that get nowhere."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ci.told import HEADS, asked
from medperf_cli.adapters.forge.api import Vendor
from medperf_cli.adapters.store.remote import init
from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.core.check.findings import Verdict
from medperf_cli.errors import UsageError
from medperf_cli.flows.hosting.pull_check import RECENT, bring, check_pull, is_cut
from tests.support.hosting import Hosted
from tests.support.registry_repo import RegistryRepo
from tests.support.workflow_files import PINNED, Workflow, own, scaffolded
from tests.support.workflow_runner import (
    HOSTILE,
    HOSTILE_FILES,
    Ran,
    Runner,
    github,
    orders,
    pull_request,
)

NUMBER = 7
REF = f"refs/pull/{NUMBER}/head"
CONTEXT = {"github.token": ""}
WORKFLOWS = {"own": own()["check"], "pinned": scaffolded()["check"]}


def request(host: Hosted, files: Mapping[Any, bytes], *, ref: str = REF, **more: Any) -> str:
    """A request with these files, by path from the repository's top."""
    return RegistryRepo(host.path).commit(files, parents=[host.main()], ref=ref, **more)


def registered(host: Hosted, **fields: Any) -> dict[str, bytes]:
    return {f"registry/{path}": data for path, data in host.cube(**fields).items()}


def checked(host: Hosted, tmp_path: Path, head: str, workflow: Workflow = WORKFLOWS["own"]) -> Ran:
    runner = Runner(tmp_path / "runner", github(host.url), CONTEXT)
    ran = runner.run(workflow, pull_request(NUMBER, head))
    ran.expect_harmless()
    return ran


def report(ran: Ran) -> dict[str, Any]:
    found = json.loads((ran.runner.work / "report/report.json").read_bytes())
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("kind", WORKFLOWS)
def test_a_lawful_request_passes_and_is_reported(host: Hosted, tmp_path: Path, kind: str) -> None:
    head = request(host, registered(host))
    ran = checked(host, tmp_path, head, WORKFLOWS[kind])
    assert ran.code == 0, ran.text
    found = report(ran)
    assert (found["verdict"], found["request"], found["head"]) == ("AUTO", NUMBER, head)
    assert found["main"] == host.main()
    assert "**AUTO**" in ran.summary
    assert (ran.runner.work / "report/report.md").read_text() == ran.summary
    installed = (tmp_path / "runner/pip.log").read_text()
    assert (PINNED if kind == "pinned" else "--quiet .\n") in installed


def test_what_people_must_decide_passes_and_says_who(host: Hosted, tmp_path: Path) -> None:
    ran = checked(host, tmp_path, request(host, registered(host, description="MRN: 12345678")))
    assert ran.code == 0, ran.text
    assert report(ran)["verdict"] == "REVIEW"
    assert "HOLD002" in ran.text


def test_hostile_names_and_bytes_are_refused_and_reach_nobody(host: Hosted, tmp_path: Path) -> None:
    ran = checked(host, tmp_path, request(host, {**registered(host), **HOSTILE_FILES}))
    assert ran.code == 1, ran.text
    found = report(ran)
    assert found["verdict"] == "REJECT"
    assert len(found["findings"]) >= len(HOSTILE_FILES), "each is named"


def test_hostile_text_in_a_document_is_refused_and_reaches_nobody(host: Hosted, tmp_path: Path) -> None:
    path = "registry/cubes/acme/forest/1.yml"
    ran = checked(host, tmp_path, request(host, {path: HOSTILE.encode(), f"{path[:-4]}.acme.sig": b"x"}))
    assert ran.code == 1
    assert report(ran)["verdict"] == "REJECT"


def test_a_change_of_both_the_registry_and_the_rest_is_refused(host: Hosted, tmp_path: Path) -> None:
    both = {**registered(host), ".github/workflows/merge.yml": b"on: pull_request_target\n"}
    ran = checked(host, tmp_path, request(host, both))
    assert ran.code == 1
    assert ".github/workflows/merge.yml: stands outside" in ran.text


def test_a_change_of_the_rest_alone_is_not_judged_here(host: Hosted, tmp_path: Path) -> None:
    ran = checked(host, tmp_path, request(host, {"README.md": HOSTILE.encode()}))
    assert ran.code == 0
    assert report(ran)["concerned"] is False
    assert "nothing to judge here" in ran.text


def test_an_edit_of_what_stands_in_main_is_refused(host: Hosted, tmp_path: Path) -> None:
    ran = checked(host, tmp_path, request(host, {"registry/root/1.yml": b"a: 1\n"}))
    assert ran.code == 1


def test_a_history_of_its_own_is_refused(host: Hosted, tmp_path: Path) -> None:
    head = RegistryRepo(host.path).commit(registered(host), parents=[], ref=REF)
    ran = checked(host, tmp_path, head)
    assert ran.code == 1
    assert "shares no commit with main" in ran.text


def test_a_head_that_moved_on_is_left_to_its_own_run(host: Hosted, tmp_path: Path) -> None:
    request(host, registered(host))
    ran = checked(host, tmp_path, "1" * 40)
    assert ran.code == 1
    assert "moved on" in ran.text
    assert not (ran.runner.work / "report").exists()


def test_main_that_went_on_is_what_counts(host: Hosted, tmp_path: Path) -> None:
    files = registered(host)
    head = request(host, files)
    host.enter({path.removeprefix("registry/"): data for path, data in host.cube().items()})
    ran = checked(host, tmp_path, head)
    assert ran.code == 0
    assert report(ran)["main"] == host.main()


def test_a_request_on_an_old_main_is_judged_by_the_whole_history(host: Hosted, tmp_path: Path) -> None:
    head = request(host, registered(host))
    commits = (
        f"commit refs/heads/main\ncommitter A <a@example.org> {n} +0000\ndata 0\n" for n in range(RECENT)
    )
    first, *others = commits
    stream = "".join([first, f"from {host.main()}\n", *others])
    RegistryRepo(host.path).git("fast-import", "--quiet", stdin=stream.encode())
    ran = checked(host, tmp_path, head)
    assert ran.code == 0, ran.text
    assert ran.text.count("fetched in") == 2


@pytest.mark.parametrize("lawful", [True, False])
def test_what_is_cut_off_lets_nothing_pass_that_the_whole_would_reject(
    host: Hosted, tmp_path: Path, lawful: bool
) -> None:
    files = registered(host) if lawful else registered(host, seen="5" * 40)
    for number in range(3):
        host.enter(host.cube(f"tree-{number}"))
    head = request(host, files)
    with init(tmp_path / "objects.git") as store:
        main, _ = bring(store, host.url, NUMBER, HEADS[Vendor.GITHUB], depth=2)
        assert is_cut(store)
        assert check_pull(store, NUMBER, main, head).verdict is Verdict.REJECT
    with GitStore(tmp_path / "objects.git") as store:
        assert bring(store, host.url, NUMBER, HEADS[Vendor.GITHUB]) == (main, head)
        assert not is_cut(store)
        found = check_pull(store, NUMBER, main, head)
    assert found.verdict is (Verdict.AUTO if lawful else Verdict.REJECT)
    assert lawful or any("seen" in finding.message for finding in found.report.findings)


@pytest.mark.parametrize(
    "event",
    [
        *(
            {},
            [],
            {"pull_request": HOSTILE},
            {"pull_request": {"number": HOSTILE, "head": {"sha": "1" * 40}}},
        ),
        {"pull_request": {"number": 7, "head": {"sha": HOSTILE}}},
        {"pull_request": {"number": True, "head": {"sha": "1" * 40}}},
        {"pull_request": {"number": -7, "head": {"sha": "1" * 40}}},
        {"pull_request": {"number": 7, "head": HOSTILE}},
    ],
)
def test_an_event_that_names_no_request_is_said_so(tmp_path: Path, event: Any) -> None:
    file = tmp_path / "event.json"
    file.write_text(json.dumps(event))
    with pytest.raises(UsageError, match="names no request"):
        asked({"GITHUB_EVENT_PATH": str(file)})


def test_a_job_outside_any_forge_is_told_what_to_do(tmp_path: Path) -> None:
    ran = Runner(tmp_path / "runner", {}, CONTEXT).run(WORKFLOWS["own"], {})
    ran.expect_harmless()
    assert ran.code == 2
    assert "medperf check --base main" in ran.text


def test_a_forge_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    runner = Runner(tmp_path / "runner", github(f"file://{tmp_path}/$(touch pwned).git"), CONTEXT)
    ran = runner.run(WORKFLOWS["own"], pull_request(NUMBER, "1" * 40))
    ran.expect_harmless()
    assert ran.code == 5


def test_gitlabs_pipeline_runs_the_same(host: Hosted, tmp_path: Path) -> None:
    ref = f"refs/merge-requests/{NUMBER}/head"
    head = request(host, {**registered(host), **HOSTILE_FILES}, ref=ref)
    variables = {
        "GITLAB_CI": "true",
        "CI_MERGE_REQUEST_PROJECT_URL": host.url.removesuffix(".git"),
        "CI_MERGE_REQUEST_IID": str(NUMBER),
        "CI_COMMIT_SHA": head,
        "CI_MERGE_REQUEST_TITLE": HOSTILE,
        "CI_COMMIT_MESSAGE": HOSTILE,
        "CI_COMMIT_REF_NAME": HOSTILE,
    }
    runner = Runner(tmp_path / "runner", variables)
    job = scaffolded(Vendor.GITLAB)[".gitlab-ci"].data["check"]
    ran = runner.script(job)
    ran.expect_harmless()
    assert ran.code == 1
    assert report(ran)["head"] == head


def test_the_runners_own_parsers_would_have_seen_an_order() -> None:
    for line in (b"::add-mask::e", b"  ::set-output name=x::y", b"abc ##[add-mask]e", b"a\r::error::b"):
        assert orders(b"first\n" + line + b"\nlast") != [], line
    assert orders(b"medperf: ::add-mask::e\n::unknown::x\n12::30::04") == []


def test_a_canary_would_have_been_found(tmp_path: Path) -> None:
    runner = Runner(tmp_path / "runner", {"TITLE": HOSTILE})
    step = Workflow("bad", 'jobs:\n  bad:\n    steps:\n      - run: eval "$TITLE" || true\n')
    with pytest.raises(AssertionError, match="were run"):
        runner.run(step).expect_harmless()
    step = Workflow("bad", 'jobs:\n  bad:\n    steps:\n      - run: echo "$TITLE"\n')
    with pytest.raises(AssertionError):
        Runner(tmp_path / "other", {"TITLE": HOSTILE}).run(step).expect_harmless()
