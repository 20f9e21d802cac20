"""Writing a bare repository with `git fast-import`, whose answers give the tree ids signers have seen."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

MAIN = "refs/heads/main"
_SCRATCH = "refs/heads/requests"
PROBES = "refs/probes"
"""Below it stands one request of each kind, on the last commit of main."""
_PEOPLE = {"LC_ALL": "C", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}


def git(path: Path, *words: str) -> str:
    """What git prints about a repository."""
    command = ["git", f"--git-dir={path}", *words]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=_environment())
    return done.stdout.strip()


def _environment() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith("GIT_")} | _PEOPLE


@dataclass(frozen=True)
class Stamp:
    """Who makes a commit, and when (seconds since 1970)."""

    name: str
    email: str
    time: int

    @property
    def line(self) -> str:
        """As a commit has it."""
        return f"{self.name} <{self.email}> {self.time} +0000"


class Writer:
    """A new bare repository, written in one go; use it as a context manager.

    Files are named by marks: `blob` gives one, `commit` takes them.
    """

    def __init__(self, path: Path) -> None:
        command = ["git", "init", "-q", "--bare", f"--initial-branch={MAIN.rpartition('/')[2]}", str(path)]
        subprocess.run(command, check=True, env=_environment())
        self.path, self._marks = path, 0
        answers, theirs = os.pipe()
        self._process = subprocess.Popen(
            ["git", f"--git-dir={path}", "fast-import", "--quiet", "--force", f"--cat-blob-fd={theirs}"],
            stdin=subprocess.PIPE,
            pass_fds=(theirs,),
            env=_environment(),
        )
        os.close(theirs)
        self._answers: IO[bytes] = os.fdopen(answers, "rb")
        assert self._process.stdin is not None  # noqa: S101 - PIPE was asked for
        self._input = self._process.stdin

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._input.close()
        self._answers.close()
        code = self._process.wait()
        if error is None and code != 0:
            raise RuntimeError(f"git fast-import ended with {code}")
        if error is None:
            git(self.path, "update-ref", "-d", _SCRATCH)
            # As a host that took each push by itself: fast-import's chains of deltas are tens of thousands
            # long, which git keeps when it packs again unless it is told to forget them.
            git(self.path, "repack", "-q", "-a", "-d", "-f", "--depth=50", "--window=10")

    def blob(self, data: bytes) -> str:
        """Store a file; returns its mark."""
        mark = self._mark()
        self._input.write(f"blob\nmark {mark}\ndata {len(data)}\n".encode() + data + b"\n")
        return mark

    def request(
        self, parent: str, stamp: Stamp, message: str, files: Mapping[str, str], ref: str = _SCRATCH
    ) -> str:
        """A commit beside main on the commit `parent` (marks); returns its mark."""
        return self._commit(ref, stamp, message, [f"from {parent}\n"], files)

    def main(
        self, stamp: Stamp, message: str, files: Mapping[str, str], merged: Sequence[str] = ()
    ) -> tuple[str, str]:
        """The next commit in main; returns its mark, and the tree id of `registry/` ('' if there is none)."""
        mark = self._commit(MAIN, stamp, message, [f"merge {other}\n" for other in merged], files)
        self._input.write(b'ls "registry"\n')
        self._input.flush()
        words = self._answers.readline().split()
        return mark, words[2].decode() if words[:2] == [b"040000", b"tree"] else ""

    def _commit(
        self, ref: str, stamp: Stamp, message: str, parents: Iterable[str], files: Mapping[str, str]
    ) -> str:
        mark, text = self._mark(), message.encode()
        lines = [
            f"commit {ref}\nmark {mark}\nauthor {stamp.line}\ncommitter {stamp.line}\ndata {len(text)}\n"
        ]
        lines += [message, "\n", *parents]
        lines += [f"M 100644 {blob} {path}\n" for path, blob in files.items()]
        self._input.write("".join(lines).encode())
        return mark

    def _mark(self) -> str:
        self._marks += 1
        return f":{self._marks}"
