"""This repository's own `registry/`: how it is written from a story, and that readers can verify it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.hosting import Hosted
from tests.support.terminal import Terminal

pytestmark = pytest.mark.e2e

REPOSITORY = Path(__file__).resolve().parents[2]
SCRIPT = REPOSITORY / "scripts/write_registry.py"
ROOT_FILE = "examples/breast-cancer/registry-root.txt"
STATED = "%s%n%an %ae %at%n%cn %ce %ct"
"""What a commit says besides its tree and parents."""


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def write(folder: Path, story: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), str(story), "--repository", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with something in it, and somebody who commits."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    git(folder, "config", "user.name", "lead")
    git(folder, "config", "user.email", "lead@example.org")
    (folder / "examples").mkdir()
    (folder / "README.md").write_text("a program\n")
    (folder / "examples/notes.txt").write_text("notes\n")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "A program")
    return folder


def test_each_merge_of_the_story_becomes_one_commit_with_nothing_else_touched(
    told: Hosted, checkout: Path
) -> None:
    start = git(checkout, "rev-parse", "HEAD").strip()
    done = write(checkout, told.path)
    assert done.returncode == 0, done.stderr
    assert (checkout / ROOT_FILE).read_text() == done.stdout
    ours = git(checkout, "rev-list", "--reverse", f"{start}..HEAD").split()
    theirs = git(told.path, "rev-list", "--first-parent", "--reverse", "main").split()
    assert len(ours) == len(theirs) + 1
    for our, their in zip(ours, theirs, strict=False):
        assert git(checkout, "show", "-s", f"--format={STATED}", our) == git(
            told.path, "show", "-s", f"--format={STATED}", their
        )
        assert git(checkout, "rev-parse", f"{our}:registry") == git(
            told.path, "rev-parse", f"{their}:registry"
        )
        changed = git(checkout, "diff", "--name-only", f"{our}^!").split()
        assert all(path.startswith("registry/") for path in changed)
        assert len(git(checkout, "show", "-s", "--format=%P", our).split()) == 1
    assert git(checkout, "status", "--porcelain") == ""
    assert git(checkout, "for-each-ref", "refs/medperf") == ""
    assert (checkout / "README.md").read_text() == "a program\n"


def test_readers_verify_what_was_written_also_after_another_story(
    told: Hosted, checkout: Path, terminal: Terminal, tmp_path: Path
) -> None:
    founder, another = terminal.at(tmp_path / "founder"), tmp_path / "another.git"
    founder("key", "new").ok()
    contact = ("--contact", "desk@example.org")
    founder("registry", "init", "--bare", another, "--admin", "ada", *contact).ok()
    for story in (told.path, another):
        root = write(checkout, story).stdout.strip()
        (checkout / "README.md").write_text(f"a program, with {story.name}\n")
        git(checkout, "commit", "-q", "-a", "-m", "Work goes on")
        reader = terminal.at(tmp_path / f"reader of {story.name}")
        reader("registry", "add", f"file://{checkout}", "--root", root).ok("is verified")
        reader("registry", "verify").ok("lawful from the first commit")
        assert ("wdbc" in reader("benchmark", "ls").ok().out) == (story == told.path)
    for story in (told.path, another):
        done = write(checkout, story)
        assert (done.returncode, "stands in the history already" in done.stderr) == (1, True)


def test_a_tree_that_is_not_clean_is_left_alone(told: Hosted, checkout: Path) -> None:
    start = git(checkout, "rev-parse", "HEAD")
    (checkout / "draft.txt").write_text("half a thought\n")
    done = write(checkout, told.path)
    assert (done.returncode, "changes that are not committed" in done.stderr) == (1, True)
    (checkout / "draft.txt").unlink()
    git(checkout, "switch", "-q", "--detach")
    done = write(checkout, told.path)
    assert (done.returncode, "no branch is checked out" in done.stderr) == (1, True)
    git(checkout, "switch", "-q", "main")
    done = write(checkout, checkout)
    assert (done.returncode, "registry/root/1.yml" in done.stderr) == (1, True)
    assert git(checkout, "rev-parse", "HEAD") == start
    assert git(checkout, "status", "--porcelain") == ""


def test_our_own_registry_is_verified_from_a_clone(terminal: Terminal, tmp_path: Path) -> None:
    """As any reader would: `registry add`, `registry verify`, and the board of its benchmark."""
    if not (REPOSITORY / "registry").is_dir():
        pytest.skip("there is no registry/ yet: `make registry` writes it")
    if git(REPOSITORY, "rev-parse", "--is-shallow-repository").strip() == "true":
        pytest.skip("the clone is shallow, its history cannot be verified: `git fetch --unshallow`")
    clone = tmp_path / "clone.git"
    git(tmp_path, "init", "-q", "--bare", "-b", "main", str(clone))
    git(REPOSITORY, "push", "-q", str(clone), "HEAD:refs/heads/main")
    root = (REPOSITORY / ROOT_FILE).read_text().strip()
    terminal("registry", "add", f"file://{clone}", "--root", root).ok("is verified")
    terminal("registry", "verify").ok("lawful from the first commit")
    assert "acme/random-forest" in terminal("benchmark", "board", "breast-cancer").ok().out
