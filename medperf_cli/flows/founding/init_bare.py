"""Making a bare repository that judges what is pushed to it: configuration, hooks, first commit."""

from __future__ import annotations

import datetime as dt
import shlex
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from medperf_cli.adapters.files import write_atomic, writing
from medperf_cli.adapters.store.git import environment, execute, local_error
from medperf_cli.adapters.store.remote import expect_free, init
from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.adapters.store.writing import write_commit
from medperf_cli.core.check.engine import CONSENSUS, check
from medperf_cli.core.check.findings import Verdict
from medperf_cli.core.lifecycle.reader import sha256
from medperf_cli.core.requests import MAIN
from medperf_cli.errors import ConfigurationError, RejectedError
from medperf_cli.flows.hosting.merge_bot import BOT
from medperf_cli.flows.hosting.receive import lines
from medperf_cli.flows.hosting.upstream import HOOKS
from medperf_cli.flows.reading.registry import ROOT_ONE

ROOT_SETTING = "medperf.root"
_MAX_PUSH = 32 * 1024 * 1024

CONFIGURATION = {
    # A user's own core.hooksPath must not lead past the hooks.
    "core.hooksPath": "hooks",
    "core.logAllRefUpdates": "true",
    # What main names must outlive a power cut; by default git does not wait for single objects.
    "core.fsync": "objects,reference",
    "receive.fsckObjects": "true",
    "receive.denyDeletes": "true",
    "receive.denyNonFastForwards": "true",
    "receive.maxInputSize": str(_MAX_PUSH),
    "uploadpack.allowFilter": "true",
    "uploadpack.allowAnySHA1InWant": "false",
}
"""Git's settings that the hooks rely on."""
_SCRIPT = """\
#!/bin/sh
# Written by `medperf registry init --bare`; run it again on this repository to renew this file.
exec {python} -I -m ci.hook {hook}
"""


def init_bare(
    path: Path, files: Mapping[str, bytes], *, clock: Callable[[], dt.datetime], shared: bool = False
) -> str:
    """Make a bare repository at `path` whose main begins with a registry's first commit.

    It stands at `path` only when it is complete.

    Args:
        path: the new repository; must not exist, or be an empty folder.
        files: the first commit's files by path relative to `registry/`: the signed root and its admins.
        clock: the time, aware.
        shared: members of the folder's group may push (git's core.sharedRepository).

    Returns:
        The first commit.

    Raises:
        RejectedError: the files do not begin a registry.
        ConfigurationError: `path` is taken or cannot be written, or this Python cannot run the hooks.

    """
    expect_free(path)
    unfinished = path.with_name(f".{path.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        make_empty(unfinished, sha256(files.get(ROOT_ONE, b"")), shared=shared)
        commit = _begin(unfinished, files, clock())
        with writing(path):
            unfinished.replace(path)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return commit


def make_empty(path: Path, root_sha256: str, *, shared: bool = False) -> None:
    """Make an empty bare repository with hooks, which accepts as its first main only that root.

    Raises:
        ConfigurationError: as `init_bare`.

    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    init(path, shared=shared).close()
    install_hooks(path)
    _configure(path, {ROOT_SETTING: root_sha256})


def install_hooks(path: Path) -> None:
    """Write the hooks of a bare repository (again), run by this very Python, and the settings they rely on.

    Raises:
        ConfigurationError: `path` is no repository or cannot be written, or Python cannot run the hooks.

    """
    _expect_runnable()
    with GitStore(path) as store:
        folder = store.git.directory / "hooks"
    with writing(folder):
        folder.mkdir(exist_ok=True)
    for hook in HOOKS:
        write_atomic(folder / hook, hook_script(sys.executable, hook), mode=0o755)
    _configure(path, {})


def hook_script(python: str, hook: str) -> bytes:
    """The file of a hook, run by a Python."""
    return _SCRIPT.format(python=shlex.quote(python), hook=hook).encode()


def pinned_root(store: GitStore) -> str | None:
    """The SHA-256 of the root that a bare repository was made for; None if it was never told."""
    done = store.git.local("config", "--get", ROOT_SETTING)
    return done.stdout.decode("ascii", "replace").strip() or None


def _configure(path: Path, settings: Mapping[str, str]) -> None:
    with GitStore(path) as store:
        for name, value in {**CONFIGURATION, **settings}.items():
            done = store.git.local("config", name, value)
            if done.code != 0:
                raise local_error(store.git.directory, done.stderr)


def _begin(path: Path, files: Mapping[str, bytes], now: dt.datetime) -> str:
    with GitStore(path) as store:
        commit = write_commit(store, None, files, "the registry begins", author=BOT, date=now)
        report = check(store.change(None, commit), sorts=CONSENSUS)
        if report.verdict is Verdict.REJECT:
            raise RejectedError("\n  ".join(["this does not begin a registry:", *lines(report.findings)]))
        store.update_ref(MAIN, commit, None)
    return commit


def _expect_runnable() -> None:
    # Hooks run isolated (-I): neither the pusher's PYTHONPATH nor the repository's folder may bring code in.
    done = execute([sys.executable, "-I", "-c", "import ci.hook"], environment())
    if done.code != 0:
        raise ConfigurationError(
            f"'{sys.executable}' cannot run the hooks: this tool is not installed in it",
            hint="install it there (`pip install medperf-registry`), then run the same command again",
        )
