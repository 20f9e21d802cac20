"""Completion, as a real bash asks for it: groups, options, ids; offline, and never with a word more."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from medperf_cli.commands.completion import SHELLS
from medperf_cli.flows.reading.asked import Asked, AskedRequest, write_asked
from medperf_cli.flows.reading.registry import Place
from tests.support.story_fields import DATASET, FOREST, REFERENCE, TISSUE
from tests.support.terminal import Terminal

MEDPERF = Path(sys.executable).with_name("medperf")
ASK = """
source /dev/stdin <<< "$(medperf --show-completion bash)"
COMP_WORDS=({words})
COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_medperf_completion medperf
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def bash(script: str, home: Path) -> subprocess.CompletedProcess[str]:
    path = f"{MEDPERF.parent}{os.pathsep}{os.environ['PATH']}"
    environ = {**os.environ, "MEDPERF_HOME": str(home), "PATH": path}
    argv = ["bash", "--norc", "-c", script]
    return subprocess.run(argv, capture_output=True, text=True, env=environ, check=True)


def offered(words: str, home: Path) -> set[str]:
    """What bash offers after these words; the last one is being typed."""
    done = bash(ASK.format(words=words), home)
    assert done.stderr == ""
    return set(done.stdout.split())


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("words", "ids"),
    [
        ("medperf ben", {"benchmark"}),
        ("medperf profile act", {"activate"}),
        ("medperf dataset prepare --re", {"--rehash"}),
        ("medperf benchmark run -b ''", {TISSUE}),
        ("medperf benchmark run --benchmark_uid tumor", {TISSUE}),
        ("medperf benchmark run -b wdbc", {TISSUE}),
        ("medperf benchmark board ''", {TISSUE}),
        ("medperf benchmark run -d ''", {DATASET}),
        ("medperf benchmark run -m ''", {FOREST, REFERENCE}),
        ("medperf model view ''", {FOREST, REFERENCE}),
        ("medperf cube view acme", {FOREST}),
        ("medperf association approve -b ''", {TISSUE}),
        ("medperf profile set para", {"parallel"}),
        ("medperf profile activate ''", {"default"}),
        ("medperf member ls --owner cla", {"clara"}),
        ("medperf mlcube view acme", {FOREST}),
    ],
)
def test_bash_is_offered(hospital: Terminal, words: str, ids: set[str]) -> None:
    assert offered(words, hospital.home) == ids


@pytest.mark.e2e
def test_registries_are_offered(hospital: Terminal) -> None:
    (row,) = hospital("registry", "ls", "--json").json
    assert offered("medperf registry use ''", hospital.home) == {row["registry"]}


@pytest.mark.e2e
@pytest.mark.parametrize("damage", ["nothing", "profile", "index"])
def test_nothing_is_offered_and_nothing_said_where_there_is_nothing(
    hospital: Terminal, tmp_path: Path, damage: str
) -> None:
    home = tmp_path / "none" if damage == "nothing" else hospital.home
    if damage == "profile":
        (home / "profiles/default.yml").write_text("[[[")
    if damage == "index":
        for index in home.glob("registries/*/index.sqlite"):
            index.write_bytes(b"not a database" * 100)
    assert offered("medperf benchmark run -b ''", home) == set()


def test_requests_and_local_results_are_offered(hospital: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    (index,) = hospital.home.glob("registries/*/index.sqlite")
    mirror = index.with_name("mirror.git")
    # What was closed leaves a ref, and is not open.
    (mirror / "refs/upstream/pull/1111111111111111/closed").mkdir(parents=True)
    about = ("title", "acme", "2026-01-02T10:00:00Z", "REVIEW", (), (), (), ())
    requests = tuple(AskedRequest(number, *about) for number in ("0123456789abcdef", "fedcba9876543210"))
    write_asked(Place(index.parent), Asked("2026-01-02T10:00:00Z", requests))
    (hospital.home / "runs" / ("ab" * 32)).mkdir(parents=True)
    monkeypatch.setenv("_MEDPERF_COMPLETE", "complete_bash")
    for words, expected in (
        ("medperf review approve ", "0123456789abcdef\nfedcba9876543210"),
        ("medperf result submit -r ", "abababababab"),
    ):
        monkeypatch.setenv("COMP_WORDS", words)
        monkeypatch.setenv("COMP_CWORD", "3" if "review" in words else "4")
        assert hospital().out.strip() == expected


def test_completion_imports_nothing_heavy(hospital: Terminal) -> None:
    code = (
        "import sys\nfrom medperf_cli.main import run\nrun([])\n"
        "heavy = ('pydantic', 'git', 'docker', 'cryptography', 'requests', 'asyncio', 'rich')\n"
        "print(*(m for m in heavy if m in sys.modules))"
    )
    asked = {
        "_MEDPERF_COMPLETE": "complete_bash",
        "COMP_WORDS": "medperf benchmark run -b ",
        "COMP_CWORD": "4",
    }
    environ = {**os.environ, "MEDPERF_HOME": str(hospital.home), **asked}
    argv = [sys.executable, "-c", code]
    done = subprocess.run(argv, capture_output=True, text=True, env=environ, check=True)
    assert done.stdout.splitlines() == [TISSUE, ""]


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_is_shown_and_installed(terminal: Terminal, shell: str, sealed: Path) -> None:
    script = terminal("--show-completion", shell).ok().out
    assert "_MEDPERF_COMPLETE" in script
    assert shell in terminal("--install-completion", shell).ok("is in").out
    written = [p for p in sealed.rglob("*") if p.is_file() and script.strip() in p.read_text()]
    assert len(written) == 1


def test_a_shell_that_is_not_known_or_a_home_that_is_not_writable_is_said(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    terminal("--show-completion", "tcsh").failed(2, "MP-USAGE", "bash, zsh, fish")
    terminal("--install-completion", "").failed(2, "MP-USAGE")
    (tmp_path / "file").touch()
    monkeypatch.setenv("HOME", str(tmp_path / "file"))
    terminal("--install-completion", "bash").failed(4, "MP-CONFIG", str(tmp_path / "file"))
