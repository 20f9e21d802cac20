"""A forge's runner in small: a workflow's own `run` lines in a real shell; and hostile events.

What cannot be here is stood in for, and only that: the checkout and the set-up of Python are passed over,
`pip install` is written down (the tool is installed already), a GitHub App's token is given.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.workflow_files import Workflow

_EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
_SHELL = ("bash", "-e", "-o", "pipefail")
_FILES = ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STATE", "GITHUB_STEP_SUMMARY")
_COMMANDS = frozenset(
    {
        *(
            "add-mask",
            "add-matcher",
            "add-path",
            "debug",
            "echo",
            "endgroup",
            "error",
            "group",
            "internal-set-repo-path",
        ),
        *("notice", "remove-matcher", "save-state", "set-env", "set-output", "stop-commands", "warning"),
    }
)
"""What GitHub's runner obeys (src/Runner.Worker/ActionCommandManager.cs and the extensions it loads)."""

CANARY = "pwned-by-a-request"
_BANG = f"touch {CANARY}"
_SHELL_WORDS = f"$({_BANG});{_BANG};'$({_BANG})'\"$({_BANG})\"`{_BANG}`&&{_BANG}||{_BANG}"
HOSTILE = (
    f"{_SHELL_WORDS}\n::set-output name=x::{CANARY}\r::add-mask::e\n  ::stop-commands::{CANARY}\n"
    f"##[add-mask]e\x1b[2J\x1b]0;{CANARY}\x07 ${{{{ github.token }}}} <img src=x onerror=alert(1)> @everyone "
    f"[a](javascript:x) ](http://evil.example)\u202e${{IFS}}\n```\n# {CANARY}\n{_SHELL_WORDS}"
)
"""Everything at once: shells, the runner's commands, terminals, expressions, Markdown."""
HOSTILE_BRANCH = f"x$({_BANG.replace(' ', '${IFS}')});`{CANARY}`;|&'\"<>"
"""As much of it as git takes in the name of a branch."""
HOSTILE_FILES = {
    b"registry/cubes/acme/$(touch " + CANARY.encode() + b")/1.yml": b"a: 1\n",
    b"registry/\n::set-output name=x::" + CANARY.encode(): b"x",
    b"registry/##[add-mask]e\x1b[31m`touch " + CANARY.encode() + b"`": b"x",
    b"registry/<img src=x onerror=alert(1)> @everyone [a](javascript:x) ```\n# " + CANARY.encode(): b"x",
    b"registry/members/;touch " + CANARY.encode() + b";\r::add-mask::e/1.yml": b"\xff\xfe::add-mask::e\n",
}


@dataclass
class Runner:
    """One machine on which jobs run.

    `variables` are what CI sets for every job, `contexts` what `${{ ... }}` stands for; an expression that is
    not among them is an error, so none is passed over.
    """

    folder: Path
    variables: Mapping[str, str]
    contexts: Mapping[str, str] = field(default_factory=dict)
    pip: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name in ("work", "bin", "home", "files", "temp"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        program = self.folder / "bin/python"
        program.write_text(
            f'#!/bin/sh\nif [ "$1 $2" = "-m pip" ]; then echo "$@" >> "{self.folder}/pip.log"; exit 0; fi\n'
            f'exec "{sys.executable}" "$@"\n'
        )
        program.chmod(0o755)

    @property
    def work(self) -> Path:
        return self.folder / "work"

    def file(self, name: str) -> Path:
        """One of the files through which a step may tell the runner something."""
        return self.folder / "files" / name

    def run(self, workflow: Workflow, event: Mapping[str, Any] | None = None) -> Ran:
        """Run every `run` step of a workflow, as the runner would; the first that fails ends it."""
        (self.folder / "event.json").write_text(json.dumps(event or {}))
        steps = [step for step in workflow.steps if "run" in step]
        given = [{k: self._filled(v) for k, v in step.get("env", {}).items()} for step in steps]
        return self._run([(self._filled(s["run"]), extra) for s, extra in zip(steps, given, strict=True)])

    def script(self, job: Mapping[str, Any]) -> Ran:
        """The same for the `script` of a job on GitLab."""
        given = {
            name: self.variables[value[1:]] if value.startswith("$") else value
            for name, value in job.get("variables", {}).items()
        }
        return self._run([(line, given) for line in job["script"]])

    def _run(self, steps: list[tuple[str, Mapping[str, str]]]) -> Ran:
        log, code = b"", 0
        for script, extra in steps:
            done = subprocess.run(
                [*_SHELL, "-c", script],
                cwd=self.work,
                env={**self._environment(), **extra},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                check=False,
                timeout=120,
            )
            log, code = log + done.stdout, done.returncode
            if code:
                break
        return Ran(code, log, self)

    def _filled(self, text: str) -> str:
        return _EXPRESSION.sub(lambda match: self.contexts[match[1]], text)

    def _environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if k.startswith(("GIT_", "LC_", "LANG"))}
        files = {name: str(self.file(name)) for name in _FILES}
        return {
            **kept,
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "HOME": str(self.folder / "home"),
            "TMPDIR": str(self.folder / "temp"),
            "GITHUB_EVENT_PATH": str(self.folder / "event.json"),
            **files,
            **self.variables,
        }


@dataclass(frozen=True)
class Ran:
    """How a job ended, and all that it printed."""

    code: int
    log: bytes
    runner: Runner

    @property
    def text(self) -> str:
        return self.log.decode("utf-8", "replace")

    @property
    def summary(self) -> str:
        file = self.runner.file("GITHUB_STEP_SUMMARY")
        return file.read_text("utf-8") if file.exists() else ""

    def expect_harmless(self) -> None:
        """Nothing of a stranger's reached a shell, the runner, or a terminal; nothing is left behind."""
        pwned = [p for p in self.runner.folder.rglob("*") if p.name.startswith(CANARY)]
        assert not pwned, f"a stranger's words were run: {pwned}"
        assert orders(self.log) == []
        assert b"\x1b" not in self.log
        expect_escaped(self.summary)
        told = {name for name in _FILES if name != "GITHUB_STEP_SUMMARY" and self.runner.file(name).exists()}
        assert not told
        assert list((self.runner.folder / "temp").iterdir()) == []


def expect_escaped(markdown: str) -> None:
    """Every word of a stranger stands in a code span of one line."""
    ours = re.sub(r"`[^`\n]*`", "", markdown)
    assert CANARY not in ours
    assert not re.search(r"<img|@everyone|javascript:|\]\(|^\s*::|##\[", ours, re.MULTILINE)
    assert not [c for c in markdown if not c.isprintable() and c != "\n"]


def orders(log: bytes) -> list[str]:
    """The lines of a log that GitHub's runner obeys, by its two parsers (Runner.Common/ActionCommand.cs)."""
    found = []
    for line in re.split(r"\r\n|\r|\n", log.decode("utf-8", "replace")):
        second = re.match(r"::([^ :]+)(?: .*?)?::", line.lstrip())
        first = re.search(r"##\[([^\] ]+)[^\]]*\]", line)
        names = [match[1] for match in (second, first) if match]
        found += [line for name in names if name.lower() in _COMMANDS]
    return found


def github(url: str, **more: str) -> dict[str, str]:
    """What GitHub sets for every job in the repository at an address; what a stranger chose is hostile."""
    server, name = re.fullmatch(r"(.*?://[^/]*)/(.*)\.git", url).groups()  # type: ignore[union-attr]
    return {
        "CI": "true",
        "GITHUB_ACTIONS": "true",
        "GITHUB_SERVER_URL": server,
        "GITHUB_REPOSITORY": name,
        "GITHUB_HEAD_REF": HOSTILE_BRANCH,
        "GITHUB_REF_NAME": "7/merge",
        "GITHUB_ACTOR": "eve",
        **more,
    }


def pull_request(number: int, head: str) -> dict[str, Any]:
    """The event of a hostile request, as much of it as matters here."""
    texts = {"title": HOSTILE, "body": HOSTILE, "url": HOSTILE}
    return {
        "action": "opened",
        "number": number,
        "pull_request": {
            **texts,
            "number": number,
            "head": {
                "ref": HOSTILE_BRANCH,
                "sha": head,
                "label": HOSTILE,
                "repo": {"full_name": "eve/registry"},
            },
            "base": {"ref": "main", "sha": "0" * 40},
            "user": {"login": HOSTILE},
        },
        "sender": {"login": HOSTILE},
    }
