"""Fetching from and pushing to other repositories, and making new ones."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from medperf_cli.adapters import trace
from medperf_cli.adapters.credentials import Token, given_to_git
from medperf_cli.adapters.files import writing
from medperf_cli.adapters.store.git import (
    Finished,
    environment,
    execute,
    last_word,
    local_error,
    printable,
    require_git,
)
from medperf_cli.adapters.store.locks import exclusive
from medperf_cli.adapters.store.progress import silent
from medperf_cli.adapters.store.remote_errors import network_error, patiently
from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.errors import ConfigurationError, ConflictError, NetworkError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager

    from medperf_cli.adapters.store.progress import Progress

# A transfer that stands still for two minutes is given up. Objects are checked as they arrive.
_TRANSFER = (
    *("-c", "http.lowSpeedLimit=1", "-c", "http.lowSpeedTime=120"),
    *("-c", "fetch.fsckObjects=true", "-c", "fetch.pruneTags=false"),
)
_FETCHING = "medperf-fetch.lock"
_FETCH_SECONDS = 180.0
_CUT = "because shallow roots are not allowed to be updated"


@dataclass(frozen=True)
class Pushed:
    """What a remote made of a push: refs it took, refs it refused (with its reason), what its hooks said."""

    accepted: tuple[str, ...]
    refused: Mapping[str, str]
    remote: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether every ref was taken."""
        return not self.refused


def init(path: Path, *, bare: bool = True, branch: str = "main", shared: bool = False) -> GitStore:
    """Make an empty repository that checks what it receives (raises ConfigurationError).

    If it is `shared`, the folder's group may write what git writes there, from the first folder on.
    """
    require_git()
    expect_free(path)
    shape = [*(["--bare"] if bare else []), *(["--shared=group"] if shared else [])]
    argv = ["git", "init", "--quiet", *shape, f"--initial-branch={branch}", "--template=", "--", str(path)]
    done = execute(argv, environment())
    if done.code != 0:
        raise local_error(path, done.stderr)
    store = GitStore(path)
    store.git.read("config", "receive.fsckObjects", "true")
    return store


def expect_free(path: Path) -> None:
    """See that nothing stands at `path`, or an empty folder (raises ConfigurationError)."""
    with writing(path):
        if path.exists() and any(path.iterdir()):
            raise ConfigurationError(f"folder '{path}' is not empty", hint="name a new folder")


def clone(
    url: str,
    path: Path,
    refspecs: Sequence[str],
    progress: Progress = silent,
    *,
    token: Token | None = None,
) -> GitStore:
    """Make a bare repository with what `refspecs` fetch; it stands at `path` only when all has arrived.

    Raises:
        NetworkError: the remote does not answer.
        ConfigurationError: `path` is taken or cannot be written.

    """
    if path.exists():
        raise ConfigurationError(f"'{path}' exists already", hint="remove it, or use it as it is")
    unfinished = path.with_name(f".{path.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        with init(unfinished) as store:
            fetch(store, url, refspecs, progress, token=token)
        unfinished.rename(path)
    except OSError as error:
        raise ConfigurationError(f"cannot write '{path}': {(error.strerror or '').lower()}") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return GitStore(path)


def fetch(
    store: GitStore,
    url: str,
    refspecs: Sequence[str],
    progress: Progress = silent,
    *,
    prune: bool = False,
    token: Token | None = None,
    depth: int | None = None,
) -> None:
    """Fetch refs (`+refs/heads/main:refs/remotes/origin/main`); every object is checked on arrival.

    One fetch at a time: two that move the same ref would fail each other. `token` is for a hosted forge that
    asks for one; `depth` cuts history off after that many commits, for whoever only looks.

    Raises:
        NetworkError: the remote does not answer, has no such ref, sent broken objects, or its history is cut.
        ConflictError: a refspec without `+` would not fast-forward, or another fetch takes minutes.

    """
    flags = ["--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--progress"]
    flags.append("--prune" if prune else "--no-prune")
    flags += [] if depth is None else [f"--depth={depth}"]
    argv = (*_TRANSFER, "fetch", *flags, "--", _absolute(url), *refspecs)
    with _fetching(store) as lock:
        # Git holds the lock too: if we are killed, it may go on for a while.
        given = given_to_git(url, token)
        ask = partial(store.git.remote, *argv, progress=progress, holding=[lock], more=given)
        done = patiently(url, ask)
    if _CUT in done.stderr:
        # Git ends well all the same, and the ref silently stays where it was.
        raise NetworkError(
            f"remote '{printable(url)}' is a shallow repository: its history is cut off",
            hint="where it stands, run `git fetch --unshallow`; tell the registry's admins",
        )
    if done.code == 0:
        return
    if "[rejected]" in done.stderr:
        raise ConflictError(f"remote '{printable(url)}' does not continue the history fetched before")
    raise network_error(url, done.stderr)


def clear_locks(store: GitStore) -> None:
    """Remove the locks that a killed git left on refs, or nothing could ever move them again.

    The caller is the only one that moves refs in this repository; no fetch runs meanwhile.

    Raises:
        ConflictError: a fetch takes minutes.
        ConfigurationError: the repository cannot be written.

    """
    folder = store.git.directory
    with _fetching(store), writing(folder):
        for left in (*folder.glob("*.lock"), *(folder / "refs").rglob("*.lock")):
            if left.name != _FETCHING:
                left.unlink(missing_ok=True)


def _fetching(store: GitStore) -> AbstractContextManager[int]:
    return exclusive(store.git.directory / _FETCHING, "fetch", wait=_FETCH_SECONDS)


def head_of(url: str, *, seconds: float, token: Token | None = None) -> str | None:
    """The commit of a remote's branch main, asked for within `seconds`; None where it has no such branch.

    Raises:
        NetworkError: it does not answer, or not in time.

    """
    return _listed(url, "refs/heads/main", seconds, token).split("\t")[0].strip() or None


def default_branch(url: str, *, seconds: float, token: Token | None = None) -> str | None:
    """The branch that a clone of a remote checks out; None where it does not say (raises as `head_of`)."""
    first = _listed(url, "HEAD", seconds, token).partition("\n")[0]
    match = re.match(r"ref: refs/heads/(.+)\tHEAD\Z", first)
    return printable(match[1]) if match else None


def _listed(url: str, pattern: str, seconds: float, token: Token | None) -> str:
    require_git()
    argv = ["git", "ls-remote", "--quiet", "--symref", "--", _absolute(url), pattern]
    trace.ran(argv)
    try:
        done = subprocess.run(
            argv,
            env=environment(network=True) | given_to_git(url, token),
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise NetworkError(f"remote '{printable(url)}' did not answer in {seconds:.0f} seconds") from None
    if done.returncode:
        raise network_error(url, done.stderr.decode("utf-8", "replace"))
    return done.stdout.decode("utf-8", "replace")


def push(
    store: GitStore,
    url: str,
    refspecs: Sequence[str],
    *,
    leases: Mapping[str, str | None] | None = None,
    atomic: bool = False,
    progress: Progress = silent,
    token: Token | None = None,
) -> Pushed:
    """Push refs; a refusal by the remote is an answer, not an error.

    Args:
        store: where the objects are.
        url: the remote.
        refspecs: such as `<commit>:refs/pull/0123456789abcdef/head`.
        leases: by remote ref, where it must stand now (None: must not exist).
        atomic: all refs or none.
        progress: watches the transfer.
        token: for a hosted forge, which asks for one.

    Raises:
        NetworkError: the remote does not answer or broke off.

    """
    flags = ["--porcelain", "--progress", "--no-verify", "--no-recurse-submodules", "--no-signed"]
    flags += ["--no-follow-tags", *(["--atomic"] if atomic else [])]
    flags += [f"--force-with-lease={ref}:{old or ''}" for ref, old in (leases or {}).items()]
    # A `+` would overrule the lease, and a lease allows by itself what a `+` does.
    specs = [s.lstrip("+") if s.rpartition(":")[2] in (leases or {}) else s for s in refspecs]
    argv = (*_TRANSFER, "push", *flags, "--", _absolute(url), *specs)
    ask = partial(store.git.remote, *argv, progress=progress, more=given_to_git(url, token))
    done = patiently(url, ask)
    pushed = _parse(done)
    if done.code != 0 and pushed.ok:
        raise network_error(url, done.stderr)
    return pushed


_STATUS = re.compile(r"([ +\-*!=])\t[^\t]*:([^\t:]+)\t(.*)\Z")


def _parse(done: Finished) -> Pushed:
    accepted: list[str] = []
    refused: dict[str, str] = {}
    for line in done.stdout.decode("utf-8", "replace").splitlines():
        match = _STATUS.match(line)
        if match and match[1] == "!":
            refused[match[2]] = last_word(match[3])
        elif match:
            accepted.append(match[2])
    said = [line for line in done.stderr.splitlines() if line.startswith("remote:")]
    return Pushed(tuple(accepted), refused, tuple(line.removeprefix("remote:").strip() for line in said))


def _absolute(url: str) -> str:
    """A local path as it is meant here, wherever git runs; an address unchanged."""
    return str(Path(url).absolute()) if Path(url).exists() else url
