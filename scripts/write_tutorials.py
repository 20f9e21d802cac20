"""Plays the tutorials in a real shell; rewrites the outputs that their pages show, or says what differs."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from scripts.console_blocks import Done, Shell, Step, alike, difference, named, rewrite, steps

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "site_generator" / "content" / "tutorials"
STAGE = ROOT / "examples" / "breast-cancer" / "tutorial.py"
ROLES = ("data-owner", "model-owner", "committee", "admin")
READER = "/home/you/medperf-registry"
"""Where a reader's clone is, in the outputs that are shown."""


def page(role: str) -> Path:
    """The tutorial of a role."""
    return PAGES / f"{role}.md"


def play(role: str, folder: Path) -> Iterator[tuple[Step, Done]]:
    """Set the stage of a role below `folder`, type what its page shows, yield each step when it is done.

    Tutorials that are played in one folder, one after the other, share the scenes that they begin with.

    Raises:
        RuntimeError: the stage could not be set.

    """
    here = folder / "stage"
    command = [sys.executable, str(STAGE), role, "--stage", str(here), "--kept", str(folder / "kept")]
    stage = subprocess.run(command, capture_output=True, text=True, check=False)
    if stage.returncode != 0:
        raise RuntimeError(stage.stdout + stage.stderr)
    home = folder / "home"
    home.mkdir(exist_ok=True)
    left_out = ("MEDPERF_", "GIT_", "SSH_")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(left_out)} | {"HOME": str(home)}
    places = {str(here): f"{READER}/.tutorial/{role}", str(ROOT): READER}
    with Shell(folder, environment) as shell:
        for line in stage.stdout.splitlines()[-2:]:
            shell.run(line.strip())
        for step in steps(page(role).read_text("utf-8")):
            yield step, named(shell.run(step.command), places)


def complaint(step: Step, done: Done) -> str:
    """What is wrong with a step, or nothing: its shape, or an exit code that its output does not speak of."""
    if not alike(step.shown, done.printed):
        return f"$ {step.command}\n{difference(step.shown, done.printed)}\n"
    failed = any(line.startswith("error ") for line in done.printed)
    if failed != (done.code != 0):
        return f"$ {step.command}\nexit code {done.code}\n"
    return ""


def main() -> None:
    """Rewrite the pages of the roles that are named; of all without one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("roles", nargs="*", default=ROLES, help="which tutorials")
    parser.add_argument("--check", action="store_true", help="change nothing, say what differs")
    options = parser.parse_args()
    wrong = ""
    with tempfile.TemporaryDirectory() as folder:
        played = {role: list(play(role, Path(folder).resolve())) for role in options.roles}
    for role, done in played.items():
        wrong += "".join(complaint(step, result) for step, result in done)
        if not options.check:
            page(role).write_text(rewrite(page(role).read_text("utf-8"), done), encoding="utf-8")
    print(wrong or "all outputs are as shown")
    sys.exit(bool(wrong) and options.check)


if __name__ == "__main__":
    main()
