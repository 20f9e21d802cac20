"""Checks of a bare repository that hosts a registry: hooks, the Python they run, settings, permissions."""

from __future__ import annotations

import os
import re
import shlex
import stat
from pathlib import Path

from medperf_cli.adapters.store.git import environment, execute
from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.flows.doctor.finding import Finding, fail, ok, warn
from medperf_cli.flows.doctor.hosting import Hosting
from medperf_cli.flows.founding.init_bare import CONFIGURATION, hook_script, pinned_root
from medperf_cli.flows.hosting.upstream import HOOKS

_RENEW = "on that machine: `medperf registry init --bare` on it again, which renews hooks and settings"
_FAR = "it is on another machine; there: `medperf registry doctor` with its folder"
_PYTHON = re.compile(r"^exec (.+) -I -m ci\.hook ", re.MULTILINE)
_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def hooks(hosting: Hosting) -> Finding:
    """Both hooks are there, can be run, and are what this version writes."""
    folder = hosting.folder
    if folder is None:
        return warn("hooks cannot be seen from here", _FAR)
    for name in HOOKS:
        file = folder / "hooks" / name
        if not os.access(file, os.X_OK):
            return fail(f"hook '{name}' is missing or cannot be run: nothing is judged", _RENEW)
        python = _python(file)
        if python is None or file.read_bytes() != hook_script(python, name):
            return warn(f"hook '{name}' is not what this version writes", _RENEW)
    return ok(f"{' and '.join(HOOKS)} are there, as this version writes them")


def python(hosting: Hosting) -> Finding:
    """The Python that the hooks name has this tool."""
    folder = hosting.folder
    if folder is None:
        return warn("the hooks' Python cannot be seen from here", _FAR)
    found = {_python(folder / "hooks" / name) for name in HOOKS}
    named = sorted(name for name in found if name)
    if len(found) != 1 or not named:
        return fail("the hooks name no Python, or two", _RENEW)
    if not os.access(named[0], os.X_OK):
        return fail(f"'{named[0]}', which the hooks name, is not there: every push is refused", _RENEW)
    if not _ours(Path(named[0])):
        return warn(f"'{named[0]}' is another user's, and was not run to see whether it has this tool", _FAR)
    done = execute([named[0], "-I", "-c", "import ci.hook"], environment())
    if done.code != 0:
        return fail(
            f"'{named[0]}' cannot run the hooks: every push is refused", f"install the tool; {_RENEW}"
        )
    return ok(f"'{named[0]}' runs the hooks")


def settings(hosting: Hosting) -> Finding:
    """Git's own settings there are those that the hooks rely on, and the root is pinned."""
    folder = hosting.folder
    if folder is None:
        return warn("settings cannot be seen from here", _FAR)
    with GitStore(folder) as store:
        given = {name: _configured(store, name) for name in CONFIGURATION}
        pinned = pinned_root(store)
    wrong = [name for name, value in CONFIGURATION.items() if given[name] != value]
    if wrong:
        return fail(f"not as the hooks need them: {', '.join(wrong)}", _RENEW)
    if pinned is None:
        return warn("no root is pinned: whoever pushes first founds the registry", _RENEW)
    if pinned != hosting.main().root:
        return fail(f"the pinned root is sha256:{pinned}, and main begins with another", "tell its admins")
    return ok("as the hooks need them; the root is pinned")


def permissions(hosting: Hosting) -> Finding:
    """Hooks are their owner's alone; who may push may write what git writes."""
    folder = hosting.folder
    if folder is None:
        return warn("permissions cannot be seen from here", _FAR)
    files = [folder / "hooks", *(folder / "hooks" / name for name in HOOKS), folder / "config"]
    loose = [file for file in files if file.exists() and _mode(file) & stat.S_IWOTH]
    loose += [file for file in files[1:-1] if file.exists() and _mode(file) & _OTHERS and file not in loose]
    if loose:
        named = ", ".join(str(file.relative_to(folder)) for file in loose)
        return fail(
            f"others may write: {named}; hooks run as whoever pushes", f"chmod go-w there, in '{folder}'"
        )
    with GitStore(folder) as store:
        shared = _configured(store, "core.sharedRepository")
    if shared in ("group", "1", "true") and not _mode(folder / "objects") & stat.S_IWGRP:
        return fail(
            "it is shared, and its group may not write objects", f"chmod -R g+w '{folder / 'objects'}'"
        )
    return ok("hooks are their owner's alone" + (", objects its group's" if shared else ""))


def _ours(program: Path) -> bool:
    """Whether a program that a file names may be run: this user's or root's, and nobody else's to write."""
    info = program.stat()
    return info.st_uid in (0, os.geteuid()) and not info.st_mode & stat.S_IWOTH


def _configured(store: GitStore, name: str) -> str:
    return store.git.local("config", "--local", "--get", name).stdout.decode("utf-8", "replace").strip()


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _python(hook: Path) -> str | None:
    """The Python that a hook runs."""
    try:
        match = _PYTHON.search(hook.read_text("utf-8", "replace"))
        words = shlex.split(match[1]) if match else []
    except (OSError, ValueError):
        return None
    return words[0] if len(words) == 1 else None
