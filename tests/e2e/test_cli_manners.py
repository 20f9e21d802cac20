"""Manners of the command line: help, exit codes, next steps, no tracebacks, a quick start."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from medperf_cli.adapters.store.settings import load
from medperf_cli.commands import console
from medperf_cli.commands.app import ALIASES, GROUPS, app
from medperf_cli.commands.failure import bug, expected
from medperf_cli.errors import NetworkError
from medperf_cli.flows.deps import Deps
from medperf_cli.flows.submitting.desk import keep_up
from tests.support.hosting import Hosted
from tests.support.story_fields import DATASET, FOREST, TISSUE
from tests.support.terminal import Terminal
from tests.support.world import member_file

HEAVY = (
    "pydantic",
    "git",
    "docker",
    "yaml",
    "numpy",
    "rich",
    "jinja2",
    "asyncio",
    "cryptography",
    "requests",
)
MEDPERF = Path(sys.executable).with_name("medperf")


def commands(command: Any = app, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command of the tree with the words that call it."""
    yield words, command
    if hasattr(command, "list_commands"):
        context = command.make_context("medperf", [], resilient_parsing=True)
        for name in command.list_commands(context):
            yield from commands(command.get_command(context, name), (*words, name))


TREE = dict(commands())


def imported(*words: str, home: Path) -> tuple[int, set[str]]:
    """The exit code of a command in a fresh interpreter, and which heavy modules it imported.

    No program stands in its PATH: whatever starts git fails.
    """
    code = (
        "import sys\nfrom medperf_cli.main import run\n"
        f"code = run({list(words)!r})\n"
        f"print(code, *(m for m in {HEAVY!r} if m in sys.modules), file=sys.stderr)"
    )
    environ = {**os.environ, "MEDPERF_HOME": str(home), "PATH": str(home / "no-programs")}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environ, check=True
    )
    number, *modules = done.stderr.strip().splitlines()[-1].split()
    return int(number), set(modules)


def test_the_table_of_groups_is_the_tree() -> None:
    assert {words[0] for words in TREE if words} == set(GROUPS)
    assert len(TREE) > 40


@pytest.mark.parametrize("words", TREE, ids=" ".join)
def test_every_command_explains_itself_and_each_of_its_options(
    terminal: Terminal, words: tuple[str, ...]
) -> None:
    shown = terminal(*words, "--help").ok("Usage: medperf")
    assert shown.err == ""
    command = TREE[words]
    assert len(command.help or "") > 10, words
    for parameter in command.params:
        if parameter.name != "help":
            assert getattr(parameter, "help", None), (words, parameter.name)
    short = [
        option for p in command.params for option in p.opts if option.startswith("-") and option[1] != "-"
    ]
    assert len(short) == len(set(short)), f"{words} uses a letter twice"


ENDED = ("cube", "model", "dataset", "benchmark", "association", "result")


def test_whatever_publishes_can_be_tried_and_needs_no_question() -> None:
    sending = {words for words, c in TREE.items() if any(p.name == "dry_run" for p in c.params)}
    sending -= {("registry", "init")}  # it only writes here, and asks nobody
    assert sending == {words for words, c in TREE.items() if any(p.name == "yes" for p in c.params)}
    assert {
        ("member", "register"),
        ("cube", "submit"),
        ("cube", "set_operational"),
        ("model", "submit"),
        ("model", "associate"),
        ("benchmark", "submit"),
        ("dataset", "submit"),
        ("dataset", "set_operational"),
        ("dataset", "associate"),
        ("association", "approve"),
        ("result", "submit"),
        ("review", "approve"),
        ("review", "reject"),
        ("review", "merge"),
        ("association", "reject"),
        ("association", "set_priority"),
        ("benchmark", "update_associations_policy"),
        ("member", "rotate-key"),
        ("member", "revoke-key"),
        ("member", "revoke"),
        ("outbox", "send"),
        ("outbox", "import"),
        ("outbox", "drop"),
        *((group, verb) for group in ENDED for verb in ("withdraw", "revoke")),
    } <= sending


@pytest.mark.parametrize(
    "words", [("dataset", "prepare", "--data-uid"), ("dataset", "prepare", "--data_uid")]
)
def test_options_are_spelt_with_either_stroke(terminal: Terminal, words: tuple[str, ...]) -> None:
    terminal(*words, "biopsies").failed(4, "MP-CONFIG", "no registry is in use")
    swapped = "--dry_run" if "-uid" in words[-1] else "--dry-run"
    terminal("dataset", "set-operational", words[-1], "biopsies", swapped).failed(4, "MP-CONFIG")


@pytest.mark.parametrize(("alias", "group"), ALIASES.items())
def test_medperfs_words_work(terminal: Terminal, alias: str, group: str) -> None:
    shown = terminal(alias, "--help").ok(f"Usage: medperf {alias} ").out
    assert shown.replace(alias, group, 1) == terminal(group, "--help").ok().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nothing",), "no such command 'nothing'"),
        (("member", "nothing"), "no such command 'nothing'"),
        (("member", "ls", "--nothing"), "no such option: --nothing"),
        (("member", "register"), "missing argument"),
        (("member", "register", "acme"), "missing option '--contact'"),
        (("benchmark", "submit", "x", "--threshold", "two"), "not a valid int"),
    ],
)
def test_a_wrong_command_line_is_a_usage_error_with_a_next_step(
    terminal: Terminal, words: tuple[str, ...], said: str
) -> None:
    terminal(*words).failed(2, "MP-USAGE", said, "--help` says what it takes")


def test_a_group_without_verb_shows_its_verbs(terminal: Terminal) -> None:
    for words in ((), ("member",)):
        done = terminal(*words)
        assert done.code == 2
        assert "Commands:" in done.out + done.err


@pytest.mark.parametrize(
    "group", ["member", "cube", "model", "benchmark", "dataset", "association", "result"]
)
def test_without_a_registry_every_list_says_how_to_add_one(terminal: Terminal, group: str) -> None:
    terminal(group, "ls").failed(4, "MP-CONFIG", "no registry is in use", "medperf registry add")


def test_without_a_member_nobody_is_responsible(hospital: Terminal) -> None:
    profile = hospital.home / "profiles/default.yml"
    lines = profile.read_text().splitlines(keepends=True)
    profile.write_text("".join(line for line in lines if not line.startswith("member")))
    hospital("dataset", "ls", "--mine").failed(4, "MP-CONFIG", "no member is chosen", "member register")


def test_a_registry_that_does_not_answer_is_exit_code_5(terminal: Terminal, tmp_path: Path) -> None:
    terminal("registry", "add", tmp_path / "nothing.git", "--root", f"sha256:{'0' * 64}").failed(
        5, "MP-NETWORK"
    )


def test_a_wrong_root_is_exit_code_10(terminal: Terminal, told: Hosted) -> None:
    terminal("registry", "add", told.url, "--root", f"sha256:{'0' * 64}").failed(10, "MP-INTEGRITY")


def test_check_exits_with_its_verdict(terminal: Terminal, told: Hosted, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", told.path, clone], check=True)
    terminal("check", "-C", clone).ok("AUTO")
    terminal("check", "-C", clone, "--head", "HEAD").ok("AUTO")
    for name, data in member_file(told.world, "eve").items():
        (clone / "registry" / name).parent.mkdir(parents=True, exist_ok=True)
        (clone / "registry" / name).write_bytes(data)
    waiting = terminal("check", "-C", clone)
    assert (waiting.code, waiting.out.splitlines()[-1]) == (3, "REVIEW")
    assert "APP001" in waiting.out
    (clone / "registry/members/acme/1.yml").unlink()
    rejected = terminal("check", "-C", clone, "--format", "json")
    assert (rejected.code, rejected.json["verdict"]) == (1, "REJECT")
    assert terminal("check", "-C", clone, "--format", "markdown").out.startswith("**REJECT**")
    terminal("check", "-C", told.path).failed(4, "MP-CONFIG", "bare repository")
    terminal("check", "-C", clone, "--head", "nowhere").failed(2, "MP-USAGE", "nowhere")


def test_a_bug_is_reported_in_a_file_and_shown_only_on_demand(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setattr(console, "deps", lambda **_: 1 / 0)
    done = terminal("member", "ls", "--mine")
    done.failed(70, "MP-BUG", "ZeroDivisionError")
    (report,) = tmp_path.glob("medperf-bug-*.txt")
    assert str(report) in done.err
    text = report.read_text()
    assert "medperf member ls --mine" in text
    assert "ZeroDivisionError" in text
    assert report.stat().st_mode & 0o077 == 0
    for words in (("--debug", "member", "ls"), ("member", "ls", "--debug")):
        assert "Traceback" in terminal(*words).err


def test_the_report_of_a_bug_holds_no_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    address = "https://me:secret@host/x"
    assert bug(ValueError(address), ["registry", "add", address], debug=False) == 70
    (report,) = tmp_path.glob("medperf-bug-*.txt")
    assert "registry add https://host/x" in report.read_text()
    assert "secret" not in report.read_text()


@pytest.mark.parametrize("debug", [True, False])
def test_no_failure_prints_a_password_or_a_strangers_orders_to_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], debug: bool
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    cause = OSError("no way to http://me:secret@proxy.example.org/ \x1b[2J")
    failed = NetworkError("the site does not answer")
    failed.__cause__ = cause
    assert expected(failed, debug=debug) == 5
    assert bug(cause, ["registry", "sync"], debug=debug) == 70
    said = capfd.readouterr().err
    assert said.count("no way to http://proxy.example.org/") == (3 if debug else 1)
    assert "secret" not in said
    assert "\x1b" not in said


def test_ctrl_c_is_heard_and_said(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(**_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(console, "deps", interrupt)
    done = terminal("member", "ls")
    assert done.code == 130
    assert done.err == "\ninterrupted: run the same command again, finished work is kept\n"


def test_an_expected_error_shows_where_it_came_from_only_on_demand(terminal: Terminal) -> None:
    assert "Traceback" not in terminal("member", "ls").err
    assert "Traceback" in terminal("member", "ls", "--debug").err


def test_quiet_keeps_data_and_errors(hospital: Terminal) -> None:
    assert hospital("-q", "registry", "sync").ok().err == ""
    assert hospital("-q", "member", "ls").ok().out
    hospital("-q", "cube", "view", "nothing").failed(2, "MP-UNKNOWN-ID")


@pytest.mark.parametrize(
    "words",
    [
        ("--help",),
        ("member", "--help"),
        ("benchmark", "submit", "--help"),
        ("--version",),
        ("key", "ls"),
    ],
)
def test_help_and_version_import_nothing_heavy(tmp_path: Path, words: tuple[str, ...]) -> None:
    assert imported(*words, home=tmp_path) == (0, set())


SHOWN = {  # something of each kind in the story
    "member": "clara",
    "cube": "forest",
    "model": "forest",
    "benchmark": "wdbc",
    "dataset": "biopsies",
    "association": f"{TISSUE}/models/{FOREST}",
    "result": f"{TISSUE}/{FOREST}/{DATASET}",
    "decision": f"members/{DATASET.partition('/')[0]}/1/ada",
}
FROM_THE_INDEX = [
    *((group, "ls") for group in SHOWN),
    *((group, "ls", "--all", "--json") for group in SHOWN),
    *((group, "view", entity) for group, entity in SHOWN.items()),
    *((group, "view", entity, "--format", "json") for group, entity in SHOWN.items()),
    ("association", "ls", "--mine"),
    ("registry", "ls"),
    ("registry", "view"),
    ("benchmark", "board", "wdbc"),
    ("review", "ls", "--offline"),
    ("review", "ls", "--offline", "--closed"),
    ("todo",),
    ("outbox", "ls"),
    ("test", "ls"),
    ("storage", "ls"),
    ("profile", "ls"),
    ("profile", "view"),
]


def test_every_list_and_view_is_named_here() -> None:
    elsewhere = {("key", "ls"), ("test", "view")}  # of keys and trials on this machine, not of the registry
    browsing = {words for words in TREE if words[1:] in (("ls",), ("view",))}
    assert browsing - elsewhere == {
        words[:2] for words in FROM_THE_INDEX if words[1:2] in (("ls",), ("view",))
    }


@pytest.fixture(scope="module")
def read_home(told: Hosted, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The hospital's home after a sync, for commands that only read."""
    home = tmp_path_factory.mktemp("read") / "home"
    shutil.copytree(told.folder / "home-st-mary", home)
    settings = load({"MEDPERF_HOME": str(home)}, home)
    keep_up(Deps(settings, console.utc_now, console.Console(), lambda _: False, interactive=False))
    return home


@pytest.mark.parametrize("words", FROM_THE_INDEX, ids=" ".join)
def test_a_list_or_view_needs_neither_git_nor_pydantic(read_home: Path, words: tuple[str, ...]) -> None:
    code, modules = imported(*words, home=read_home)
    assert (code, modules) == (0, {"yaml"})


@pytest.mark.e2e
def test_the_installed_command_works_as_a_process(hospital: Terminal) -> None:
    environ = {**os.environ, "MEDPERF_HOME": str(hospital.home)}

    def medperf(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([MEDPERF, *words], capture_output=True, text=True, env=environ, check=False)

    assert medperf("--version").stdout == "medperf 0.1.0\n"
    assert medperf("model", "ls").stdout.count("\n") == 3
    assert medperf("nothing").returncode == 2
    assert medperf("result", "view", "nothing").returncode == 2


@pytest.mark.e2e
def test_a_reader_that_has_enough_is_no_failure(tmp_path: Path) -> None:
    environ = {**os.environ, "MEDPERF_HOME": str(tmp_path)}
    line = f"'{MEDPERF}' rules | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, env=environ, check=True)
    assert (done.stdout, done.stderr) == ("0\n", "")
