"""Git bundles: commits in one file that anybody may carry, and a scratch repository to look at them in."""

from __future__ import annotations

import contextlib
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from medperf_cli.adapters.files import replace_by, writing
from medperf_cli.adapters.store.git import environment, execute, last_word, local_error
from medperf_cli.adapters.store.remote import init
from medperf_cli.errors import ConfigurationError, IntegrityError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from medperf_cli.adapters.store.repository import GitStore

_FIRST = b"# v2 git bundle\n"
_WANTED = re.compile(r"-([0-9a-f]{40})(?: .*)?\Z")
_REF = re.compile(r"([0-9a-f]{40}) (refs/[!-~]{1,250})\Z")
_MAX_HEADER = 64 * 1024
_LARGEST_OBJECT = 64 * 1024 * 1024
"""Bytes that git may ask for at once while it unpacks: small packs can say that they hold huge objects."""


@dataclass(frozen=True)
class Bundle:
    """What a bundle says of itself: commits it stands on, refs with their commits, where its pack begins."""

    wanted: Sequence[str]
    refs: Mapping[str, str]
    start: int


@contextlib.contextmanager
def scratch(store: GitStore) -> Iterator[GitStore]:
    """A repository that sees the objects of `store` and keeps its own apart; gone when the block ends."""
    with (
        tempfile.TemporaryDirectory(prefix="medperf-", ignore_cleanup_errors=True) as folder,
        init(Path(folder) / "scratch.git") as found,
    ):
        borrowed = found.git.directory / "objects" / "info" / "alternates"
        with writing(borrowed):
            borrowed.parent.mkdir(exist_ok=True)
            borrowed.write_text(f"{store.git.directory / 'objects'}\n", encoding="utf-8")
        yield found


def write_bundle(store: GitStore, path: Path, refs: Sequence[str], without: str | None = None) -> None:
    """Write the commits of refs, but those behind `without`, into a file that stands whole or not at all.

    Raises:
        ConfigurationError: it cannot be written.

    """
    unfinished = path.with_name(f".{path.name}.unfinished")
    with writing(path):
        unfinished.unlink(missing_ok=True)
    try:
        what = [*refs, *([f"^{without}"] if without else [])]
        done = store.git.local(
            "bundle", "create", "--quiet", "--version=2", str(unfinished.absolute()), *what
        )
        if done.code != 0:
            raise local_error(unfinished, done.stderr)
        replace_by(path, unfinished)
    finally:
        with writing(path):
            unfinished.unlink(missing_ok=True)


def read_bundle(path: Path, most: int) -> Bundle:
    """Read what a bundle says of itself; nothing of it is believed.

    Args:
        path: the file.
        most: bytes that it may have.

    Raises:
        UsageError: there is no such file.
        IntegrityError: it is no bundle, or too large.

    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            data = file.read(_MAX_HEADER)
    except OSError as error:
        raise UsageError(f"cannot read '{path}': {(error.strerror or '').lower()}") from None
    if size > most:
        raise IntegrityError(f"'{path}' has {size:,} bytes; a bundle of requests has at most {most:,}")
    head, found, _ = data.partition(b"\n\n")
    if not data.startswith(_FIRST) or not found:
        raise IntegrityError(f"'{path}' is not a git bundle (version 2) of requests")
    return _header(path, head.decode("utf-8", "replace").split("\n")[1:], len(head) + 2)


def _header(path: Path, lines: Sequence[str], start: int) -> Bundle:
    wanted, refs = [], {}
    for line in lines:
        stands_on, names = _WANTED.match(line), _REF.match(line)
        if stands_on:
            wanted.append(stands_on[1])
        elif names and names[2] not in refs:
            refs[names[2]] = names[1]
        else:
            raise IntegrityError(f"the head of bundle '{path}' is damaged")
    return Bundle(wanted, refs, start)


def unbundle(store: GitStore, path: Path, bundle: Bundle, most: int) -> None:
    """Bring the objects of a bundle into a (scratch) repository, each checked on arrival; no ref moves.

    Raises:
        IntegrityError: the pack is damaged, holds what git refuses, or does not hold what it names.
        ConfigurationError: there is no space.

    """
    argv = store.git.argv(
        *("-c", "core.bigFileThreshold=1m", "index-pack", "--stdin", "--fix-thin", "--strict"),
        f"--max-input-size={most}",
    )
    limited = environment() | {"GIT_ALLOC_LIMIT": str(_LARGEST_OBJECT)}
    try:
        with path.open("rb") as file:
            file.seek(bundle.start)
            pack = file.read(most + 1)
    except OSError as error:
        raise UsageError(f"cannot read '{path}': {(error.strerror or '').lower()}") from None
    done = execute(argv, limited, stdin=pack, cwd=store.git.directory)
    if done.code != 0:
        if "no space left" in done.stderr.lower():
            raise ConfigurationError("no space left to unpack the bundle", hint="free some space")
        raise IntegrityError(f"bundle '{path}' is damaged: {last_word(done.stderr)}")
    missing = [ref for ref, commit in bundle.refs.items() if store.rev(commit) is None]
    if missing:
        raise IntegrityError(f"bundle '{path}' names '{missing[0]}' and does not hold it")
