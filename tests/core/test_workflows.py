"""What starts each workflow, what it may do, and on which commit it runs: as the table in ADR 0033 says."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from medperf_cli.adapters.forge.api import Vendor
from medperf_cli.errors import UsageError
from medperf_cli.flows.hosting.workflows import (
    CHECK,
    ENVIRONMENT,
    SECRETS,
    VARIABLES,
    workflow_files,
)
from scripts import write_workflows
from tests.support.workflow_files import (
    FINGERPRINT,
    PINNED,
    REPOSITORY,
    Workflow,
    every,
    own,
    scaffolded,
)

Triggers = dict[str, Any]
PULL = {"contents": "read"}
TABLE: Mapping[str, tuple[Triggers, Mapping[str, Mapping[str, str]], str | None, set[str]]] = {
    # name: triggers, rights by job, the ref that is checked out, secrets
    "check": ({"pull_request": {"branches": ["main"]}}, {"check": PULL}, "main", set()),
    "comment": (
        {"workflow_run": {"workflows": ["check"], "types": ["completed"]}},
        {"comment": {"contents": "read", "pull-requests": "write"}},
        "main",
        set(),
    ),
    "review-ping": (
        {"pull_request_review": {"types": ["submitted", "edited", "dismissed"]}},
        {"ping": {}},
        None,
        set(),
    ),
    "merge": (
        {
            "schedule": [{"cron": "4,19,34,49 * * * *"}],
            "workflow_dispatch": "",
            "workflow_run": {"workflows": ["review-ping"], "types": ["completed"]},
        },
        {"merge": {"contents": "read", "pull-requests": "write"}},
        "main",
        {"MEDPERF_APP_KEY", "MEDPERF_RECORDER_KEY"},
    ),
    "site": (
        {"push": {"branches": ["main"]}},
        {"build": {"contents": "read", "pages": "read"}, "deploy": {"pages": "write", "id-token": "write"}},
        "main",
        set(),
    ),
    "audit": (
        {"schedule": [{"cron": "23 3 * * *"}], "workflow_dispatch": ""},
        {"audit": {"contents": "read"}},
        "main",
        set(),
    ),
    "tests": ({"push": {"branches": ["main"]}, "pull_request": ""}, {"tests": PULL}, "the event's", set()),
}
ONLY = {
    "comment": "github.event.workflow_run.event == 'pull_request'",
    "merge": "github.ref == 'refs/heads/main'",
}
"""The condition on which a workflow's job runs at all."""
ENVIRONMENTS = {"merge": {"merge": ENVIRONMENT}, "site": {"deploy": "github-pages"}}
HARMLESS = {
    *("github.token", "github.ref", "github.event.pull_request.number", "github.event.workflow_run.head_sha"),
    *("vars.MEDPERF_APP_ID", "steps.app.outputs.token", "!cancelled()"),
    *("steps.pages.outputs.base_url", "steps.deploy.outputs.page_url"),
    *("secrets.MEDPERF_APP_KEY", "secrets.MEDPERF_RECORDER_KEY", "secrets.MEDPERF_MERGE_TOKEN"),
}
"""Every expression there is: ids, numbers and what admins set; no text of a stranger."""
BIN = Path(sys.executable).parent

each = pytest.mark.parametrize("workflow", every(), ids=lambda w: w.name)
ours = pytest.mark.parametrize("workflow", [*own().values(), *scaffolded().values()], ids=lambda w: w.name)


def test_the_files_in_here_are_the_templates() -> None:
    made = write_workflows.files()
    assert {path: (REPOSITORY / path).read_bytes() for path in made} == made, (
        "run `.venv/bin/python -m scripts.write_workflows`"
    )
    others = {path.name for path in (REPOSITORY / ".github/workflows").iterdir()}
    assert others - {Path(path).name for path in made} == {"tests.yml"}


def test_the_table_names_every_workflow() -> None:
    assert set(own()) == set(TABLE)
    assert set(scaffolded()) == set(TABLE) - {"tests"}


def rights(workflow: Workflow) -> dict[str, Any]:
    """By job; what the whole workflow may do holds for a job that says nothing."""
    whole = workflow.data["permissions"]
    return {name: job.get("permissions", whole) for name, job in workflow.jobs.items()}


@ours
def test_triggers_rights_and_ref_are_as_the_table_says(workflow: Workflow) -> None:
    triggers, may, ref, secrets = TABLE[workflow.name]
    assert workflow.data["on"] == triggers
    assert {job: given or {} for job, given in rights(workflow).items()} == may
    checkouts = [
        s.get("with", {}) for s in workflow.steps if s.get("uses", "").startswith("actions/checkout@")
    ]
    assert {c.get("ref", "the event's") for c in checkouts} <= {ref}
    assert all(c["persist-credentials"] == "false" for c in checkouts)
    assert {e.removeprefix("secrets.") for e in workflow.expressions if e.startswith("secrets.")} == secrets
    assert {job.get("if") for job in workflow.jobs.values()} == {ONLY.get(workflow.name)}
    given = {name: job["environment"] for name, job in workflow.jobs.items() if "environment" in job}
    named = {name: e["name"] if isinstance(e, dict) else e for name, e in given.items()}
    assert named == ENVIRONMENTS.get(workflow.name, {})


def test_a_pinned_registry_checks_nothing_out() -> None:
    for workflow in (*scaffolded().values(), *scaffolded(Vendor.FORGEJO).values()):
        assert "checkout" not in workflow.text
        assert workflow.name == "review-ping" or f"'{PINNED.partition('=')[0]}" in workflow.text
        assert not re.search(r"@[A-Z]+(:\w+)?@", workflow.text), "a place was not filled"


@each
def test_what_has_secrets_or_may_write_runs_for_main_alone(workflow: Workflow) -> None:
    on = set(workflow.data["on"])
    assert "pull_request_target" not in on
    text = workflow.text
    if "secrets." in text or ": write" in text:
        assert on <= {"schedule", "workflow_dispatch", "workflow_run", "push"}
    if "secrets." in text:
        assert all(job["if"] == "github.ref == 'refs/heads/main'" for job in workflow.jobs.values())


@each
def test_every_job_has_a_name_an_end_and_no_company_it_does_not_want(workflow: Workflow) -> None:
    for name, job in workflow.jobs.items():
        assert job["name"] == name
        assert 0 < int(job["timeout-minutes"]) <= 60
    if workflow.name != "tests" and "concurrency" in workflow.data:
        waits = workflow.data["concurrency"]["cancel-in-progress"] == "false"
        assert waits == ("pull_request" not in " ".join(workflow.data["on"]))


@each
def test_actions_are_pinned_by_commit_and_say_their_version(workflow: Workflow) -> None:
    for line in workflow.text.splitlines():
        if re.search(r"\buses:", line):
            assert re.search(r"uses: [a-z-]+/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line), line


def test_one_action_has_one_commit_everywhere() -> None:
    found: dict[str, set[str]] = {}
    for workflow in every():
        for action, commit in re.findall(r"uses: ([\w/-]+)@(\S+ # \S+)", workflow.text):
            found.setdefault(action, set()).add(commit)
    assert len(found) >= 6
    assert {action: commits for action, commits in found.items() if len(commits) > 1} == {}


@each
def test_no_text_of_a_stranger_stands_in_an_expression_and_none_in_a_shell_line(workflow: Workflow) -> None:
    assert workflow.expressions <= HARMLESS
    for step in workflow.steps:
        assert "${{" not in step.get("run", "")
        assert len(step.get("run", "").splitlines()) <= 3
        assert step.get("shell") is None
        assert "script" not in step.get("with", {})


def test_gitlab_names_no_variable_that_a_stranger_fills() -> None:
    for text in (workflow.text for w in (None, PINNED) for workflow in scaffolded(Vendor.GITLAB, w).values()):
        used = set(re.findall(r"\$\{?(\w+)", text))
        assert used <= {
            *("CI_PIPELINE_SOURCE", "CI_COMMIT_BRANCH", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME"),
            *("CI_MERGE_REQUEST_PROJECT_URL", "CI_PROJECT_URL", "MEDPERF_JOB", "MEDPERF_MERGE_TOKEN"),
        }


def test_the_check_that_protects_main_is_a_job() -> None:
    assert CHECK in own()["check"].jobs
    assert CHECK in scaffolded(Vendor.FORGEJO)["check"].jobs


@pytest.mark.parametrize("vendor", Vendor)
def test_what_people_have_to_set_is_what_the_files_ask_for(vendor: Vendor) -> None:
    text = "".join(w.text for w in scaffolded(vendor).values())
    asked = set(re.findall(r"(?:secrets|vars)\.(\w+)", text))
    told = {*SECRETS[vendor], *VARIABLES[vendor]}
    assert asked == told if vendor is not Vendor.GITLAB else told <= set(re.findall(r"\w+", text))


@pytest.mark.parametrize(
    "tool",
    [
        *("medperf-registry", "medperf-registry>=0.1", "medperf-registry==0.1.0'; touch x '", "."),
        *("medperf-registry==1\n", "-r x", "medperf-registry @ git+http://example.org/x@1", "a==$(x)"),
    ],
)
def test_a_tool_that_is_not_pinned_or_not_harmless_is_refused(tool: str) -> None:
    with pytest.raises(UsageError, match="does not pin the tool"):
        workflow_files(Vendor.GITHUB, tool, FINGERPRINT)


def test_a_root_that_is_none_is_refused() -> None:
    with pytest.raises(UsageError, match="no fingerprint"):
        workflow_files(Vendor.GITHUB, PINNED, "sha256:x\nenv: y")


def test_a_commit_of_the_tool_pins_it_too() -> None:
    commit = f"medperf-registry @ git+https://forge.example.org/lab/tool@{'a' * 40}"
    text = scaffolded(tool=commit)["merge"].text
    assert f"'medperf-registry[forges] @ git+https://forge.example.org/lab/tool@{'a' * 40}'" in text


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every file of every vendor, as a repository would have it."""
    top = tmp_path_factory.mktemp("workflows")
    for vendor in Vendor:
        for tool in (PINNED, None):
            for path, data in workflow_files(vendor, tool, FINGERPRINT).items():
                file = top / ("own" if tool is None else "pinned") / vendor / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(data)
    tests = top / "own/github/.github/workflows/tests.yml"
    tests.write_bytes((REPOSITORY / ".github/workflows/tests.yml").read_bytes())
    return top


def run(*argv: str | Path) -> None:
    done = subprocess.run(
        [BIN / argv[0], *argv[1:]], check=False, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_zizmor_finds_nothing_even_when_it_is_pedantic(folder: Path) -> None:
    for tool in ("own", "pinned"):
        run("zizmor", "--offline", "--persona", "pedantic", "--strict-collection", folder / tool / "github")


def test_the_files_keep_to_the_published_schemas(folder: Path) -> None:
    workflows = [*folder.glob("*/*/.github/workflows/*.yml"), *folder.glob("*/*/.forgejo/workflows/*.yml")]
    assert len(workflows) >= 13
    run("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *workflows)
    pipelines = [folder / "own/gitlab/ci/gitlab.yml", folder / "pinned/gitlab/.gitlab-ci.yml"]
    run(
        "check-jsonschema",
        *("--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci", *pipelines),
    )
