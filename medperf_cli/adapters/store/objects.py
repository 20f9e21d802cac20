"""Git objects by the thousand: a long-lived `git cat-file`, and the strict reading of commits.

Every object read by its id is hashed again, so a damaged or foreign object store cannot pass for history.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import subprocess
import threading
import weakref
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from medperf_cli.adapters.store.tree_entries import Entries, parse_tree
from medperf_cli.errors import IntegrityError, MedperfError, NetworkError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from medperf_cli.adapters.store.git import Git

_OID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")
# Requests sent before answers are read; they must fit into a pipe's buffer (64 KiB) or both sides block.
_BURST = 400
_HEADER_WORDS = 3
_MAX_TREE = 16 * 1024 * 1024
_TOGETHER = 4 * 1024 * 1024
"""Bytes of trees in memory at once, beside one: a tree takes ten times as much when it is read."""
_SHA1_DIGITS = 40


@dataclass(frozen=True, slots=True)
class Commit:
    """What a registry needs to know of a commit."""

    tree: str
    parents: tuple[str, ...]
    time: dt.datetime


class _Pipe:
    """One `git cat-file` process; started at first use, ended with the object."""

    def __init__(self, git: Git, mode: str) -> None:
        self._git, self._mode = git, mode
        self._process: subprocess.Popen[bytes] | None = None
        self._end: weakref.finalize[..., _Pipe] | None = None

    def ends(self) -> tuple[IO[bytes], IO[bytes]]:
        """The process's stdin and stdout."""
        if self._process is None:
            # A partial clone fetches missing objects while they are read, so it needs the way to its remote.
            self._process = self._git.open_pipe("cat-file", self._mode, network=is_partial(self._git))
            self._end = weakref.finalize(self, _stop, self._process)
        assert self._process.stdin is not None  # noqa: S101 - open_pipe made it
        assert self._process.stdout is not None  # noqa: S101 - open_pipe made it
        return self._process.stdin, self._process.stdout

    def close(self) -> None:
        if self._end is not None:
            self._end()
        self._process = None

    def lost(self) -> MedperfError:
        """The error for a process that ended under way."""
        self.close()
        if is_partial(self._git):
            return NetworkError(f"the objects missing in '{self._git.directory}' could not be fetched")
        return IntegrityError(
            f"git cannot read the objects of '{self._git.directory}'",
            hint="`git fsck` in that folder shows the damage",
        )


def is_partial(git: Git) -> bool:
    """Whether objects may be missing, which git fetches when they are read."""
    return git.local("config", "--get-regexp", r"^(extensions\.partialclone|remote\..*\.promisor)$").code == 0


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.communicate()


class ObjectReader:
    """Reads objects of one repository; safe to share between threads, to be closed after use."""

    def __init__(self, git: Git) -> None:
        self._batch = _Pipe(git, "--batch")
        self._check = _Pipe(git, "--batch-check")
        self._lock = threading.Lock()

    def close(self) -> None:
        """End the processes; the next read starts them again."""
        self._batch.close()
        self._check.close()

    def resolve(self, name: str) -> str | None:
        """The object id of a revision expression; None where there is nothing of that name."""
        if not name or "\n" in name or "\0" in name:
            return None
        found = next(self._ask(self._check, [name], 0))
        return found[0] if found else None

    def sizes(self, oids: Iterable[str]) -> dict[str, int]:
        """Sizes in bytes, by object id; objects that are not there are left out."""
        asked = list(dict.fromkeys(oids))
        return {
            oid: found[2] for oid, found in zip(asked, self._ask(self._check, asked, 0), strict=True) if found
        }

    def read(
        self, oids: Sequence[str], kind: str, limit: int, *, together: int | None = None
    ) -> dict[str, bytes]:
        """Objects by id.

        Args:
            oids: full object ids.
            kind: the type they must have (`blob`, `tree`, `commit`).
            limit: bytes; a larger object is not kept in memory.
            together: bytes of a few hundred objects; those that do not fit beside the ones before are left
                out (None: all are kept).

        Raises:
            IntegrityError: one is missing, of another type, larger, or not what its id says.

        """
        asked = list(dict.fromkeys(oids))
        read: dict[str, bytes] = {}
        for oid, found in zip(asked, self._ask(self._batch, asked, limit, together), strict=True):
            if found is None:
                raise IntegrityError(
                    f"git object '{oid}' is missing", hint="fetch the registry's history in full"
                )
            _, actual, size, data = found
            if actual != kind:
                raise IntegrityError(f"git object '{oid}' is a {actual}, not a {kind}")
            if data is None and size <= limit:
                continue
            if data is None:
                raise IntegrityError(f"git object '{oid}' has {size} bytes, more than {limit}")
            if object_id(kind, data, oid) != oid:
                raise IntegrityError(f"git object '{oid}' does not match its id")
            read[oid] = data
        return read

    def trees(self, oids: Sequence[str]) -> dict[str, Entries]:
        """Trees by id; of many, those that are too much beside the first are left out.

        Raises:
            IntegrityError: one is missing, damaged or too large.

        """
        found = self.read(oids, "tree", _MAX_TREE, together=_TOGETHER)
        return {oid: parse_tree(data, oid) for oid, data in found.items()}

    def commits(self, oids: Sequence[str]) -> dict[str, Commit]:
        """Commits by id (raises IntegrityError)."""
        return {oid: parse_commit(data, oid) for oid, data in self.read(oids, "commit", _MAX_TREE).items()}

    def _ask(
        self, pipe: _Pipe, names: Sequence[str], limit: int, together: int | None = None
    ) -> Iterator[tuple[str, str, int, bytes | None] | None]:
        for start in range(0, len(names), _BURST):
            burst = names[start : start + _BURST]
            # Short bursts of long names would overfill the pipe as well, but names are ids in bulk requests.
            with self._lock:
                try:
                    answers = _exchange(pipe, burst, limit, together)
                except (OSError, EOFError) as error:
                    raise pipe.lost() from error
                except BaseException:
                    pipe.close()  # or answers left in it would pass for those to the next question
                    raise
            yield from answers


def _exchange(
    pipe: _Pipe, names: Sequence[str], limit: int, together: int | None
) -> list[tuple[str, str, int, bytes | None] | None]:
    stdin, stdout = pipe.ends()
    stdin.write("".join(f"{name}\n" for name in names).encode("utf-8", "surrogateescape"))
    stdin.flush()
    if together is None:
        return [_answer(stdout, limit) for _ in names]
    answers: list[tuple[str, str, int, bytes | None] | None] = []
    left = together
    for _ in names:
        # The first is kept whatever it takes; 0 would ask for no content at all.
        answer = _answer(stdout, max(1, min(limit, left)) if answers else limit)
        left -= len(answer[3] or b"") if answer else 0
        answers.append(answer)
    return answers


def _answer(stdout: IO[bytes], limit: int) -> tuple[str, str, int, bytes | None] | None:
    header = stdout.readline()
    if not header.endswith(b"\n"):
        raise EOFError
    words = header.split()
    # Anything but `<id> <type> <size>` is git's way to say no: "missing", "ambiguous".
    if (
        len(words) != _HEADER_WORDS
        or not words[2].isdigit()
        or not _OID.match(words[0].decode("ascii", "replace"))
    ):
        return None
    oid, kind, size = words[0].decode(), words[1].decode(), int(words[2])
    if limit == 0:
        return oid, kind, size, None
    data = _content(stdout, size, keep=size <= limit)
    return oid, kind, size, data


def _content(stdout: IO[bytes], size: int, *, keep: bool) -> bytes | None:
    if keep:
        kept = stdout.read(size + 1)  # git ends the content with a newline
        if len(kept) <= size:
            raise EOFError
        return kept[:size]
    left = size + 1
    while left:
        chunk = stdout.read(min(left, 1 << 20))
        if not chunk:
            raise EOFError
        left -= len(chunk)
    return None


def object_id(kind: str, data: bytes, like: str) -> str:
    """The id git gives to an object, in the hash function that the id `like` is written in."""
    function = hashlib.sha1 if len(like) == _SHA1_DIGITS else hashlib.sha256
    return function(b"%s %d\0%s" % (kind.encode(), len(data), data), usedforsecurity=False).hexdigest()


def parse_commit(data: bytes, oid: str) -> Commit:
    """Read a commit object's header (raises IntegrityError)."""
    header = data.partition(b"\n\n")[0].decode("utf-8", "replace").split("\n")
    tree = re.fullmatch(r"tree ([0-9a-f]{40,64})", header[0])
    parents = [m[1] for m in (re.fullmatch(r"parent ([0-9a-f]{40,64})", line) for line in header[1:]) if m]
    committer = [
        m for m in (re.fullmatch(r"committer .*> (\d{1,18}) [+-]\d{4}", line) for line in header) if m
    ]
    if not tree or len(committer) != 1:
        raise IntegrityError(f"commit '{oid}' is malformed")
    try:
        time = dt.datetime.fromtimestamp(int(committer[0][1]), tz=dt.UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise IntegrityError(f"commit '{oid}' has a date that cannot be") from error
    return Commit(tree[1], tuple(parents), time)
