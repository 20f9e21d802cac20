"""Writes this repository's own `registry/` from a played story, merge by merge, onto the current branch.

If there is a `registry/`, one commit removes it. Then each commit of the story's main becomes one commit
here: this repository's tree with that commit's `registry/`, the same message, dates and people. So trees and
files keep their ids, and what every signer says to have seen stays true. Nothing else is touched, and no key
is kept. A last commit writes down the fingerprint of the new root, which readers pin.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT_FILE = "examples/breast-cancer/registry-root.txt"
"""Where the fingerprint stands: outside `registry/`, which holds nothing but signed files."""
_FOLDER = "registry"
_ROOT_ONE = f"{_FOLDER}/root/1.yml"
_STORY = "refs/medperf/story"


class WriteError(Exception):
    """The registry cannot be written here; the text says why, and what to do."""


@dataclass(frozen=True)
class Repository:
    """A checkout, by its folder."""

    folder: Path

    def git(self, *arguments: str, given: bytes | None = None) -> bytes:
        """What git prints (raises WriteError)."""
        command = ["git", "-C", str(self.folder), *arguments]
        done = subprocess.run(command, input=given, capture_output=True, check=False)
        if done.returncode != 0:
            said = done.stderr.decode(errors="replace").strip()
            raise WriteError(f"`git {' '.join(arguments)}` failed: {said}")
        return done.stdout

    def line(self, *arguments: str, given: bytes | None = None) -> str:
        """The one line that git prints (raises WriteError)."""
        return self.git(*arguments, given=given).decode().strip()

    def entries(self, tree: str) -> dict[bytes, bytes]:
        """A tree's entries as `git ls-tree` prints them, by name."""
        lines = self.git("ls-tree", "-z", tree).split(b"\0")
        return {line.split(b"\t", 1)[1]: line for line in lines if line}

    def tree(self, entries: dict[bytes, bytes]) -> str:
        """Write a tree of these entries."""
        return self.line("mktree", "-z", given=b"".join(entry + b"\0" for entry in entries.values()))


def main() -> None:
    """Parse the command line and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("story", type=Path, help="the story's bare repository, such as .demo/registry.git")
    parser.add_argument("--repository", type=Path, default=Path(), help="the checkout to write in")
    options = parser.parse_args()
    try:
        print(write_registry(options.repository, options.story))
    except WriteError as error:
        sys.exit(f"error: {error}")


def write_registry(folder: Path, story: Path) -> str:
    """Write the history of `story` into the checkout at `folder`; returns the new root's fingerprint.

    The branch moves once, when everything stands; before, nothing is changed.

    Raises:
        WriteError: the checkout is not clean or on no branch; the story is no registry, or stood here before.

    """
    repository = Repository(folder)
    start = _expect_ready(repository)
    repository.git("fetch", "--quiet", "--no-tags", str(story.resolve()), f"+refs/heads/main:{_STORY}")
    try:
        commits = repository.line("rev-list", "--first-parent", "--reverse", _STORY).split()
        root = repository.git("show", f"{commits[0]}:{_ROOT_ONE}")
        _expect_new(repository, start, repository.line("rev-parse", f"{commits[0]}:{_ROOT_ONE}"))
        plain = {name: e for name, e in repository.entries(start).items() if name != _FOLDER.encode()}
        head = _without_registry(repository, start, plain)
        for commit in commits:
            head = _replayed(repository, commit, head, plain)
        fingerprint = f"sha256:{hashlib.sha256(root).hexdigest()}"
        repository.git("merge", "--quiet", "--ff-only", head)
    finally:
        repository.git("update-ref", "-d", _STORY)
    _write_down(repository, fingerprint)
    return fingerprint


def _expect_ready(repository: Repository) -> str:
    """The commit to begin at."""
    if repository.git("status", "--porcelain"):
        raise WriteError("there are changes that are not committed: commit or remove them first")
    if not repository.git("branch", "--show-current").strip():
        raise WriteError("no branch is checked out: `git switch` to the one that gets the registry")
    repository.git("var", "GIT_COMMITTER_IDENT")
    return repository.line("rev-parse", "HEAD")


def _expect_new(repository: Repository, start: str, root: str) -> None:
    """A reader begins where the pinned root enters, so that may happen once only."""
    earlier = repository.line("log", "--diff-filter=A", "--format=%H", start, "--", _ROOT_ONE).split()
    if any(repository.line("rev-parse", f"{commit}:{_ROOT_ONE}") == root for commit in earlier):
        raise WriteError("this story stands in the history already: play another one")


def _without_registry(repository: Repository, start: str, plain: dict[bytes, bytes]) -> str:
    """A commit that removes the folder, if there is one."""
    if repository.entries(start).keys() == plain.keys():
        return start
    message = ("-m", "Remove the registry, to write another story into it")
    return repository.line("commit-tree", repository.tree(plain), "-p", start, *message)


def _replayed(repository: Repository, commit: str, parent: str, plain: dict[bytes, bytes]) -> str:
    """One commit of the story on top of `parent`, as its people and times say, with our other files."""
    entries = repository.entries(commit)
    if list(entries) != [_FOLDER.encode()]:
        raise WriteError(f"commit '{commit}' of the story holds something besides '{_FOLDER}/'")
    tree = repository.tree({**plain, **entries})
    header, _, message = repository.git("cat-file", "commit", commit).partition(b"\n\n")
    people = [line for line in header.split(b"\n") if line.startswith((b"author ", b"committer "))]
    lines = [f"tree {tree}".encode(), f"parent {parent}".encode(), *people]
    written = b"\n".join(lines) + b"\n\n" + message
    return repository.line("hash-object", "-t", "commit", "-w", "--stdin", given=written)


def _write_down(repository: Repository, fingerprint: str) -> None:
    """Commit the fingerprint, in a file that documentation points to."""
    target = repository.folder / ROOT_FILE
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(f"{fingerprint}\n", encoding="utf-8")
    repository.git("add", "--", ROOT_FILE)
    if repository.git("status", "--porcelain"):
        message = "Write down the root of the registry, which readers pin"
        repository.git("commit", "--quiet", "-m", message)


if __name__ == "__main__":
    main()
