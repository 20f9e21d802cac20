"""Judging what is in a git repository: uncommitted files of a working tree, or a range of commits."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from medperf_cli.adapters.files import writing
from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.core.check.engine import check
from medperf_cli.core.check.findings import Report
from medperf_cli.core.snapshot import MAX_FILE, RawDiffEntry, build_change
from medperf_cli.errors import ConfigurationError, UsageError

if TYPE_CHECKING:
    from git import Repo


def check_range(path: Path, base: str, head: str) -> Report:
    """Judge the difference between two commits as one change, with every rule.

    Raises:
        UsageError: one of them is no commit.
        ConfigurationError: `path` is no repository.

    """
    with GitStore(path) as store:
        commits = {name: store.rev(name) for name in (base, head)}
        for name, commit in commits.items():
            if commit is None:
                raise UsageError(f"'{name}' is no commit of '{path}'", hint="fetch it first")
        return check(store.change(commits[base], commits[head] or head))


def check_worktree(path: Path) -> Report:
    """Judge what is not committed yet in a working tree, as the next change on its HEAD.

    Raises:
        ConfigurationError: `path` is no working tree, or a merge is under way in it.

    """
    with _repo(path) as repo:
        root = Path(repo.working_tree_dir or path)
        with GitStore(root) as store:
            base = store.rev("HEAD")
            differing = _entries(repo, root, born=base is not None)
            entries = [(entry, os.fsdecode(entry.path)) for entry in sorted(differing, key=_path)]
            return check(build_change(store.snapshot(base), entries, lambda names: _read(root, names)))


def _repo(path: Path) -> Repo:
    from git import InvalidGitRepositoryError, NoSuchPathError, Repo  # noqa: PLC0415 - start-up time

    try:
        repo = Repo(path, search_parent_directories=True)
    except (InvalidGitRepositoryError, NoSuchPathError):
        raise ConfigurationError(
            f"'{path}' is not inside a git repository", hint="clone the registry, then run this inside"
        ) from None
    if repo.bare:
        raise ConfigurationError(
            f"'{path}' is a bare repository: it has no working tree", hint="name --base and --head"
        )
    if _fields(repo, "ls-files", "--unmerged"):
        raise ConfigurationError(
            f"a merge is unfinished in '{path}'", hint="finish it, or `git merge --abort`"
        )
    return repo


def _entries(repo: Repo, root: Path, *, born: bool) -> Iterator[RawDiffEntry]:
    """Untracked files, and everything that differs from HEAD (where there is one), in the whole tree."""
    for name in _fields(repo, "ls-files", "--others", "--exclude-standard"):
        yield _entry(root, name, "A")
    if born:
        listed = iter(_fields(repo, "diff", "--name-status", "--no-renames", "HEAD"))
        yield from (_entry(root, name, status.decode()) for status, name in zip(listed, listed, strict=True))
        return
    staged = _fields(repo, "ls-files", "--cached")
    yield from (_entry(root, name, "A") for name in staged if os.path.lexists(root / os.fsdecode(name)))


def _fields(repo: Repo, *command: str) -> list[bytes]:
    """What git prints with `-z`: bytes, since a stranger's file names need not be text."""
    printed: bytes = repo.git.execute(["git", *command, "-z"], stdout_as_string=False)
    return [field for field in printed.split(b"\0") if field]


def _entry(root: Path, name: bytes, status: str) -> RawDiffEntry:
    try:
        info = (root / os.fsdecode(name)).lstat()
    except OSError:
        return RawDiffEntry(name, status, "100644", 0)
    mode = "120000" if stat.S_ISLNK(info.st_mode) else "100755" if info.st_mode & 0o100 else "100644"
    return RawDiffEntry(name, status, mode, info.st_size)


def _path(entry: RawDiffEntry) -> bytes:
    return entry.path


def _read(root: Path, names: Sequence[str]) -> Mapping[str, bytes]:
    found = {}
    for name in names:
        with writing(root / name), (root / name).open("rb") as file:
            found[name] = file.read(MAX_FILE + 1)
    return found
