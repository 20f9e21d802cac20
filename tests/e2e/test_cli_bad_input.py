"""Every command of the parser with bad input: an exit code of the table, a next step, no bug."""

from __future__ import annotations

import datetime as dt
import fcntl
import os
import pty
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from medperf_cli.commands import console
from medperf_cli.commands.app import app
from medperf_cli.errors import ExitCode
from tests.support.hosting import Hosted
from tests.support.story_fields import TISSUE
from tests.support.terminal import Done, Keyboard, Terminal

MEDPERF = Path(sys.executable).with_name("medperf")
CODES = {int(code) for code in ExitCode} - {ExitCode.BUG, ExitCode.INTERRUPTED}
ENDLESS = {("site", "serve")}
"""Serves until it is stopped."""
GARBAGE = (
    "",
    "nothing-of-that-name",
    "../../etc/passwd",
    "\x1b[31m\u202e",
    "-1",
    "x" * 5000,
    "\udcff",
)


def leaves(command: Any = app, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command that does something, with the words that call it."""
    if not hasattr(command, "list_commands"):
        yield words, command
        return
    context = command.make_context("medperf", [], resilient_parsing=True)
    for name in command.list_commands(context):
        yield from leaves(command.get_command(context, name), (*words, name))


LEAVES = {words: command for words, command in leaves() if words not in ENDLESS}


def filled(command: Any, value: str) -> list[str]:
    """A command line with every required option and argument, all of them this value."""
    line, last = [], []
    for parameter in command.params:
        if parameter.required and parameter.param_type_name == "option":
            line += [f"{parameter.opts[0]}={value}" if parameter.opts[0].startswith("--") else value]
        elif parameter.param_type_name == "argument":
            last.append(value)
    return [*line, "--", *last]


def with_option(command: Any, option: Any, value: str) -> list[str]:
    """The same with one more option that is not required; all the others make sense or are unknown ids."""
    name = max(option.opts, key=len)
    return [f"{name}={value}", *filled(command, "nothing-of-that-name")]


def civil(done: Done, *, words: object) -> None:
    """See that it ended as the page says, and said what to do if it failed."""
    assert done.code in CODES, (words, done)
    assert "Traceback" not in done.err + done.out, words
    assert "\x1b" not in done.err + done.out, words
    if done.code not in (ExitCode.OK, ExitCode.NEEDS_REVIEW):
        explained = re.search(r"^error MP-[A-Z-]+: .+", done.err, re.MULTILINE) and "\n  next: " in done.err
        # What was found amiss is the answer of these, not an error.
        first, *rest = list(words)  # type: ignore[call-overload]
        answers = first in ("doctor", "check") or [first, *rest[:1]] == ["registry", "doctor"]
        assert explained or "Usage: medperf" in done.err + done.out or answers, (words, done)


@pytest.fixture
def nowhere(hospital: Terminal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Terminal:
    """The hospital's terminal in an empty folder, with an engine that does not answer."""
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    return hospital


@pytest.mark.parametrize("words", LEAVES, ids=" ".join)
def test_without_arguments_it_works_or_says_what_is_missing(
    nowhere: Terminal, words: tuple[str, ...]
) -> None:
    civil(nowhere(*words), words=words)


@pytest.mark.parametrize("words", LEAVES, ids=" ".join)
def test_with_garbage_everywhere_it_says_what_is_wrong(nowhere: Terminal, words: tuple[str, ...]) -> None:
    command = LEAVES[words]
    for value in GARBAGE:
        civil(nowhere(*words, *filled(command, value)), words=(*words, value))
    assert not list(Path().iterdir()) or words[0] in ("site", "registry", "key", "member"), (
        "it left something"
    )


@pytest.mark.parametrize("words", LEAVES, ids=" ".join)
def test_each_option_takes_no_garbage(nowhere: Terminal, words: tuple[str, ...]) -> None:
    command = LEAVES[words]
    for option in command.params:
        if option.param_type_name != "option" or option.required or getattr(option, "is_flag", False):
            continue
        for value in ("", "\udcff\x1b[31m", "9" * 30):
            civil(nowhere(*words, *with_option(command, option, value)), words=(*words, option.name, value))


@pytest.mark.parametrize("words", LEAVES, ids=" ".join)
def test_with_a_home_that_cannot_be_it_says_so(
    nowhere: Terminal, words: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    there = nowhere.at(tmp_path / "file/home")
    for line in ([], filled(LEAVES[words], "nothing-of-that-name")):
        civil(there(*words, *line), words=words)


@pytest.mark.parametrize("words", LEAVES, ids=" ".join)
def test_on_a_new_machine_it_says_where_to_begin(
    nowhere: Terminal, words: tuple[str, ...], tmp_path: Path
) -> None:
    civil(nowhere.at(tmp_path / "new")(*words, *filled(LEAVES[words], "some-name")), words=words)


ASKING = ("member", "register", "eve", "--contact", "eve@eve.example")


@pytest.fixture
def newcomer(hospital: Terminal, tmp_path: Path) -> Terminal:
    """Somebody with a registry and a key that is nobody's yet."""
    hospital("key", "new", "--file", tmp_path / "new-key").ok()
    return hospital


@pytest.mark.parametrize("answer", ["n\n", "\n", "nonsense\n", "\udcff\n"])
def test_every_answer_but_yes_sends_nothing(newcomer: Terminal, answer: str) -> None:
    newcomer(*ASKING, typing=answer).ok("nothing was sent")


def test_no_answer_and_no_terminal_send_nothing(newcomer: Terminal) -> None:
    newcomer(*ASKING, typing="").failed(2, "MP-USAGE", "there was no answer; nothing was sent")
    newcomer(*ASKING).failed(2, "MP-USAGE", "there is no terminal to ask at", "--yes")


def test_ctrl_c_at_the_question_sends_nothing_and_says_so(
    newcomer: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: Keyboard) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(Keyboard, "readline", interrupt)
    newcomer(*ASKING, typing="").failed(130, "MP-INTERRUPTED", "nothing was sent")


def at_pty(argv: list[str], home: Path, keys: bytes, wait: str, **environ: str) -> tuple[int, str]:
    """Run the installed command at a real terminal, press keys once it has said `wait`."""
    child, descriptor = pty.fork()
    if child == 0:
        os.execve(MEDPERF, [str(MEDPERF), *argv], {**os.environ, "MEDPERF_HOME": str(home), **environ})  # noqa: S606 - no shell
    said, sent, deadline = "", False, time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            chunk = os.read(descriptor, 65536)
        except OSError:
            break
        if not chunk:
            break
        said += chunk.decode("utf-8", "replace")
        if not sent and wait in said:
            os.write(descriptor, keys)
            sent = True
    os.close(descriptor)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), said


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("keys", "code", "said"),
    [(b"\x03", 130, "nothing was sent"), (b"\x04", 2, "no answer"), (b"n\n", 0, "nothing was sent")],
    ids=["ctrl-c", "ctrl-d", "no"],
)
def test_at_a_real_terminal_a_question_can_be_left(
    newcomer: Terminal, keys: bytes, code: int, said: str
) -> None:
    ended, text = at_pty(list(ASKING), newcomer.home, keys, "[y/N]")
    assert (ended, said in text, "Traceback" in text) == (code, True, False), text


@pytest.mark.e2e
def test_a_long_list_goes_through_the_pager_only_at_a_terminal(hospital: Terminal, tmp_path: Path) -> None:
    pager = tmp_path / "pager"
    pager.write_text("#!/bin/sh\necho PAGED $LESS\ncat\n")
    pager.chmod(0o755)
    small = {"LINES": "3", "COLUMNS": "80", "PAGER": str(pager)}
    code, text = at_pty(["member", "ls"], hospital.home, b"", "\0", **small)
    assert (code, "PAGED FRX" in text, "st-mary" in text) == (0, True, True), text
    for words, environ in (
        (["--no-pager", "member", "ls"], small),
        (["member", "ls"], {**small, "LINES": "300"}),
        (["member", "ls"], {**small, "PAGER": "cat"}),
        (["member", "ls"], {**small, "PAGER": "/nowhere/less"}),
        (["member", "ls"], {**small, "PAGER": "'"}),
    ):
        code, text = at_pty(words, hospital.home, b"", "\0", **environ)
        assert (code, "PAGED" in text, "st-mary" in text) == (0, False, True), (words, environ, text)
        assert "\x1b" not in text, "no colour, no cursor"
    environ = {**os.environ, **small, "MEDPERF_HOME": str(hospital.home)}
    done = subprocess.run([MEDPERF, "member", "ls"], capture_output=True, text=True, env=environ, check=True)
    assert "PAGED" not in done.stdout


def test_verbose_says_what_is_run_and_quiet_says_nothing(hospital: Terminal) -> None:
    said = hospital("-v", "registry", "sync").ok().err
    assert re.search(r"^\+ run git .*fetch", said, re.MULTILINE)
    assert "+ run" not in hospital("registry", "sync").ok().err
    assert hospital("-q", "registry", "sync").ok().err == ""


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("redirect", "code", "said"),
    [
        (">/dev/full", 4, "error MP-CONFIG: no space left to write 'standard output'"),
        (">&-", 0, ""),
        ("2>&-", 0, ""),
        ("<&-", 0, ""),
        ("| head -c 1 >/dev/null", 0, ""),
    ],
)
def test_whatever_the_streams_are_it_is_no_bug(tmp_path: Path, redirect: str, code: int, said: str) -> None:
    line = f"set -o pipefail; '{MEDPERF}' rules --json {redirect}"
    environ = {**os.environ, "MEDPERF_HOME": str(tmp_path), "PYTHONIOENCODING": "ascii"}
    argv = ["bash", "-c", line]
    done = subprocess.run(argv, capture_output=True, text=True, env=environ, check=False)
    assert (done.returncode, said in done.stderr, "Traceback" in done.stderr) == (code, True, False), done


@pytest.mark.e2e
def test_without_a_question_a_closed_keyboard_is_no_terminal(newcomer: Terminal) -> None:
    line = f"'{MEDPERF}' {' '.join(ASKING)} <&-"
    environ = {**os.environ, "MEDPERF_HOME": str(newcomer.home)}
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, env=environ, check=False)
    assert done.returncode == 2
    assert "there is no terminal to ask at" in done.stderr


@pytest.mark.e2e
@pytest.mark.skipif(os.getuid() != 0, reason="only root can be somebody else")
def test_a_home_that_is_somebody_elses_is_named(hospital: Terminal) -> None:
    nobody = pwd.getpwnam("nobody")
    program = (
        f"import os, sys\nos.setgroups([])\nos.setgid({nobody.pw_gid})\nos.setuid({nobody.pw_uid})\n"
        "from medperf_cli.main import main\nmain()"
    )
    with tempfile.TemporaryDirectory() as folder:
        home = shutil.copytree(hospital.home, Path(folder, "home"))
        for path in (Path(folder), *home.rglob("*"), home):
            path.chmod(path.stat().st_mode | 0o055)  # others may look, and not write
        environ = {**os.environ, "MEDPERF_HOME": str(home), "HOME": folder}
        for words in (
            ("registry", "sync"),
            ("profile", "set", "parallel", "2"),
            ("key", "new"),
            ("nothing",),
        ):
            argv = [sys.executable, "-c", program, *words]
            done = subprocess.run(argv, capture_output=True, text=True, env=environ, check=False)
            if "ModuleNotFoundError" in done.stderr or "Permission denied: '/" in done.stderr:
                pytest.skip("the program itself is closed to others")
            assert done.returncode == (2 if words == ("nothing",) else 4), done
            assert "Traceback" not in done.stderr
            assert "\n  next: " in done.stderr


def test_wrong_registries_are_refused(terminal: Terminal, told: Hosted, tmp_path: Path) -> None:
    root = terminal("registry", "add", told.url).failed(2, "MP-USAGE", "must be confirmed").err
    digest = re.search(r"sha256:[0-9a-f]{64}", root)
    assert digest
    empty = tmp_path / "empty.git"
    subprocess.run(["git", "init", "--quiet", "--bare", empty], check=True)
    other = tmp_path / "other.git"
    subprocess.run(["git", "clone", "--quiet", "--bare", told.path, other], check=True)
    subprocess.run(["git", "-C", other, "branch", "-m", "main", "trunk"], check=True)
    plain = tmp_path / "plain.git"
    subprocess.run(["git", "init", "--quiet", "--initial-branch=main", plain], check=True)
    who = ("-c", "user.name=x", "-c", "user.email=x@x.example")
    subprocess.run(["git", "-C", plain, *who, "commit", "--quiet", "--allow-empty", "-m", "x"], check=True)
    for url, code, error in (
        (empty, 5, "MP-NETWORK"),
        (other, 5, "MP-NETWORK"),
        (plain, 10, "MP-INTEGRITY"),
        (tmp_path / "nothing", 5, "MP-NETWORK"),
        (tmp_path, 5, "MP-NETWORK"),
    ):
        terminal("registry", "add", url, "--root", digest[0]).failed(code, error)
    terminal("registry", "add", told.url, "--root", "sha256:abc").failed(2, "MP-USAGE", "fingerprint")
    terminal("registry", "add", "", "--root", digest[0]).failed(2, "MP-USAGE", "address is empty")
    left = terminal.home / "registries"
    assert not left.exists() or list(left.iterdir()) == []


def test_a_clock_before_the_last_change_is_said_when_reading(
    hospital: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "utc_now", lambda: dt.datetime(2001, 1, 1, tzinfo=dt.UTC))
    assert "warning: this machine's clock" in hospital("registry", "sync").ok().err


def test_an_index_in_use_is_said(hospital: Terminal) -> None:
    (lock,) = hospital.home.glob("registries/*/lock")
    with lock.open("r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert "Traceback" not in hospital("member", "ls").ok().err


def test_a_bug_is_reported_where_no_folder_takes_the_report(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    for name in ("TMPDIR", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / "file/nothing"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "file/nothing"))
    monkeypatch.setattr(console, "deps", lambda **_: 1 / 0)
    monkeypatch.chdir(tmp_path)
    done = terminal("member", "ls")
    done.failed(70, "MP-BUG", "medperf-bug-")
    monkeypatch.setattr("tempfile.mkstemp", lambda **_: (_ for _ in ()).throw(OSError("no")))
    done = terminal("member", "ls")
    assert done.code == 70
    assert "Traceback" in done.err, "else nothing would tell of it"
    assert "the lines above" in done.err


def test_the_story_is_still_read_when_all_was_said(hospital: Terminal) -> None:
    assert TISSUE in hospital("benchmark", "ls").ok().out
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
