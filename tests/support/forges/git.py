"""Real git behind a simulated forge: one process a question."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

UPDATE = """#!/bin/sh
# Whether this user may move this branch, as the bridge says in the environment.
refuse() { echo "error: $1" >&2; exit 1; }
zero=0000000000000000000000000000000000000000
[ "$1" = "refs/heads/$FORGE_PROTECTED" ] || exit 0
[ "$2" = $zero ] && exit 0
if [ "$3" = $zero ]; then
  [ -z "$FORGE_NO_DELETION" ] || refuse "$FORGE_WORDS Cannot delete a protected branch"
  exit 0
fi
if [ -n "$FORGE_NO_FORCE" ]; then
  git merge-base --is-ancestor "$2" "$3" || refuse "$FORGE_WORDS Cannot force-push to this branch"
fi
[ -z "$FORGE_PULL_ONLY" ] || refuse "$FORGE_WORDS Changes must be made through a pull request"
if [ -n "$FORGE_LINEAR" ] && [ -n "$(git rev-list --merges -n 1 "$2..$3")" ]; then
  refuse "$FORGE_WORDS This branch must not contain merge commits"
fi
"""


def git(repository: Path, *arguments: str, stdin: bytes = b"", fails: bool = False) -> str:
    """What git says about a bare repository; '' where it fails and that was foreseen."""
    argv = ["git", f"--git-dir={repository}", *arguments]
    done = subprocess.run(argv, input=stdin, capture_output=True, check=False)
    if done.returncode and not fails:
        raise AssertionError(f"{argv}: {done.stderr.decode()}")
    return "" if done.returncode else done.stdout.decode().strip()


def init(repository: Path, hidden: str) -> None:
    """Make a bare repository that takes pushes over HTTP."""
    repository.parent.mkdir(parents=True, exist_ok=True)
    git(repository, "init", "-q", "--bare", "-b", "main", "--template=", str(repository))
    ready(repository, hidden)


def clone(source: Path, repository: Path, hidden: str) -> None:
    """Fork: copy branches and tags."""
    init(repository, hidden)
    shutil.copytree(source / "objects", repository / "objects", copy_function=_link, dirs_exist_ok=True)
    for name, commit in refs(source).items():
        if name.startswith(("refs/heads/", "refs/tags/")):
            set_ref(repository, name, commit)


def _link(source: str, copy: str) -> None:
    """Objects never change, so a second name for them is enough; whose objects are read too is another's."""
    (shutil.copyfile if source.endswith("alternates") else os.link)(source, copy)


def lend(source: Path, repository: Path) -> None:
    """Let a repository read the objects of a fork of it, as forges do; nothing is copied."""
    alternates = repository / "objects" / "info" / "alternates"
    alternates.parent.mkdir(exist_ok=True)
    there = alternates.read_text().splitlines() if alternates.exists() else []
    if str(source / "objects") not in there:
        alternates.write_text("\n".join([*there, str(source / "objects")]) + "\n")


def ready(repository: Path, hidden: str) -> None:
    """Let the bridge push, and nobody the forge's own refs."""
    config = repository / "config"
    config.write_text(
        f"{config.read_text()}[http]\n\treceivepack = true\n"
        f"[receive]\n\thideRefs = {hidden}\n\tdenyDeleteCurrent = ignore\n"
        "[uploadpack]\n\tallowFilter = true\n\tallowAnySHA1InWant = true\n[gc]\n\tauto = 0\n"
    )
    hook = repository / "hooks" / "update"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(UPDATE)
    hook.chmod(0o755)


def refs(repository: Path) -> dict[str, str]:
    """All refs and their commits; read from the files, which is quicker than to ask git."""
    packed = repository / "packed-refs"
    lines = packed.read_text().splitlines() if packed.exists() else []
    found = {words[1]: words[0] for words in (line.split(" ") for line in lines) if len(words) == 2}
    for folder, _, names in os.walk(repository / "refs"):
        for path in (Path(folder) / name for name in names if not name.endswith(".lock")):
            with contextlib.suppress(FileNotFoundError):  # a push may just delete it
                found[str(path.relative_to(repository))] = path.read_text().strip()
    return dict(sorted(found.items()))


def ref(repository: Path, name: str) -> str:
    """Where a ref stands; '' where there is none."""
    path = repository / name
    return path.read_text().strip() if path.is_file() else refs(repository).get(name, "")


def set_ref(repository: Path, name: str, commit: str) -> None:
    """Let a ref stand at a commit that is there."""
    path = repository / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{commit}\n")


def write(
    repository: Path,
    branch: str,
    files: Mapping[str, bytes],
    *,
    title: str,
    author: str,
    when: dt.datetime,
    base: str = "",
) -> str:
    """Put a commit with more files on a branch, which begins at `base` where there is none."""
    name = f"refs/heads/{branch}"
    parent = ref(repository, name) or base
    who = f"{author} <{author}@example.org> {int(when.timestamp())} +0000"
    lines = [f"commit {name}\nauthor {who}\ncommitter {who}\n".encode(), _data(title.encode())]
    lines += [f"from {parent}\n".encode()] if parent else []
    lines += [b"M 100644 inline " + path.encode() + b"\n" + _data(data) for path, data in files.items()]
    git(repository, "fast-import", "--quiet", "--force", stdin=b"".join(lines))
    return ref(repository, name)


def _data(data: bytes) -> bytes:
    return f"data {len(data)}\n".encode() + data + b"\n"


def parents(repository: Path, old: str, new: str) -> dict[str, list[str]]:
    """The commits that `new` has and `old` has not, newest first, with their parents."""
    said = git(repository, "rev-list", "--topo-order", "--parents", new, *([f"^{old}"] if old else []))
    return {words[0]: words[1:] for words in (line.split() for line in said.splitlines())}


def brought(graph: Mapping[str, list[str]], tip: str) -> dict[str, str]:
    """For each new commit, the commit of the first-parent line that brought it."""
    line, at = [], tip
    while at in graph:
        line.append(at)
        at = next(iter(graph[at]), "")
    by: dict[str, str] = {}
    for step in reversed(line):
        waiting = [step]
        while waiting:
            commit = waiting.pop()
            if commit in graph and commit not in by:
                by[commit] = step
                waiting += graph[commit]
    return by


def identity(name: str, when: dt.datetime) -> dict[str, str]:
    """The environment in which git writes commits for somebody at a time."""
    stamp = f"{int(when.timestamp())} +0000"
    who = {
        f"GIT_{role}_{part}": text
        for role in ("AUTHOR", "COMMITTER")
        for part, text in (("NAME", name), ("EMAIL", f"{name}@example.org"), ("DATE", stamp))
    }
    return {**os.environ, **who}


def commit_tree(repository: Path, tree: str, onto: Iterable[str], title: str, who: Mapping[str, str]) -> str:
    """A commit of a tree."""
    on = [word for parent in onto for word in ("-p", parent)]
    argv = ["git", f"--git-dir={repository}", "commit-tree", tree, *on, "-m", title]
    return subprocess.run(argv, env=dict(who), capture_output=True, check=True).stdout.decode().strip()
