"""Bare repositories with any tree a stranger could push, made by `git fast-import` and plain git."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GENESIS = 1_780_000_000
"""Seconds since 1970 of the first commit; each later one is an hour on."""


@dataclass(frozen=True)
class Odd:
    """A file of another mode than 100644; for a submodule (160000) the data is a commit id."""

    mode: str
    data: bytes


Path_ = str | bytes


@dataclass
class RegistryRepo:
    """A repository to commit to without checking anything."""

    path: Path
    commits: int = 0

    @classmethod
    def make(cls, path: Path) -> RegistryRepo:
        subprocess.run(
            ["git", "init", "-q", "--bare", "--initial-branch=main", "--template=", path],
            check=True,
            env=_env(),
        )
        return cls(path)

    def git(self, *args: str | Path, stdin: bytes = b"") -> str:
        argv = ["git", f"--git-dir={self.path}", *map(str, args)]
        done = subprocess.run(argv, input=stdin, env=_env(), check=True, capture_output=True)
        return done.stdout.decode("utf-8", "surrogateescape").strip()

    def commit(
        self,
        files: Mapping[str, Any] | Mapping[bytes, Any],
        *,
        delete: Sequence[Path_] = (),
        parents: Sequence[str] | None = None,
        ref: str = "refs/heads/main",
        time: int | None = None,
    ) -> str:
        """Commit files (bytes or `Odd`, by path from the root) on `ref`, or on the first of `parents`."""
        when = GENESIS + 3600 * self.commits if time is None else time
        self.commits += 1
        chosen = [self.head(ref)] if parents is None else parents
        lines = [
            f"commit {ref}".encode(),
            f"committer A Tester <a@example.org> {when} +0000".encode(),
            b"data 0",
        ]
        present = [p for p in chosen if p]
        lines += [b"from " + p.encode() for p in present[:1]] + [b"merge " + p.encode() for p in present[1:]]
        lines += [b"D " + _quoted(path) for path in delete]
        for path, file in files.items():
            lines += _modify(_quoted(path), file if isinstance(file, Odd) else Odd("100644", file))
        if not present:
            lines.insert(0, f"reset {ref}\n".encode())
        self.git("fast-import", "--quiet", "--force", stdin=b"\n".join(lines) + b"\n")
        commit = self.head(ref)
        assert commit
        return commit

    def commit_tree(self, tree: str, *parents: str) -> str:
        """A commit of any tree, on no ref."""
        flags = [flag for parent in parents for flag in ("-p", parent)]
        return self.git("commit-tree", *flags, "-m", "a tree", tree)

    def raw_tree(self, data: bytes) -> str:
        """Store bytes as a tree, however broken."""
        return self.git("hash-object", "-t", "tree", "-w", "--literally", "--stdin", stdin=data)

    def head(self, ref: str = "refs/heads/main") -> str | None:
        return self.git("for-each-ref", "--format=%(objectname)", ref) or None


def _modify(path: bytes, file: Odd) -> list[bytes]:
    if file.mode == "160000":
        return [b"M 160000 " + file.data + b" " + path]
    return [b"M " + file.mode.encode() + b" inline " + path, b"data %d" % len(file.data), file.data]


def _quoted(path: Path_) -> bytes:
    raw = path.encode() if isinstance(path, str) else path
    return b'"' + b"".join(b"\\%03o" % byte for byte in raw) + b'"'


def _env() -> dict[str, str]:
    who = {
        f"GIT_{role}_{what}": "tester@example.org"
        for role in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    return {**os.environ, **who, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
