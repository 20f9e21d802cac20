"""Checks of the machine: the container engine, room, the folder for settings and its file system, proxies."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import shutil
import tempfile
from pathlib import Path

from medperf_cli.adapters.runtime import docker_engine
from medperf_cli.adapters.runtime.base import EngineInfo
from medperf_cli.adapters.runtime.base import Settings as EngineSettings
from medperf_cli.adapters.runtime.isolation import Measure
from medperf_cli.adapters.store.git import printable
from medperf_cli.errors import EngineError
from medperf_cli.flows.doctor.finding import Finding, World, fail, ok, warn

_GIB = 1 << 30
_LITTLE, _NOTHING = 10 * _GIB, _GIB
_ENGINE_SECONDS = 6
_MOUNTS = Path("/proc/self/mountinfo")
_REMOTE = re.compile(
    r"(nfs|cifs|smb|ceph|lustre|gpfs|beegfs|afs|9p|fuse\.sshfs|fuse\.gluster)", re.IGNORECASE
)
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


def _engine_info() -> EngineInfo:
    return docker_engine.connect(EngineSettings(timeout_seconds=_ENGINE_SECONDS)).info()


def engine(_world: World) -> Finding:
    """A container engine answers, and is new enough."""
    try:
        info = _engine_info()
    except EngineError as error:
        text = f"{error.message}; reading, deciding and verifying need none"
        return warn(text, error.hint)
    kind = "rootless" if info.rootless else "not rootless: who may use it is root on this machine"
    return ok(f"{info.name} {info.version} ({kind})")


def isolation(_world: World) -> Finding:
    """Which limits of the isolation policy this engine and kernel cannot apply."""
    try:
        info = _engine_info()
    except EngineError:
        return warn("no engine to ask", "see the check of the engine")
    if info.lacks:
        return warn(
            f"these do not hold here: {', '.join(info.lacks)}; results say so",
            "delegate cgroup version 2 controllers to the engine, and use its default seccomp profile",
        )
    return ok(f"all {len(Measure)} measures can be applied (cgroup version {info.cgroup_version})")


def disk(world: World) -> Finding:
    """Room where cubes write; it is looked at where each part really stands."""
    settings = world.deps.settings
    places = (
        settings.home,
        settings.runs,
        settings.assets_folder,
        settings.home / "data",
        Path(tempfile.gettempdir()),
    )
    free = {}
    for place in places:
        there = _existing(place)
        free[there.stat().st_dev] = (shutil.disk_usage(there).free, there)
    least, where = min(free.values())
    text = ", ".join(f"{bytes_free / _GIB:,.1f} GiB free at '{path}'" for bytes_free, path in free.values())
    repair = (
        f"free space at '{where}', or `medperf storage move` what is large; `medperf storage cleanup` helps"
    )
    if least < _NOTHING:
        return fail(text, repair)
    return warn(text, repair) if least < _LITTLE else ok(text)


def settings(world: World) -> Finding:
    """The profile in use can be read, and every value makes sense."""
    if world.trouble is not None:
        return fail(world.trouble.message, world.trouble.hint)
    used = world.deps.settings
    return ok(f"profile '{used.profile}'" + ("" if used.file.exists() else ", all defaults"))


def home(world: World) -> Finding:
    """The folder for settings can be written to, or made."""
    folder = world.deps.settings.home
    there = _existing(folder)
    give = "give this user access to it, or set MEDPERF_HOME to another folder"
    if not there.is_dir():
        return fail(f"'{folder}' cannot be: '{there}' is no folder", give)
    if there != folder:
        made = os.access(there, os.W_OK | os.X_OK)
        return ok(f"'{folder}' is not there yet") if made else fail(f"'{folder}' cannot be made", give)
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        return fail(f"'{folder}' cannot be written: {(error.strerror or '').lower()}", give)
    if folder.stat().st_mode & 0o002:
        return warn(f"everybody may write to '{folder}'", f"run `chmod o-w {folder}`")
    return ok(f"'{folder}'")


def file_system(world: World) -> Finding:
    """The file system below the folder for settings can rename and lock, above all if it is a network's."""
    folder = world.deps.settings.home
    kind = _file_system(_existing(folder))
    shown = f"{kind}, over the network" if _REMOTE.match(kind) else kind
    if not folder.is_dir():
        return ok(f"{shown}; rename and lock are tried once '{folder}' is there")
    try:
        trouble = _try(folder)
    except OSError as error:
        return fail(
            f"{shown}: {(error.strerror or str(error)).lower()}", "set MEDPERF_HOME to a local folder"
        )
    if trouble:
        return fail(f"{shown}: {trouble}", "set MEDPERF_HOME to a file system that can")
    return ok(f"{shown}; rename and lock work")


def _try(folder: Path) -> str:
    """What the file system cannot do; empty where it can."""
    with tempfile.TemporaryDirectory(dir=folder, prefix=".doctor-") as scratch:
        old, new = Path(scratch, "old"), Path(scratch, "new")
        new.write_bytes(b"new")
        old.write_bytes(b"old")
        new.replace(old)
        if old.read_bytes() != b"new":
            return "a rename does not replace"
        with old.open("rb+") as first, old.open("rb+") as second:
            fcntl.flock(first, fcntl.LOCK_EX | fcntl.LOCK_NB)
            try:
                fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                return "" if error.errno in {errno.EWOULDBLOCK, errno.EACCES} else "it cannot lock"
    return "a lock keeps nobody out"


def _file_system(path: Path) -> str:
    """The type of the file system below a path (proc(5), mountinfo); `unknown` where that is not shown."""
    best = ("", "unknown")
    try:
        lines = _MOUNTS.read_text("utf-8", "replace").splitlines()
    except OSError:
        return best[1]
    for line in lines:
        before, _, after = line.partition(" - ")
        mounted = before.split()[4].encode().decode("unicode_escape", "replace")
        if path.is_relative_to(mounted) and len(mounted) >= len(best[0]):
            best = (mounted, after.split()[0])
    return best[1]


def proxy(world: World) -> Finding:
    """The proxy variables that this tool sees; an engine and its containers have their own."""
    found = {n: v for n, v in world.environ.items() if n.lower() in _PROXIES and v}
    if not found:
        return ok("no proxy variables")
    # A proxy's address may hold a password.
    text = ", ".join(f"{name}={printable(value)}" for name, value in sorted(found.items()))
    for name in _PROXIES:
        small, large = found.get(name), found.get(name.upper())
        if small and large and small != large:
            return warn(
                f"{text}: {name} and {name.upper()} differ",
                "set both alike: programs prefer one or the other",
            )
    return ok(text)


def _existing(path: Path) -> Path:
    """The path, or the nearest folder above it that is there, links followed."""
    for candidate in (path, *path.parents):
        if os.path.lexists(candidate):
            return candidate.resolve() if candidate.exists() else candidate
    return Path("/")
